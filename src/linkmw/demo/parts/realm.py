"""The realm of the demo and the tests, as Keycloak imports it at its first start. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from linkmw.keycloak import HubClient, representation
from linkmw.model import Secret
from linkmw.pages.language import DEFAULT, LANGUAGES

REALM = "acme"
CLIENT_ID = "linkmw-hub"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an identity: signs in at Keycloak with this e-mail (already verified) and password."""

    email: str
    password: str = field(repr=False)
    first_name: str
    last_name: str


def hub_client(hub_url: str, internal_url: str, secret: Secret) -> HubClient:
    """The hub as Keycloak's client. hub_url: as browsers see it. internal_url: as Keycloak reaches it."""
    return HubClient(
        CLIENT_ID,
        secret,
        redirect_uris=(f"{hub_url}/t/{REALM}/callback",),
        signed_out_uris=(f"{hub_url}/t/{REALM}/signed-out",),
        logout_url=f"{internal_url}/t/{REALM}/backchannel-logout",
        name="ACME ID manager",
    )


def realm(hub: HubClient, people: Sequence[Person], smtp_port: int) -> dict[str, Any]:
    """The realm's representation (Keycloak Admin REST API, RealmRepresentation).

    Registration is open (MIM-2); its verification mails go to the SMTP server on `smtp_port`.
    """
    return {
        "realm": REALM,
        "displayName": "ACME ID",
        "enabled": True,
        "sslRequired": "external",  # plain http from loopback only
        "registrationAllowed": True,
        "registrationEmailAsUsername": True,
        "loginWithEmailAllowed": True,
        "duplicateEmailsAllowed": False,
        "verifyEmail": True,
        "resetPasswordAllowed": True,
        "bruteForceProtected": True,
        "internationalizationEnabled": True,  # the hub hands its language on (`ui_locales`)
        "supportedLocales": list(LANGUAGES),
        "defaultLocale": DEFAULT,
        "smtpServer": {
            "host": "127.0.0.1",
            "port": str(smtp_port),
            "from": "id@acme.example",
            "fromDisplayName": "ACME ID",
        },
        "clients": [representation(hub)],
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
    }
