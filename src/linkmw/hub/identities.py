"""The realm's users as the first sign-in needs them: who has an address, who somebody is, and a new one (AKE-5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Literal, ParamSpec, Protocol, TypeVar

from linkmw import metrics, tracing
from linkmw.errors import LinkmwError, Unavailable
from linkmw.hub import credentials
from linkmw.hub.ports import KnownIdentity, NewIdentity
from linkmw.model import Identity, Tenant
from linkmw.run import in_thread
from linkmw.secret import Secret

P = ParamSpec("P")
T = TypeVar("T")

NEW_PASSWORD = "UPDATE_PASSWORD"  # noqa: S105 (Keycloak's name for what it asks at the next sign-in)


class Users(Protocol):
    """A realm's users; blocking. Raises Unavailable, or another LinkmwError when Keycloak refuses."""

    def having(self, name: Literal["email", "username"], value: str) -> list[dict[str, Any]]: ...

    def get(self, subject: str) -> dict[str, Any] | None: ...

    def create(self, representation: Mapping[str, Any]) -> str | None: ...

    def cancel_email_change(self, subject: str) -> bool: ...


UsersOf = Callable[[Tenant], Users]


def representation(new: NewIdentity) -> dict[str, Any]:
    """The user as Keycloak is told of it (UserRepresentation). Raises HashRefused for a hash that it cannot try."""
    password = [credentials.of_phc(new.password_hash).representation()] if new.password_hash else []
    return {
        "username": new.email,
        "email": new.email,
        "emailVerified": True,
        "enabled": True,
        "credentials": password,
        "requiredActions": [NEW_PASSWORD] if new.falls_short or not password else [],
        "attributes": {"locale": [new.language]} if new.language else {},
    }


class RealmIdentities:
    """Implements hub.ports.Identities, as the hub's service account. seconds: for one whole answer."""

    def __init__(self, users_of: UsersOf, seconds: float) -> None:
        self._users_of = users_of
        self._seconds = seconds
        self._known: dict[tuple[str, str, str, Secret], Users] = {}  # as many as there are tenants

    async def of_address(self, tenant: Tenant, email: str) -> list[KnownIdentity]:
        return await self._asked(self._of_address, tenant, email) if email else []  # "" is not asked for at Keycloak

    async def of_identity(self, tenant: Tenant, identity: Identity) -> KnownIdentity | None:
        return await self._asked(self._of_identity, tenant, identity)

    async def create(self, tenant: Tenant, new: NewIdentity) -> Identity | None:
        return await self._asked(self._create, tenant, new)

    async def cancel_email_change(self, tenant: Tenant, identity: Identity) -> bool:
        return await self._asked(self._cancel_email_change, tenant, identity)

    async def _asked(self, question: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """The answer, in time. What Keycloak refuses is nothing a visitor could do about: Unavailable as well."""
        try:
            async with asyncio.timeout(self._seconds):
                with tracing.span("keycloak"), metrics.timed("keycloak"):
                    return await in_thread(question, *arguments, **named)
        except TimeoutError:
            raise Unavailable("Keycloak did not answer in time") from None
        except Unavailable:
            raise
        except LinkmwError as error:
            raise Unavailable(str(error)) from error

    def _users(self, tenant: Tenant) -> Users:
        key = (tenant.issuer, tenant.internal_issuer, tenant.keycloak_client_id, tenant.keycloak_client_secret)
        if key not in self._known:
            self._known = {kept: users for kept, users in self._known.items() if kept[:3] != key[:3]} | {
                key: self._users_of(tenant)
            }
        return self._known[key]

    def _of_address(self, tenant: Tenant, email: str) -> list[KnownIdentity]:
        """A username is believed to be the one asked for: in a realm whose people sign in by e-mail Keycloak shows the
        e-mail in its place, though the name itself still stands in the way of a new user."""
        users = self._users(tenant)
        by_email = [user for user in users.having("email", email) if _has(user, email)]
        found = by_email + users.having("username", email)
        return list({user["id"]: _known(tenant, user) for user in found}.values())

    def _of_identity(self, tenant: Tenant, identity: Identity) -> KnownIdentity | None:
        found = self._users(tenant).get(identity.subject) if identity.issuer == tenant.issuer else None
        return _known(tenant, found) if found else None

    def _create(self, tenant: Tenant, new: NewIdentity) -> Identity | None:
        subject = self._users(tenant).create(representation(new))
        return Identity(tenant.issuer, subject) if subject else None

    def _cancel_email_change(self, tenant: Tenant, identity: Identity) -> bool:
        return identity.issuer == tenant.issuer and self._users(tenant).cancel_email_change(identity.subject)


def _known(tenant: Tenant, user: Mapping[str, Any]) -> KnownIdentity:
    return KnownIdentity(
        identity=Identity(tenant.issuer, str(user["id"])),
        username=str(user.get("username") or ""),
        email=str(user.get("email") or ""),
        email_verified=user.get("emailVerified") is True,
        enabled=user.get("enabled") is True,
    )


def _has(user: Mapping[str, Any], email: str) -> bool:
    """Is it this address, to the letter but for case? The search is Keycloak's, or of a store behind it."""
    return str(user.get("email") or "").casefold() == email.casefold()
