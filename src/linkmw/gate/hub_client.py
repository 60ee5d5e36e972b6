"""The hub's back channel (docs/protocol.md, 3 and 4): what is asked, and how the answers are read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from linkmw import metrics, tracing
from linkmw.errors import ProtocolError, ProviderRefused, RequestRefused, Unavailable
from linkmw.gate.kept import Kept
from linkmw.gate.ports import Branding, HubState, Tokens
from linkmw.gate.wire import Call, Reply, Wire
from linkmw.model import PasswordRules, Proof, ProofRequest
from linkmw.oidc import call_token, id_token, logout_token
from linkmw.oidc.client_auth import write_basic
from linkmw.oidc.jose import KeySet
from linkmw.oidc.keys import KeyCache
from linkmw.oidc.strict_json import read_object
from linkmw.secret import Secret
from linkmw.settings import Settings
from linkmw.switch import Mode

PROTOCOL = 1
_UNDERSTOOD = (PROTOCOL,)  # our number and, once there is one, the number before it
_FORM = "application/x-www-form-urlencoded"
_SLOW_SECONDS = 1.0  # who was waited for that long is asked first whether they are there


class HubClient:
    """`ports.Hub` over a wire. clock: `time.monotonic`. now: seconds since the epoch. token: 32 random bytes."""

    def __init__(
        self,
        settings: Settings,
        wire: Wire,
        *,
        clock: Callable[[], float],
        now: Callable[[], int],
        token: Callable[[], str],
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._clock = clock
        self._now = now
        self._token = token
        self._authorization = write_basic(settings.client_id, settings.client_secret)
        self._state = Kept(self._ask_state, settings.probe_seconds, clock)
        self._keys = KeyCache(self._fetch_keys, now)
        self._keeps_waiting = False  # the hub did so in the last call, whatever it said in the end

    async def state(self) -> HubState:
        return await self._state.get()

    async def branding(self) -> Branding:
        known = self._state.last
        if known is None:
            try:
                known = await self.state()
            except (ProtocolError, Unavailable):
                return neutral_branding(self._settings)
        return known.branding

    async def redeem(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        body = urlencode({**fields, "code_verifier": verifier}).encode()
        path = f"/o/{self._settings.client_id}/token"
        return read_tokens(await self._post(path, body, _FORM))

    async def verify_id_token(self, token: str, nonce: str) -> dict[str, object]:
        return await self._keys.verified(
            lambda keys: id_token.verify(
                token,
                keys,
                issuer=self._settings.issuer,
                audience=self._settings.client_id,
                nonce=nonce,
                now=self._now(),
                algorithms=frozenset(("RS256", "ES256")),
            )
        )

    async def verify_call(self, token: str, method: str, url: str, body: bytes) -> dict[str, object]:
        return await self._keys.verified(
            lambda keys: call_token.verify(
                token,
                keys,
                issuer=self._settings.issuer,
                audience=self._settings.client_id,
                method=method,
                url=url,
                body=body,
                now=self._now(),
            )
        )

    async def verify_logout_token(self, token: str) -> dict[str, object]:
        return await self._keys.verified(
            lambda keys: logout_token.verify(
                token,
                keys,
                issuer=self._settings.issuer,
                audience=self._settings.client_id,
                now=self._now(),
                algorithms=frozenset(("RS256", "ES256")),
            )
        )

    async def proof_request(self, handle: str) -> ProofRequest | None:
        reply = await self._post_json("/proof-requests", {"v": PROTOCOL, "handle": handle})
        return None if reply.status == 404 else read_proof_request(_checked(reply))

    async def push_proof(self, proof: Proof) -> str:
        return read_code(await self._post_json("/proofs", written_proof(proof, self._token())))

    async def account_gone(self, account_id: str) -> None:
        _checked(await self._post_json("/accounts/gone", {"v": PROTOCOL, "account_id": account_id}))

    async def _ask_state(self) -> HubState:
        headers = {"Authorization": self._authorization}
        url = f"{self._settings.hub_back_channel}/gate?v={PROTOCOL}"
        return read_state(_checked(await self._timed(Call("GET", url, self._settings.probe_timeout, headers))))

    async def _fetch_keys(self) -> KeySet:
        url = f"{self._settings.hub_back_channel}/o/{self._settings.client_id}/jwks"
        reply = await self._send(Call("GET", url, self._settings.hub_timeout))
        if reply.status != 200:
            raise Unavailable(f"the hub's keys: HTTP {reply.status}")
        return KeySet.from_json(reply.body)

    async def _send(self, call: Call) -> Reply:
        """The reply. Raises Unavailable within half a second while a hub that kept somebody waiting is not there.

        Else a product's few threads would all wait for it, again and again. One asks for all, once a second (`Kept`).
        """
        if self._keeps_waiting:
            with suppress(RequestRefused):  # an answer
                await self._state.get()
        began = self._clock()
        try:
            return await self._timed(call)
        finally:
            self._keeps_waiting = self._clock() - began >= _SLOW_SECONDS

    async def _timed(self, call: Call) -> Reply:
        with tracing.span("hub"), metrics.timed("hub"):
            return await self._wire.send(call)

    async def _post_json(self, path: str, value: Mapping[str, object]) -> Reply:
        return await self._post(path, json.dumps(value).encode(), "application/json")

    async def _post(self, path: str, body: bytes, content_type: str) -> Reply:
        headers = {"Authorization": self._authorization, "Content-Type": content_type}
        return await self._send(
            Call("POST", self._settings.hub_back_channel + path, self._settings.hub_timeout, headers, body)
        )


def neutral_branding(settings: Settings) -> Branding:
    """How pages look before the hub has said anything."""
    return Branding(brand="Single sign-on", product=urlsplit(settings.public_url).hostname or "", primary="#48505c")


def written_proof(proof: Proof, jti: str) -> dict[str, object]:
    """The body of `POST /proofs`. jti: fresh for every push."""
    account = proof.account
    return {
        "v": PROTOCOL,
        "transaction": proof.transaction,
        "jti": jti,
        "proven_at": proof.proven_at,
        "account": {
            "account_id": account.account_id,
            "username": account.username,
            "email": account.email,
            "email_verified": account.email_verified,
        },
        "amr": list(proof.amr),
        **({} if proof.falls_short is None else {"falls_short": proof.falls_short}),
        **({"kind": "native"} if proof.native else {}),
    }


def read_state(reply: Reply) -> HubState:
    """`GET /gate`. Raises Unavailable for an answer that is none, RequestRefused for a client the hub doesn't know."""
    found = _object(reply)
    mode, percent, branding = found.get("mode"), found.get("percent", 100), found.get("branding")
    if mode not in ("off", "beside", "replace") or type(percent) is not int or not isinstance(branding, dict):
        raise Unavailable("the hub's state cannot be read")
    organization_id = _text(found, "organization_id", empty=True)
    healthy, proofs = found.get("healthy") is True, _proofs(found.get("proofs"))
    return HubState(cast(Mode, mode), healthy, _branding(branding), percent, organization_id, proofs)


