"""A realm's users, asked for as the hub's own service account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from linkmw.keycloak.admin import TIMEOUT_SECONDS, as_service_account, asked, delete, unless
from linkmw.keycloak.floor import check_version
from linkmw.model import Identity, Tenant
from linkmw.secret import Secret

# An address that a user asked for, until the mail's link that went there is opened; and the action that asks for one.
PENDING_EMAIL, NEW_EMAIL = "kc.email.pending", "UPDATE_EMAIL"


class Users:
    """A realm's users, asked for as a service account. Raises Unavailable, KeycloakRefused.

    issuer: as this machine reaches the realm. A representation is Keycloak's (Admin REST API, UserRepresentation).
    """

    def __init__(self, issuer: str, client_id: str, secret: Secret, seconds: float = TIMEOUT_SECONDS) -> None:
        self._admin = as_service_account(issuer, client_id, secret, seconds)

    @classmethod
    def of(cls, tenant: Tenant, seconds: float = TIMEOUT_SECONDS) -> Users:
        """As the hub's own client in the tenant's realm."""
        issuer = tenant.internal_issuer or tenant.issuer
        return cls(issuer, tenant.keycloak_client_id, tenant.keycloak_client_secret, seconds)

    def check_version(self) -> None:
        """Raises KeycloakTooOld for a server that says so."""
        check_version(asked("say its version", self._admin.get_server_info))

    def having(self, name: Literal["email", "username"], value: str) -> list[dict[str, Any]]:
        """Users with exactly this e-mail, or username; Keycloak keeps both in small letters."""
        query = {name: value.lower(), "exact": "true", "briefRepresentation": "true", "max": 10}
        return asked("look for a user", lambda: [_user(one) for one in self._admin.get_users(query)])

    def get(self, subject: str) -> dict[str, Any] | None:
        """None for one who is not there."""
        return unless(404, "read a user", lambda: _user(self._admin.get_user(subject)))

    def create(self, representation: Mapping[str, Any]) -> str | None:
        """The new user's id; None when somebody has the username or the e-mail."""
        return unless(409, "create a user", self._admin.create_user, dict(representation))

    def cancel_email_change(self, subject: str) -> bool:
        """No address waits to become the user's by a mail's link; was there one? (Keycloak 26: UPDATE_EMAIL)"""
        user = self.get(subject) or {}
        attributes, actions = user.get("attributes", {}), user.get("requiredActions", [])
        if PENDING_EMAIL not in attributes and NEW_EMAIL not in actions:
            return False
        blank = {**attributes, PENDING_EMAIL: [""]}  # one that is merely left out stays (26.7.3)
        without = {**user, "attributes": blank, "requiredActions": [name for name in actions if name != NEW_EMAIL]}
        asked("cancel a change of address", self._admin.update_user, subject, without)
        return True

    def delete(self, subject: str) -> None:
        """The user is gone, also when there was none."""
        unless(404, "delete a user", self._admin.delete_user, subject)

    def credentials(self, subject: str) -> list[dict[str, Any]]:
        """What the user signs in with, without its secrets (CredentialRepresentation); [] for one who is not there."""
        return unless(404, "read a user's credentials", self._admin.get_credentials, subject) or []

    def mail_actions(self, subject: str, actions: Sequence[str]) -> None:
        """Keycloak mails the user a link by which to do these required actions."""
        asked("mail a user", self._admin.send_update_account, subject, list(actions))

    def end_sessions(self, subject: str) -> None:
        """Every session of the user has ended; one who is not there has none. Keycloak tells its clients of each."""
        unless(404, "end a person's sessions", self._admin.user_logout, subject)

    def end_session(self, keycloak_sid: str) -> None:
        """The session of that `sid` has ended, also when there was none. Keycloak tells its clients of it."""
        unless(404, "end a session", delete, self._admin, "sessions", keycloak_sid)


def _user(found: object) -> dict[str, Any]:
    """A user as Keycloak shows one. Raises TypeError: nothing else is read as nobody (I4)."""
    if not isinstance(found, dict) or not isinstance(found.get("id"), str):
        raise TypeError("no representation of a user")
    return found


def end_sessions(tenant: Tenant, identity: Identity, keycloak_sid: str, seconds: float) -> None:
    """That session of this person at Keycloak has ended, or, without a `sid`, every one.

    Asked for as the hub's own service account. Raises Unavailable, KeycloakRefused.
    """
    users = Users.of(tenant, seconds)
    if keycloak_sid:
        users.end_session(keycloak_sid)
    else:
        users.end_sessions(identity.subject)
