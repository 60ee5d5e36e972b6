"""What became of a session that linkmw opened, looked at when the application's answer begins.

Stands between the gate, which has emptied what has ended, and the application.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from linkmw.asgi import respond
from linkmw.gate.guard import MARKER, marker_in
from linkmw.gate.outcome import Outcome, is_sign_in, outcome
from linkmw.http import Headers, Response
from linkmw.model import Marker
from linkmw.settings import Settings
from linkmw_starlette.product import Product

log = logging.getLogger("linkmw")

# What follows from an outcome: what is answered instead of the application, or None.
Consequence = Callable[[Scope, Marker, Outcome], Awaitable[Response | None]]


class Watch:
    """`app`, whose session's fate is told to `follow` in each request that came with a session linkmw opened.

    routed: a path as `is_sign_in` knows it. Whatever fails here is logged, and the application answers as ever.
    """

    def __init__(
        self, app: ASGIApp, product: Product, settings: Settings, routed: Callable[[Scope], str], follow: Consequence
    ) -> None:
        self._app, self._product, self._settings = app, product, settings
        self._routed, self._follow = routed, follow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A websocket has no way to hand a session back: what becomes of it there ends with it.
        session = scope.get("session") if scope["type"] == "http" else None
        marker = marker_in(session) if session else None
        if session and marker:
            send = _Sending(send, self, scope, _Seen(marker, dict(session)))
        await self._app(scope, receive, send)

    async def judged(self, scope: Scope, seen: _Seen) -> Response | None:
        """What is answered instead of the application, or None. Never raises."""
        try:
            return None if scope["session"] == seen.session else await self._judged(scope, seen)
        except Exception:
            log.exception("linkmw failed at a sign-out, the product's own answer stands")
            return None

    async def _judged(self, scope: Scope, seen: _Seen) -> Response | None:
        session, path = scope["session"], self._routed(scope)
        what = outcome(
            seen.marker,
            marker_in(session),
            somebody=await self._product.names_somebody(scope),
            same=self._product.name_in(session) == self._product.name_in(seen.session),
            signing_in=is_sign_in(self._settings, path),
        )
        if what is None:
            return None
        session.pop(MARKER, None)
        if what == "marker_lost":
            log.warning("%s made its session anew without linkmw's marker: the session has ended", path)
            await self._product.drop(scope)
        return await self._follow(scope, seen.marker, what)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A session that linkmw opened, as the application was given it."""

    marker: Marker
    session: dict[str, Any] = field(repr=False)


class _Sending:
    """`send` as the application has it; once ours is answered instead, what it still sends is dropped."""

    def __init__(self, send: Send, watch: Watch, scope: Scope, seen: _Seen) -> None:
        self._send, self._watch, self._scope, self._seen = send, watch, scope, seen
        self._answered = False

    async def __call__(self, message: Message) -> None:
        if self._answered:
            return
        if message["type"] == "http.response.start":
            answer = await self._watch.judged(self._scope, self._seen)
            if answer is not None:
                self._answered = True
                await respond(self._send, answer.with_headers(_cookies(message)))
                return
        await self._send(message)


def _cookies(message: Message) -> Headers:
    """What the application sets and takes away, which goes with our answer."""
    headers = message.get("headers", ())
    return tuple(("Set-Cookie", value.decode("latin-1")) for name, value in headers if name.lower() == b"set-cookie")
