"""The hub says that a sign-in is over (OpenID Connect Back-Channel Logout 1.0): what it opened here ends now (MIM-27).

A token that is wrong in any way ends nothing. 400 and 503 make the hub tell it again.
"""

from __future__ import annotations

import logging

from linkmw.errors import LinkmwError, ProtocolError, RequestRefused, TokenRejected, Unavailable
from linkmw.gate import audit, native
from linkmw.gate.ports import Ports
from linkmw.http import GUARD_HEADERS, MAX_FORM, Request, Response, json_answer
from linkmw.model import Claims, Session
from linkmw.oidc.logout_token import REMEMBER_SECONDS
from linkmw.settings import Settings

logger = logging.getLogger("linkmw.gate")

MOST_NATIVE = 500  # native sessions that one token ends in the product's store; the guard ends the others (DS05)

_DONE = Response(200, GUARD_HEADERS)


async def answer(ports: Ports, settings: Settings, request: Request) -> Response:
    """POST logout: 200 once every session that the token names has ended, those that there are."""
    try:
        claims = await _verified(ports, request)
        ended = await ports.sessions.end_all(
            account_id=str(claims.get("sub", "")), hub_sid=str(claims.get("sid", "")), until=_when(claims)
        )
    except (ProtocolError, Unavailable) as error:
        _say(ports, settings, error)
        known = "temporarily_unavailable" if isinstance(error, Unavailable) else "invalid_request"
        return json_answer({"error": known}, status=503 if isinstance(error, Unavailable) else 400)
    _say(ports, settings, None)
    for number, session in enumerate(ended):
        if number < MOST_NATIVE:
            await _end_native(ports, settings, session)
        note_ended(ports, settings, request, session, "logout")
    return _DONE


def note_ended(ports: Ports, settings: Settings, request: Request, session: Session, code: str) -> None:
    """For the audit trail. code: `logout`, `signed_out`, `marker_lost` or `replaced`."""
    whose = {"account_id": session.account_id, "sub": session.identity}
    audit.note(ports, settings, request, "session_ended", "ok", code=code, **whose)


async def _verified(ports: Ports, request: Request) -> Claims:
    """The claims of the token, which counts once (2.6, 8). Raises ProtocolError, Unavailable."""
    if len(request.body) > MAX_FORM:
        raise RequestRefused("the form is too large", code="too_large")
    claims = await ports.hub.verify_logout_token(request.form.get("logout_token"))
    if not await ports.marks.first_use("logout", str(claims["jti"]), REMEMBER_SECONDS):
        raise TokenRejected("the token was used before", code="token_replayed")
    return claims


def _when(claims: Claims) -> int:
    """When the logout was: as told late (`toe`, RFC 8417, 2.2), it means no session that was begun since."""
    issued = int(claims["iat"])
    happened = claims.get("toe")
    return min(issued, happened) if type(happened) is int else issued


async def _end_native(ports: Ports, settings: Settings, session: Session) -> None:
    """In the product's own store too, where it has one. Where that fails the guard ends it at its next request."""
    reference = native.opened(settings, session.native)
    if not reference:
        return
    try:
        await ports.call(ports.product.end_referenced, reference)
    except LinkmwError as error:
        logger.warning("a session that has ended is still in the product's store: %s: %s", error.code, error)


def _say(ports: Ports, settings: Settings, error: LinkmwError | None) -> None:
    """A line when it begins to fail and none until it fails otherwise: anybody can send tokens (DS06)."""
    if ports.said.to("logout", error.code if error else "") and error is not None:
        fields = {"code": error.code, "tenant": settings.organization_id, "client_id": settings.client_id}
        logger.warning("a logout of the hub's was refused: %s: %s", error.code, error, extra=fields)
