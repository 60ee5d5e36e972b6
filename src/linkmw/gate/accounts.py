"""The account API (docs/protocol.md, 5): what the hub may ask about an account, by signed calls only.

Whatever is wrong with a call, the answer is the product's own 404: nobody learns that there is something here (BC08).
"""

from __future__ import annotations

import logging
from typing import Any

from linkmw.errors import LinkmwError, ProtocolError, RequestRefused, TokenRejected, Unavailable
from linkmw.gate.ports import Ports
from linkmw.http import MAX_FORM, PASS, Answer, Request, json_answer
from linkmw.model import Claims
from linkmw.oidc.call_token import REMEMBER_SECONDS
from linkmw.oidc.strict_json import read_object
from linkmw.settings import Settings

logger = logging.getLogger("linkmw.gate")


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
    if asked.get("v") != 1 or asked.get("do") != "look_up" or not isinstance(asked.get("account_id"), str):
        return PASS
    return json_answer({"v": 1, "jti": claims["jti"], **await _look_up(ports, asked["account_id"])})


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


async def _look_up(ports: Ports, account_id: str) -> dict[str, Any]:
    facts = await ports.call(ports.product.find, account_id)
    if facts is None:
        return {"found": False}
    return {
        "found": True,
        "username": facts.account.username,
        "email": facts.account.email,
        "email_verified": facts.account.email_verified,
        "active": facts.active,
        "usable_password": facts.usable_password,
    }
