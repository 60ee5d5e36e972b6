"""Decisions of the hub, pure: values in, a verdict out. Their truth tables are in tests/hub/test_hub_rules.py."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeGuard

from linkmw.errors import RequestRefused
from linkmw.hub.mail.names import is_address
from linkmw.hub.ports import AccountAnswer, Flow, Grant, HubSession
from linkmw.model import Account, Client, Identity, Link, Proof, Tenant
from linkmw.secret import Secret

PROTOCOL = 1
KINDS = ("form", "native")  # how an account may have been proven: by the gate's page, or by the product's own login
MAX_USERNAME = 64  # characters (PR14)
SKEW = 60  # seconds by which two clocks may differ (security.md, section 3)

_ACCOUNT_ID = re.compile(r"[\x21-\x7e]{1,255}\Z")  # it becomes a `sub`: OpenID Connect Core 1.0, 2
_TRANSACTION = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_ORDER = re.compile(r"[0-9]{1,18}(,[0-9]{1,18}){0,999}\Z")
_AMR = re.compile(r"[A-Za-z0-9_.-]{1,32}\Z")
# Unicode categories that never stand in a name: control, format (bidi overrides are there), surrogates, unassigned,
# private use, line and paragraph separators. U+200C and U+200D, needed to write Persian and Hindi, are excepted.
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"))
_JOINERS = frozenset("\u200c\u200d")


# After Keycloak said who it is


@dataclass(frozen=True, slots=True)
class Enter:
    """Straight on to the product, as this account (MIM-14)."""

    link: Link


@dataclass(frozen=True, slots=True)
class Choose:
    """Ask which of several accounts (MIM-17); the first is the owner's first."""

    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class LinkFirst:
    """No account of this product yet: ask for a proof (MIM-4)."""


@dataclass(frozen=True, slots=True)
class NotOffered:
    """No account yet, and this product cannot prove one (proof = "none")."""


def after_sign_in(links: Sequence[Link], client: Client) -> Enter | Choose | LinkFirst | NotOffered:
    """What a sign-in to `client` leads to, for an identity with these `links` there, in the owner's order."""
    if not links:
        return NotOffered() if client.proof == "none" else LinkFirst()
    return Enter(links[0]) if len(links) == 1 else Choose(tuple(links))


def without_a_page(decision: Enter | Choose | LinkFirst | NotOffered) -> str:
    """What a product is told that wants an answer without any page (OpenID Connect Core 1.0, 3.1.2.6); "" for a yes."""
    if isinstance(decision, Choose):
        return "account_selection_required"
    return "interaction_required" if isinstance(decision, LinkFirst) else ""


def of_newcomer(flow: Flow, identity: Identity) -> Flow:
    """`flow`, now that `identity` has signed in. What somebody else wanted in it is dropped (FC19)."""
    if flow.identity is None or flow.identity == identity:
        return flow
    return replace(flow, purpose="sign_in" if flow.request else "manager", then="", identity=None)


def is_open(tenant: Tenant | None, client: Client | None) -> bool:
    """May anybody sign in to this client? Unknown, disabled and another tenant's are all the same no (PR08, LT17)."""
    return (
        tenant is not None
        and client is not None
        and tenant.enabled
        and client.enabled
        and client.organization_id == tenant.organization_id
    )


# Whose flow it is


def is_of_browser(flow: Flow, browser_key: str) -> bool:
    return hmac.compare_digest(flow.browser, browser_key)


def is_recent(auth_time: int, max_age: int | None, now: int) -> bool:
    """Did the person sign in as lately as the product asked for? (TV24)"""
    return max_age is None or auth_time >= now - max_age - SKEW


def is_too_old_to_link(tenant: Tenant, auth_time: int, seconds: int, now: int) -> bool:
    """Does the tenant want a fresher sign-in than this before a proof is asked for? (MIM-28)"""
    return tenant.fresh_sign_in and not is_recent(auth_time, seconds, now)


def opens(session: HubSession | None, tenant: Tenant) -> TypeGuard[HubSession]:
    """Is this a session of that tenant's, begun at Keycloak? One that a proof began opens no manager (PR08, PR21)."""
    return is_of(session, tenant) and session.by_proof == ""


