"""What the hub asks and tells products (protocol, section 5): questions about accounts, and logouts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2

from linkmw.errors import Unavailable
from linkmw.hub import place, reach, rules
from linkmw.hub.ports import AccountAnswer, Keys
from linkmw.hub.web import read, read_json
from linkmw.model import Client
from linkmw.oidc import call_token
from linkmw.settings import HubSettings

_TAKEN = (200, 204)  # some frameworks say the second (OpenID Connect Back-Channel Logout 1.0, 2.8)


class SignedProducts:
    """Implements hub.ports.Products with one kept HTTP client."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        keys: Keys,
        settings: HubSettings,
        *,
        now: Callable[[], int],
        token: Callable[[], str],
    ) -> None:
        self._http = http
        self._keys = keys
        self._settings = settings
        self._now = now
        self._token = token

    async def look_up(self, client: Client, account_id: str) -> AccountAnswer:
        answer = await self._ask(client, {"do": "look_up", "account_id": account_id})
        if answer.get("found") is not True:
            return AccountAnswer(found=False)
        username, email = answer.get("username"), answer.get("email")
        return AccountAnswer(
            found=True,
            # Whoever leaves a field out is not accused: absent means as usual.
            active=answer.get("active") is not False,
            usable_password=answer.get("usable_password") is not False,
            username=username if isinstance(username, str) and rules.is_username(username) else "",
            email=rules.mailable(email) if isinstance(email, str) else "",
        )

    async def log_out(self, client: Client, token: str) -> None:
        url = place.logout_uri(client)
        if not url or not reach.may_call(url):
            raise Unavailable(f"{client.client_id} is registered at an address that is not called")
        status, _ = await read(self._http, "POST", url, data={"logout_token": token})
        if status not in _TAKEN:
            raise Unavailable(f"{client.client_id} answered {status} to a logout token")

    async def _ask(self, client: Client, question: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps({"v": rules.PROTOCOL, **question}).encode()
        jti = self._token()
        public = place.at_gate(client, "accounts")
        signature = await self._sign(client, public, body, jti)
        headers = {"authorization": f"Bearer {signature}", "content-type": "application/json"}
        url = place.by_back_channel(client, public)
        if not reach.may_call(url):
            raise Unavailable(f"{client.client_id} is registered at an address that is not called")
        status, answer = await read_json(self._http, "POST", url, headers=headers, content=body)
        # The answer names the question it answers, so that no other's can stand for it (BC05).
        if status != 200 or answer.get("jti") != jti or answer.get("v") != rules.PROTOCOL:
            raise Unavailable(f"{client.client_id} did not answer as its gate would")
        return answer

    async def _sign(self, client: Client, url: str, body: bytes, jti: str) -> str:
        claims = call_token.claims_for(
            issuer=place.issuer(self._settings, client.client_id),
            audience=client.client_id,
            method="POST",
            url=url,
            body=body,
            now=self._now(),
            jti=jti,
        )
        return await self._keys.sign(client.signing_algorithm, call_token.TYP, claims)
