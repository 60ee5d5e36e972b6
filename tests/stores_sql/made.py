"""Values the SQL suite is played with."""

from __future__ import annotations

import hashlib

from linkmw.hub.ports import AuditEvent, Mail, NewLink
from linkmw.model import Account, Client, Identity, Tenant
from linkmw.secret import Secret

NOW = 1_800_000_000
HUB = "https://hub.example.com"
ISSUER = "https://sso.example.com/realms/acme"
ANN = Identity(ISSUER, "ann")
BOB = Identity(ISSUER, "bob")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def tenant(organization_id: str = "acme", /, **changes: object) -> Tenant:
    return Tenant(
        **{  # type: ignore[arg-type]
            "organization_id": organization_id,
            "brand": "ACME ID",
            "issuer": ISSUER,
            "keycloak_client_id": "linkmw",
            "keycloak_client_secret": Secret("keycloak-secret-keycloak-secret-0"),
            **changes,
        }
    )


def client(client_id: str = "orders", /, **changes: object) -> Client:
    url = f"https://{client_id}.example.com"
    return Client(
        **{  # type: ignore[arg-type]
            "client_id": client_id,
            "organization_id": "acme",
            "name": client_id.title(),
            "public_url": url,
            "redirect_uri": f"{url}/.linkmw/callback",
            **changes,
        }
    )


def new_link(identity: Identity = ANN, account: str = "7", flow: str = "f1", client_id: str = "orders") -> NewLink:
    token = f"{identity.subject} {account} {flow} {client_id}"
    return NewLink(
        client_id=client_id,
        account=Account(account, f"user{account}", f"user{account}@example.com"),
        identity=identity,
        identity_email=f"{identity.subject}@example.com",
        flow=flow,
        unlink_token_hash=hashlib.sha256(token.encode()).hexdigest(),
        proof="form",
        amr=("pwd", "otp"),
        created=NOW,
    )


def mail(to: str = "ann@example.com", subject: str = "Linked") -> Mail:
    return Mail("linked", to, "ACME ID <id@example.com>", subject, "text", "<p>html</p>")


def event(name: str = "linked", identity: Identity = ANN, time: int = NOW) -> AuditEvent:
    return AuditEvent(name, "ok", time, organization_id="acme", issuer=identity.issuer, subject=identity.subject)
