"""What the hub asks and tells products (protocol, section 5): questions about accounts, and logouts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeGuard

import httpx2

from linkmw.errors import Unavailable
from linkmw.hub import place, reach, rules
from linkmw.hub.bulkhead import Bulkhead
from linkmw.hub.ports import AccountAnswer, JoinAnswer, Keys
from linkmw.hub.settings import HubSettings
from linkmw.hub.web import read, read_json
from linkmw.model import Client
from linkmw.oidc import call_token

_MOST_JOINING = 20  # accounts of one address; more is no person's
_MOST_ACCOUNT_ID = 255  # characters
# The PHC string form of an Argon2id hash: what the gates of this protocol make, and nothing else.
_ARGON2ID = re.compile(
    r"\$argon2id\$v=19\$m=[0-9]{1,7},t=[0-9]{1,3},p=[0-9]{1,2}\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}"
)
_TAKEN = (200, 204)  # some frameworks say the second (OpenID Connect Back-Channel Logout 1.0, 2.8)


class SignedProducts:
    """Implements hub.ports.Products with one kept HTTP client, whose connections no one product can use up."""

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
        self._bulkhead = Bulkhead()

    async def look_up(self, client: Client, account_id: str) -> AccountAnswer:
        return _account(await self._ask(client, {"do": "look_up", "account_id": account_id}))

    async def find(self, client: Client, name: str) -> AccountAnswer:
        answer = await self._ask(client, {"do": "find", "name": name})
        found, account_id = _account(answer), answer.get("account_id")
        if not found.found or not _is_account_id(account_id):
            return AccountAnswer(found=False)
        return replace(found, account_id=account_id)

    async def may_join(self, client: Client, email: str) -> list[JoinAnswer]:
        answer = await self._ask(client, {"do": "may_join", "email": email})
        rows = answer.get("accounts")
        if not isinstance(rows, list):
            raise Unavailable(f"{client.client_id} did not answer as its gate would")
        return [joining for row in rows[:_MOST_JOINING] if (joining := _joining(row)) is not None]

    async def password_hash(self, client: Client, transaction: str) -> str:
        answer = await self._ask(client, {"do": "password_hash", "transaction": transaction})
        found = answer.get("password_hash")
        return found if isinstance(found, str) and _ARGON2ID.fullmatch(found) else ""

    async def log_out(self, client: Client, token: str) -> None:
        url = place.logout_uri(client)
        if not url or not reach.may_call(url):
            raise Unavailable(f"{client.client_id} is registered at an address that is not called")
        headers = {} if client.proof == "none" else place.host_by_back_channel(client)
        status, _ = await read(self._http, "product", "POST", url, headers=headers, data={"logout_token": token})
        if status not in _TAKEN:
            raise Unavailable(f"{client.client_id} answered {status} to a logout token")

    async def _ask(self, client: Client, question: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps({"v": rules.PROTOCOL, **question}).encode()
        jti = self._token()
        public = place.at_gate(client, "accounts")
        signature = await self._sign(client, public, body, jti)
        headers = {
            "authorization": f"Bearer {signature}",
            "content-type": "application/json",
            **place.host_by_back_channel(client),
        }
        url = place.by_back_channel(client, public)
        if not reach.may_call(url):
            raise Unavailable(f"{client.client_id} is registered at an address that is not called")
        with self._bulkhead.place(client.client_id):
            status, answer = await read_json(self._http, "product", "POST", url, headers=headers, content=body)
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


def _account(answer: dict[str, Any]) -> AccountAnswer:
    """What a gate said of one account. Whoever leaves a field out is not accused: absent means as usual."""
    if answer.get("found") is not True:
        return AccountAnswer(found=False)
    email, staff = answer.get("email"), answer.get("staff")
    return AccountAnswer(
        found=True,
        active=answer.get("active") is not False,
        usable_password=answer.get("usable_password") is not False,
        username=_username(answer),
        email=rules.mailable(email) if isinstance(email, str) else "",
        staff=staff if isinstance(staff, bool) else None,
    )


def _joining(row: object) -> JoinAnswer | None:
    """A row of the answer; None for one that no gate writes. Here what is absent is a no (PR06)."""
    if not isinstance(row, dict) or not _is_account_id(row.get("account_id")):
        return None
    last_used = row.get("last_used")
    return JoinAnswer(
        account_id=row["account_id"],
        username=_username(row),
        allowed=row.get("allowed") is True,
        last_used=last_used if type(last_used) is int else None,
    )


def _username(found: dict[str, Any]) -> str:
    username = found.get("username")
    return username if isinstance(username, str) and rules.is_username(username) else ""


def _is_account_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _MOST_ACCOUNT_ID
