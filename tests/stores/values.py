"""Values as the flows make them; every secret in them is a word the scan can look for."""

from __future__ import annotations

import secrets
from typing import Any

from linkmw.gate.ports import Entry, ProofRecord
from linkmw.hub.ports import Flow, Grant, HubSession, MailProof, PendingProof
from linkmw.model import Account, AuthorizationRequest, Identity, ProofRequest, Session, SignIn
from linkmw.secret import Secret

IDENTITY = Identity("https://id.example/realms/acme", "7c0a0d3e-ann")
ACCOUNT = Account("42", "ann", "ann@example.com", email_verified=True)


def sign_in(state: str = "state", **more: Any) -> SignIn:
    return SignIn(state, Secret("nonce"), Secret("verifier"), "/orders?ä=1", 1_790_000_000, **more)


def proof_record(record_id: str = "record", **more: Any) -> ProofRecord:
    request = ProofRequest(Secret("transaction"), "link", "ann@acme.example", "hint", 1_790_000_300)
    return ProofRecord(record_id, request, 1_790_001_800, **more)


def entry(record_id: str = "record", **more: Any) -> Entry:
    return Entry(record_id, session(expires=1_790_030_000), "ann", "/orders?ä=1", 1_790_001_800, ("pwd",), **more)


def session(sid: str = "sid", *, expires: int, account_id: str = "42") -> Session:
    return Session(sid, account_id, secrets.token_urlsafe(32), secrets.token_urlsafe(32), 1_790_000_000, expires)


def flow(flow_id: str = "flow", **more: Any) -> Flow:
    request = AuthorizationRequest("orders", "https://orders.example/.linkmw/callback", "s", "n", "c", max_age=60)
    return Flow(flow_id, "browser-hash", "acme", "orders", "sign_in", 1_790_001_800, request=request, **more)


def pending(client_id: str = "orders") -> PendingProof:
    return PendingProof("flow", client_id, "link", "ann@acme.example", "", 1_790_000_300)


def grant(**more: Any) -> Grant:
    return Grant(
        client_id="orders",
        redirect_uri="https://orders.example/.linkmw/callback",
        code_challenge="challenge",
        nonce="nonce",
        scope=("openid", "email"),
        account_id="42",
        username="ann",
        identity=IDENTITY,
        email="",
        auth_time=1_790_000_000,
        amr=("pwd", "otp"),
        hub_sid="public-sid",
        **more,
    )


def hub_session(sid: str = "hub-sid", public_sid: str = "public-sid", **more: Any) -> HubSession:
    return HubSession(
        sid=Secret(sid),
        public_sid=public_sid,
        organization_id="acme",
        identity=IDENTITY,
        email="ann@acme.example",
        email_verified=True,
        name="Ann",
        auth_time=1_790_000_000,
        csrf=Secret("csrf"),
        user_agent="Firefox",
        ip="192.0.2.7",
        **{"started": 1_790_000_000, "keycloak_sid": "keycloak-sid", "id_token": Secret("id-token"), **more},
    )


def mail_proof(flow_id: str = "flow", **more: Any) -> MailProof:
    return MailProof(flow_id, "orders", "ann", "ann@example.com", 1_790_000_000, 1_790_000_600, **more)
