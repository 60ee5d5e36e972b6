"""The account API (docs/protocol.md, 5): what the hub may ask about an account, by signed calls only.

Whatever is wrong with a call, the answer is the product's own 404: nobody learns that there is something here (BC08).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from linkmw.errors import LinkmwError, LinkRefused, ProtocolError, RequestRefused, TokenRejected, Unavailable
from linkmw.gate import codes
from linkmw.gate.names import is_address, is_name
from linkmw.gate.ports import AccountFacts, Joining, Ports
from linkmw.http import MAX_FORM, PASS, Answer, Request, json_answer
from linkmw.model import Claims
from linkmw.oidc.call_token import REMEMBER_SECONDS
from linkmw.oidc.strict_json import read_object
from linkmw.settings import Settings

logger = logging.getLogger("linkmw.gate")

Members = dict[str, Any]
MOST_JOINING = 20  # accounts of one address that are told of; more is no person's


async def answer(ports: Ports, settings: Settings, request: Request) -> Answer:
    """POST accounts: the answer to a call that is signed, fresh and whole; else Pass."""
    try:
        claims = await _verified(ports, settings, request)
        asked = read_object(request.body)
    except (ProtocolError, Unavailable, ValueError) as error:
        refused = error if isinstance(error, LinkmwError) else RequestRefused("no JSON object", code="invalid_request")
        if ports.said.to("account API", refused.code):  # anybody can send as many as they like (DS06)
            fields = {"code": refused.code, "tenant": settings.organization_id, "client_id": settings.client_id}
            logger.warning("a call to the account API was refused: %s: %s", refused.code, refused, extra=fields)
        return PASS
    ports.said.to("account API", "")
    question = _QUESTIONS.get(str(asked.get("do")))
    about = asked.get(question.about) if question else None
    if asked.get("v") != 1 or question is None or not isinstance(about, str):
        return PASS
    return json_answer({"v": 1, "jti": claims["jti"], **await question.answer(ports, request, about)})


async def _verified(ports: Ports, settings: Settings, request: Request) -> Claims:
    """The claims of the call. It counts once, and not at all when Redis cannot say if it is the first time (BC02)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or len(request.body) > MAX_FORM or not _is_json(request):
        raise TokenRejected("no signed call", code="call_unsigned")
    url = f"{settings.public_url}{settings.prefix}accounts"
    claims = await ports.hub.verify_call(token, request.method, url, request.body)
    if request.query_string or not await ports.marks.first_use("call", str(claims["jti"]), REMEMBER_SECONDS):
        raise TokenRejected("the call was made before", code="call_replayed")
    return claims


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


async def _look_up(ports: Ports, _request: Request, account_id: str) -> Members:
    return _told(await ports.call(ports.product.find, account_id))


async def _find(ports: Ports, _request: Request, name: str) -> Members:
    facts = await ports.call(ports.product.find_by_name, name) if is_name(name) else None
    return _told(facts) if facts is None else {**_told(facts), "account_id": facts.account.account_id}


async def _may_join(ports: Ports, request: Request, email: str) -> Members:
    """Of several accounts with one address nobody can say whose it is: none of them joins by it (PR06)."""
    found = await ports.call(ports.product.joining, email) if is_address(email) else []
    exact = [row for row in found[:MOST_JOINING] if row.account.email == email]
    return {"accounts": [await _joining(ports, request, row, only=len(found) == 1) for row in exact]}


async def _joining(ports: Ports, request: Request, row: Joining, *, only: bool) -> Members:
    return {
        "account_id": row.account.account_id,
        "username": row.account.username,
        "allowed": only and row.allowed and await _needs_no_more(ports, request, row.account.account_id),
        "last_used": row.last_used,
    }


async def _needs_no_more(ports: Ports, request: Request, account_id: str) -> bool:
    """Active, and without a second factor, whatever the adapter's own answer took into account."""
    try:
        facts = await ports.call(ports.product.find, account_id)
        return facts is not None and facts.active and await codes.factor_of(ports, request, account_id) is None
    except LinkRefused:
        return False


async def _password_hash(ports: Ports, _request: Request, transaction: str) -> Members:
    return {"password_hash": await ports.password_hashes.take(transaction) or ""}


@dataclass(frozen=True, slots=True)
class _Question:
    """about: the member that says what is asked about."""

    about: str
    answer: Callable[[Ports, Request, str], Awaitable[Members]]


_QUESTIONS = {
    "look_up": _Question("account_id", _look_up),
    "find": _Question("name", _find),
    "may_join": _Question("email", _may_join),
    "password_hash": _Question("transaction", _password_hash),
}


def _told(facts: AccountFacts | None) -> Members:
    if facts is None:
        return {"found": False}
    return {
        "found": True,
        "username": facts.account.username,
        "email": facts.account.email,
        "email_verified": facts.account.email_verified,
        "active": facts.active,
        "usable_password": facts.usable_password,
        **({} if facts.staff is None else {"staff": facts.staff}),
    }