def _proofs(found: object) -> tuple[str, ...]:
    """A hub from before there was more than one kind says nothing."""
    return tuple(kind for kind in found if isinstance(kind, str)) if isinstance(found, list) else ("form",)


def _branding(found: Mapping[str, Any]) -> Branding:
    names = ("brand", "product", "primary", "brand_primary", "ground", "contact", "brand_logo", "product_logo")
    return Branding(**{name: value if isinstance(value := found.get(name), str) else "" for name in names})


def read_tokens(reply: Reply) -> Tokens:
    """The token endpoint's answer (RFC 6749, 5). Raises ProviderRefused for its errors."""
    if reply.status in (400, 401):
        raise ProviderRefused(_word(_object(reply)))
    return Tokens(_text(_object(_checked(reply)), "id_token"))


def read_proof_request(reply: Reply) -> ProofRequest:
    """`POST /proof-requests`. Raises Unavailable for an answer that cannot be read."""
    found = _object(reply)
    purpose, expires = _text(found, "purpose"), found.get("expires")
    if purpose not in ("link", "add", "first_sign_in") or type(expires) is not int:
        raise Unavailable("the hub's proof request cannot be read")
    return ProofRequest(
        transaction=Secret(_text(found, "transaction")),
        purpose=cast(Any, purpose),
        identity_email=_text(found, "identity_email", empty=True),
        hint=_text(found, "hint", empty=True),
        expires=expires,
        flow=_plain_word(_text(found, "flow", empty=True)),
        identity=_text(found, "identity", empty=True)[:128],
        password_rules=_rules(found.get("password_rules")),
    )


def _rules(found: object) -> PasswordRules | None:
    """None also for a rule of a newer hub that cannot be judged here: then nothing is said of the password."""
    if not isinstance(found, dict):
        return None
    kinds = {name: type(value) for name, value in asdict(PasswordRules()).items()}
    if any(type(value) is not kinds.get(name) for name, value in found.items()):
        return None
    return PasswordRules(**found)


def read_code(reply: Reply) -> str:
    """`POST /proofs`. Raises RequestRefused with the hub's word as code."""
    if reply.status in (400, 404, 409):
        raise RequestRefused("the hub refused the proof", code=_word(_object(reply)), status=409)
    return _text(_object(_checked(reply)), "code")


def _checked(reply: Reply) -> Reply:
    """Raises RequestRefused when the hub does not know us, Unavailable for anything else but 200."""
    if reply.status == 401:
        raise RequestRefused("the hub does not know this client id and secret", code="invalid_client", status=503)
    if reply.status != 200:
        raise Unavailable(f"the hub answered HTTP {reply.status}")
    return reply


def _object(reply: Reply) -> dict[str, Any]:
    """The answer's members; a 200 page of some proxy is no answer (KF07), nor is another protocol's."""
    try:
        found = read_object(reply.body)
    except ValueError:
        raise Unavailable("the hub's answer cannot be read") from None
    if found.get("v", PROTOCOL) not in _UNDERSTOOD:
        raise Unavailable("the hub speaks another protocol: compare the versions of hub and product")
    return found


def _word(found: Mapping[str, Any]) -> str:
    """The `error` of a refusal; it goes into logs, so it is a plain word or nothing."""
    return _plain_word(_text(found, "error")) or "unnamed"


def _plain_word(word: str) -> str:
    """`word` if it may stand in a log, else ""."""
    return word if re.fullmatch(r"[a-z0-9_]{1,64}", word) else ""


def _text(found: Mapping[str, Any], name: str, *, empty: bool = False) -> str:
    value = found.get(name, "" if empty else None)
    if not isinstance(value, str) or not (value or empty):
        raise Unavailable(f"the hub's answer has no {name}")
    return value
