"""The realms of the demo and the tests, as Keycloak imports them at its first start. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from linkmw.keycloak import HubClient, RealmSettings, new_realm, representation
from linkmw.pages.language import DEFAULT, LANGUAGES
from linkmw.secret import Secret

CLIENT_ID = "linkmw-hub"
_LANGUAGES = (DEFAULT, *(one for one in LANGUAGES if one != DEFAULT))
SUPPORT_ROLES = ("linkmw-support", "linkmw-support-read")


@dataclass(frozen=True, slots=True)
class Organization:
    """A tenant of the demo. key: its organization id, and its realm's name. primary: its brand's colour, "#rrggbb"."""

    key: str
    brand: str
    primary: str

    @property
    def address(self) -> str:
        """From which its mails come."""
        return f"id@{self.key}.example"

    @property
    def contact(self) -> str:
        return f"help@{self.key}.example"


ACME = Organization("acme", "ACME ID", "#0f5c4d")
REALM = ACME.key


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an identity: signs in at Keycloak with this e-mail (already verified) and password.

    roles: realm roles, of those for the hub's support page.
    """

    email: str
    password: str = field(repr=False)
    first_name: str
    last_name: str
    roles: tuple[str, ...] = ()


def hub_client(hub_url: str, internal_url: str, secret: Secret, organization: Organization = ACME) -> HubClient:
    """The hub as Keycloak's client. hub_url: as browsers see it. internal_url: as Keycloak reaches it."""
    tenant = f"/t/{organization.key}"
    return HubClient(
        CLIENT_ID,
        secret,
        redirect_uris=(f"{hub_url}{tenant}/callback",),
        signed_out_uris=(f"{hub_url}{tenant}/signed-out",),
        logout_url=f"{internal_url}{tenant}/backchannel-logout",
        name=f"{organization.brand} manager",
        support_roles=SUPPORT_ROLES,
    )


def settings_of(organization: Organization) -> RealmSettings:
    """What an operator would say to `linkmw keycloak setup`: registration is open (MIM-2)."""
    return RealmSettings(registration=True, brand=organization.brand, languages=_LANGUAGES)


def realm(
    hub: HubClient, people: Sequence[Person], smtp_port: int, organization: Organization = ACME
) -> dict[str, Any]:
    """The realm's representation (Keycloak Admin REST API, RealmRepresentation), as it is made, and with what `setup`
    leaves alone: the people, and the SMTP server on `smtp_port`, which takes the verification mails.
    """
    return {
        **new_realm(organization.key, settings_of(organization)),
        "smtpServer": {
            "host": "127.0.0.1",
            "port": str(smtp_port),
            "from": organization.address,
            "fromDisplayName": organization.brand,
        },
        "clients": [representation(hub)],
        "roles": {"realm": [{"name": name} for name in SUPPORT_ROLES]},
        "scopeMappings": [{"client": hub.client_id, "roles": list(SUPPORT_ROLES)}],
        "users": [user(person) for person in people],
    }


def user(person: Person) -> dict[str, Any]:
    """The person's representation (UserRepresentation)."""
    return {
        "username": person.email,
        "email": person.email,
        "emailVerified": True,
        "enabled": True,
        "firstName": person.first_name,
        "lastName": person.last_name,
        "credentials": [{"type": "password", "value": person.password, "temporary": False}],
        "realmRoles": list(person.roles),
    }