def is_of(session: HubSession | None, tenant: Tenant) -> TypeGuard[HubSession]:
    """Is this a session of that tenant's, however it began? (PR08)"""
    return (
        session is not None
        and session.organization_id == tenant.organization_id
        and session.identity.issuer == tenant.issuer
    )


SupportLevel = Literal["", "read", "write"]


def support_of(roles: Sequence[str], tenant: Tenant, write_role: str, read_role: str) -> SupportLevel:
    """What somebody with these realm roles may do on the tenant's support page. The larger right counts."""

    def has(name: str) -> bool:
        return bool(name) and name.replace("{tenant}", tenant.organization_id) in roles

    return "write" if has(write_role) else "read" if has(read_role) else ""


SupportVerdict = Literal["", "staff", "staff_unknown"]


def support_may_remove(facts: AccountAnswer | None) -> SupportVerdict:
    """Why the support may not remove the link of this account; "" where it may (PR27).

    facts: the product's word, None when it cannot be asked. What nobody says is no permission.
    """
    if facts is None:
        return "staff_unknown"
    if not facts.found:
        return ""
    return "staff_unknown" if facts.staff is None else "staff" if facts.staff else ""


def is_same_person(flow: Flow, session: HubSession | None) -> bool:
    """Is who is signed in at the hub now still who the flow began with? (LT09) By a proof: for that product only."""
    return (
        session is not None
        and session.by_proof in ("", flow.client_id)
        and flow.identity is not None
        and session.identity == flow.identity
        and session.organization_id == flow.organization_id
    )


# What its owner does with links


def chosen(choice: str, links: Sequence[Link]) -> Link | None:
    """The link of that id among the person's own; None for any other (LT13, LT14)."""
    return next((link for link in links if str(link.link_id) == choice), None)


def last_used(links: Sequence[Link]) -> Link | None:
    """The link that was gone through last, if any was (MIM-17)."""
    used = [link for link in links if link.last_used is not None]
    return max(used, key=lambda link: link.last_used or 0) if used else None


def read_order(text: str) -> tuple[int, ...]:
    """Link ids with commas between them. Raises RequestRefused."""
    if not _ORDER.match(text):
        raise RequestRefused("link ids are numbers with commas")
    return tuple(int(link_id) for link_id in text.split(","))


def moved(order: Sequence[int], link_id: int, by: int) -> tuple[int, ...]:
    """`order` with one link `by` places further down, or up where that is negative; at an end it stays (MIM-19).

    Raises RequestRefused, 404, for a link that is not in it.
    """
    if link_id not in order:
        raise RequestRefused("no such link in that order", code="not_found", status=404)
    others = [other for other in order if other != link_id]
    place = max(0, list(order).index(link_id) + by)
    return (*others[:place], link_id, *others[place:])


# What a product says it proved


def _is_plain(text: str) -> bool:
    return not any(unicodedata.category(c) in _HIDDEN and c not in _JOINERS for c in text)


def is_username(text: str) -> bool:
    """May this stand in our pages and mails? At most 64 characters, none of them hidden (PR14, LT16)."""
    return bool(text.strip()) and len(text) <= MAX_USERNAME and _is_plain(text)


def mailable(address: str) -> str:
    """`address` if a mail can go there and nowhere else, else "": a product may have anything on file (UM09)."""
    return address if is_address(address) and _is_plain(address) else ""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise RequestRefused("a text was expected", code="invalid_proof")
    return value


def read_account(value: object) -> Account:
    """The account of a push (protocol, section 3). Raises RequestRefused(code="invalid_proof") (PR14)."""
    if not isinstance(value, Mapping):
        raise RequestRefused("account is missing", code="invalid_proof")
    account_id, username = _text(value.get("account_id")), _text(value.get("username"))
    if not _ACCOUNT_ID.match(account_id) or not is_username(username):
        raise RequestRefused("account_id or username is not acceptable", code="invalid_proof")
    email = mailable(_text(value.get("email", "")))
    return Account(account_id, username, email, email_verified=bool(email) and value.get("email_verified") is True)


