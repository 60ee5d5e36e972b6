"""Which page an error deserves. Codes stay for log and test; people read the words of `templates/error.html`."""

from __future__ import annotations

from typing import Literal

from linkmw.errors import (
    IdentityChanged,
    LinkmwError,
    ProviderRefused,
    RequestRefused,
    StateMismatch,
    TenantNotEnabled,
    TooMany,
    Unavailable,
)

Problem = Literal[
    "expired",  # the sign-in or proof is too old, or was never kept
    "link_expired",  # a mail's link that confirms an address is too old
    "not_begun_here",  # an answer that belongs to no sign-in of this browser
    "no_session",  # sign-ins that the product kept no session of (P-7)
    "no_cookie",  # the same, and the browser may keep none
    "cancelled",  # the person, or the provider for them, said no
    "unavailable",  # Keycloak, Redis, SQL, hub or product did not answer
    "too_many",  # a limit
    "not_known",  # a product or tenant that is unknown here, or switched off
    "other_identity",  # the flow went on as somebody else
    "account_closed",  # the account is gone or may not sign in
    "no_proof",  # no way to prove an account of this product as it is set up
    "out_of_date",  # a form that came too late, twice, or from elsewhere
    "not_found",  # no such page
    "bad_request",  # not shaped as the protocol says
    "failed",  # anything else: ours
]

_BY_CODE: dict[str, Problem] = {
    "account_inactive": "account_closed",
    "account_gone": "account_closed",
    "access_denied": "cancelled",
    "csrf": "out_of_date",
    "expired": "expired",
    "flow_spent": "expired",
    "invalid_client": "unavailable",  # the product's secret is wrong: nothing that a visitor could do
    "invalid_grant": "expired",  # a code lives for a minute
    "link_expired": "link_expired",
    "mail_header": "failed",
    "no_cookie": "no_cookie",
    "no_proof": "no_proof",
    "no_session": "no_session",
    "not_found": "not_found",
    "not_yours": "out_of_date",  # another's link, or one that is gone: both look alike
    "temporarily_unavailable": "unavailable",
    "tenant_not_enabled": "not_known",
    "wrong_step": "out_of_date",
}
_BY_CLASS: tuple[tuple[type[LinkmwError], Problem], ...] = (
    (StateMismatch, "not_begun_here"),
    (Unavailable, "unavailable"),
    (TooMany, "too_many"),
    (TenantNotEnabled, "not_known"),
    (IdentityChanged, "other_identity"),
    (RequestRefused, "bad_request"),
)


def problem_of(error: LinkmwError) -> Problem:
    """The page for `error`: by its code, else by whose fault it is."""
    code = error.error if isinstance(error, ProviderRefused) else error.code
    if code in _BY_CODE:
        return _BY_CODE[code]
    return next((problem for kind, problem in _BY_CLASS if isinstance(error, kind)), "failed")
