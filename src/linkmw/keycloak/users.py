"""A realm's users, asked for as the hub's own service account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from linkmw.keycloak.admin import TIMEOUT_SECONDS, as_service_account, asked, unless
from linkmw.model import Identity, Secret, Tenant


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

    def having(self, name: Literal["email", "username"], value: str) -> list[dict[str, Any]]:
        """Users with exactly this e-mail, or username; Keycloak keeps both in small letters."""
        query = {name: value.lower(), "exact": "true", "briefRepresentation": "true", "max": 10}
        found: list[dict[str, Any]] = asked("look for a user", self._admin.get_users, query)
        return found

    def get(self, subject: str) -> dict[str, Any] | None:
        """None for one who is not there."""
        return unless(404, "read a user", self._admin.get_user, subject)

    def create(self, representation: Mapping[str, Any]) -> str | None:
        """The new user's id; None when somebody has the username or the e-mail."""
        return unless(409, "create a user", self._admin.create_user, dict(representation))

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


def end_sessions(tenant: Tenant, identity: Identity, seconds: float) -> None:
    """Every session of this person at Keycloak has ended, asked for as the hub's own service account.

    Raises Unavailable, KeycloakRefused.
    """
    Users.of(tenant, seconds).end_sessions(identity.subject)