def _read_amr(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > 10:
        raise RequestRefused("amr is a short list", code="invalid_proof")
    if not all(isinstance(item, str) and _AMR.match(item) for item in value):
        raise RequestRefused("amr holds RFC 8176 values", code="invalid_proof")
    return tuple(value)


def read_push(body: Mapping[str, object], now: int, seconds: int) -> Proof:
    """The proof of a push. seconds: how long ago it may have been proven. Raises RequestRefused("invalid_proof").

    `jti` names the push for whoever reads both sides' logs; what refuses a replay is its transaction, which is over
    as soon as it is committed, and until then answers the same account with another code (PR17).
    """
    transaction, proven_at = _text(body.get("transaction")), body.get("proven_at")
    if not _TRANSACTION.match(transaction) or not _TRANSACTION.match(_text(body.get("jti"))):
        raise RequestRefused("transaction or jti is missing", code="invalid_proof")
    if not isinstance(proven_at, int) or isinstance(proven_at, bool):
        raise RequestRefused("proven_at is a number of seconds", code="invalid_proof")
    if not now - seconds - SKEW <= proven_at <= now + SKEW:
        raise RequestRefused("proven_at is not now: compare the clocks", code="invalid_proof")
    account, amr, short = read_account(body.get("account")), _read_amr(body.get("amr")), body.get("falls_short")
    if short is not None and not isinstance(short, bool):
        raise RequestRefused("falls_short is true, false, or not there", code="invalid_proof")
    kind = body.get("kind", "form")
    if kind not in KINDS:
        raise RequestRefused("kind is form or native", code="invalid_proof")
    return Proof(Secret(transaction), account, amr, proven_at, short, native=kind == "native")


PushVerdict = Literal["accept", "unknown_transaction", "other_account", "invalid_proof"]


def may_push(flow: Flow | None, client_id: str, proof: Proof, now: int) -> PushVerdict:
    """May this client's push count for this flow? Another client's flow does not exist for it (PR08, PR17).

    A first sign-in is for an account that was named at the hub, which no native login asks for (AKE-10).
    """
    if flow is None or flow.client_id != client_id or flow.step != "prove" or flow.expires <= now:
        return "unknown_transaction"
    if proof.native and flow.purpose == "first_sign_in":
        return "invalid_proof"
    if flow.account is not None and flow.account.account_id != proof.account.account_id:
        return "other_account"
    return "accept"


CommitVerdict = Literal["commit", "ask", "confirm", "used", "state_mismatch", "expired", "identity_changed"]


def may_commit(
    flow: Flow | None, browser_key: str, code_hash: str, session: HubSession | None, now: int
) -> CommitVerdict:
    """May this browser turn the flow's proof into a link? The one place where both proofs meet (design 3, I7).

    The browser that began (cookie) and the browser that proved (code) must be one, for one identity; at a first
    sign-in there is none yet, and an address is confirmed before there is. ask: it was the product's own login that
    proved the account, maybe in another tab and for another purpose (PR05).
    """
    if flow is None or not is_of_browser(flow, browser_key) or flow.account is None:
        return "state_mismatch"
    if not hmac.compare_digest(flow.code, code_hash):
        return "state_mismatch"  # an older code of this flow: a later push killed it (PR17)
    if flow.step != "prove":
        return "used"
    if flow.expires <= now:
        return "expired"
    if flow.purpose == "first_sign_in":
        return "confirm"
    if not is_same_person(flow, session):
        return "identity_changed"
    return "ask" if flow.native else "commit"


AgreeVerdict = Literal["commit", "used", "expired", "identity_changed"]


def may_agree(flow: Flow, session: HubSession | None, now: int) -> AgreeVerdict:
    """May the person of this browser's own flow have the link that they were asked about (PR05)?"""
    if flow.step != "agree":
        return "used"
    if flow.expires <= now:
        return "expired"
    return "commit" if is_same_person(flow, session) else "identity_changed"


# What an authorization code is worth


def is_live(grant: Grant, link: Link | None) -> bool:
    """Is the link still there that this grant was given for? (RC07: unlinked meanwhile)"""
    return link is not None and link.identity == grant.identity and link.link_id == grant.link_id
