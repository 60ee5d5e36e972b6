"""The realm of the demo and the tests, as Keycloak imports it at its first start. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from linkmw.model import Secret

REALM = "acme"
CLIENT_ID = "linkmw-hub"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an identity: signs in at Keycloak with this e-mail (already verified) and password."""

    email: str
    password: str = field(repr=False)
    first_name: str
    last_name: str


@dataclass(frozen=True, slots=True)
class HubClient:
    """The hub as Keycloak's client. hub_url: as browsers see it."""

    hub_url: str
    secret: Secret


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
        "smtpServer": {
            "host": "127.0.0.1",
            "port": str(smtp_port),
            "from": "id@acme.example",
            "fromDisplayName": "ACME ID",
        },
        "clients": [_client(hub)],
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


def _client(hub: HubClient) -> dict[str, Any]:
    """Authorization code with PKCE S256 and nothing else; redirect URIs exact."""
    return {
        "clientId": CLIENT_ID,
        "name": "ACME ID manager",
        "enabled": True,
        "protocol": "openid-connect",
        "publicClient": False,
        "clientAuthenticatorType": "client-secret",
        "secret": str(hub.secret),
        "standardFlowEnabled": True,
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "serviceAccountsEnabled": False,
        "fullScopeAllowed": False,
        "redirectUris": [f"{hub.hub_url}/t/{REALM}/callback"],
        "webOrigins": [],
        "attributes": {
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": f"{hub.hub_url}/t/{REALM}/signed-out",
        },
        "protocolMappers": [
            {
                "name": "amr",
                "protocol": "openid-connect",
                "protocolMapper": "oidc-amr-mapper",
                "config": {"id.token.claim": "true", "access.token.claim": "false"},
            }
        ],
    }
