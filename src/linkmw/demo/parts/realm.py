"""The realms of the demo and the tests, as Keycloak imports them at its first start. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from linkmw.keycloak import HubClient, representation
from linkmw.model import Secret
from linkmw.pages.language import DEFAULT, LANGUAGES

CLIENT_ID = "linkmw-hub"
SUPPORT_ROLES = ("linkmw-support", "linkmw-support-read")
_PROFILES = "org.keycloak.userprofile.UserProfileProvider"
_WORD = {"length": {"max": 255}, "person-name-prohibited-characters": {}}
_NAME = {"length": {"min": 3, "max": 255}, "username-prohibited-characters": {}}


@dataclass(frozen=True, slots=True)
class Organization:
    """A tenant of the demo. key: its organization id, and its realm's name. primary: its brand's colour, "#rrggbb".

    names_required: does its realm want a first and a last name of everybody, as a stock realm does? Identities that
    the hub makes have none, and would be asked at their first sign-in at Keycloak.
    """

    key: str
    brand: str
    primary: str
    names_required: bool = True

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
    )


def realm(
    hub: HubClient, people: Sequence[Person], smtp_port: int, organization: Organization = ACME
) -> dict[str, Any]:
    """The realm's representation (Keycloak Admin REST API, RealmRepresentation).

    Registration is open (MIM-2); its verification mails go to the SMTP server on `smtp_port`.
    """
    return {
        "realm": organization.key,
        "displayName": organization.brand,
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
            "from": organization.address,
            "fromDisplayName": organization.brand,
        },
        "clients": [representation(hub)],
        "roles": {"realm": [{"name": name} for name in SUPPORT_ROLES]},
        "scopeMappings": [{"client": hub.client_id, "roles": list(SUPPORT_ROLES)}],
        "users": [user(person) for person in people],
        "components": {} if organization.names_required else {_PROFILES: [_nameless_profile()]},
    }


def _nameless_profile() -> dict[str, Any]:
    """People's attributes as a stock realm has them (UPConfig), but for the names being required."""
    both = {"view": ["admin", "user"], "edit": ["admin", "user"]}
    attributes = [
        {"name": "username", "displayName": "${username}", "permissions": both, "validations": _NAME},
        {
            "name": "email",
            "displayName": "${email}",
            "required": {"roles": ["user"]},
            "permissions": both,
            "validations": {"email": {}, "length": {"max": 255}},
        },
        {"name": "firstName", "displayName": "${firstName}", "permissions": both, "validations": _WORD},
        {"name": "lastName", "displayName": "${lastName}", "permissions": both, "validations": _WORD},
    ]
    return {
        "providerId": "declarative-user-profile",
        "config": {"kc.user.profile.config": [json.dumps({"attributes": attributes})]},
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
