"""The error tree. Whose fault it is shows in the class; `code` is the same in log, page and test.

`status` is the HTTP status that a visitor gets with the page for it.

What is expected is a value, not an error: a wrong password, a second factor still missing, a link that is gone.
"""

from __future__ import annotations

UNEXPECTED = "unexpected"  # what log, page and audit trail call a failure that nobody foresaw


class LinkmwError(Exception):
    """Anything linkmw refuses. `code`: short, stable, ASCII. The message never holds a secret."""

    code = "linkmw_error"
    status = 500

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message or self.code)
        if code is not None:
            self.code = code


class SettingsError(LinkmwError):
    """The operator's: names the setting and what would be right. Raised at start, never at a visitor."""

    code = "settings"


class RegistrationRefused(LinkmwError):
    """The operator's: a tenant or product that cannot be registered as described; says what would be right."""

    code = "registration_refused"


class ProtocolError(LinkmwError):
    """The other side's: the flow ends and the native login is offered."""

    code = "protocol"
    status = 400


class StateMismatch(ProtocolError):
    """The answer belongs to no sign-in that this browser began (RFC 9700, 4.7)."""

    code = "state_mismatch"


class NoCookie(StateMismatch):
    """This browser shows no cookie of ours: it began nothing here, or it keeps none."""

    code = "no_cookie"


class TokenRejected(ProtocolError):
    """A token failed a check; `code` names the first check that failed, for instance `token_audience`."""

    code = "token_rejected"


class RequestRefused(ProtocolError):
    """A request that is not shaped as the protocol says. `status` is the HTTP status to answer with."""

    code = "request_refused"

    def __init__(self, message: str = "", *, code: str | None = None, status: int = 400) -> None:
        super().__init__(message, code=code)
        self.status = status


class ProviderRefused(ProtocolError):
    """The provider answered with an OAuth 2.0 error (RFC 6749, 4.1.2.1): `error` and its `description`."""

    code = "provider_refused"

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(f"the provider answered {error}")
        self.error = error
        self.description = description


class LinkRefused(LinkmwError):
    """A rule said no."""

    code = "link_refused"
    status = 403


class AccountTaken(LinkRefused):
    """The account belongs to another identity (MIM-8)."""

    code = "account_taken"


class IdentityChanged(LinkRefused):
    """The flow began with one identity and went on with another (security.md, LT09)."""

    code = "identity_changed"


class TenantNotEnabled(LinkRefused):
    """The client is unknown, disabled, or of another tenant: all three answer alike."""

    code = "tenant_not_enabled"
    status = 404


class TooMany(LinkmwError):
    """A limit was reached. `retry_after`: seconds until the next try counts."""

    code = "too_many"
    status = 429

    def __init__(self, retry_after: int, message: str = "") -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(LinkmwError):
    """Keycloak, Redis, SQL, hub or product did not answer. Falls to the native login, never means "not found"."""

    code = "unavailable"
    status = 503


class KeycloakRefused(LinkmwError):
    """The operator's: Keycloak answered and said no. status: of its answer. The message names what was asked."""

    code = "keycloak_refused"

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class KeycloakTooOld(LinkmwError):
    """The operator's: the Keycloak there has published holes. The message names its version and the oldest good one."""

    code = "keycloak_too_old"
