"""What became of a session that linkmw opened, looked at when the application's answer begins.

Stands between the gate, which has emptied what has ended, and the application.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
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
# May a session stand that the application has made name somebody?
Admit = Callable[[Scope], Awaitable[bool]]


class Watch:
    """`app`, whose session's fate is told to `follow` in each request that came with a session linkmw opened.

    routed: a path as `is_sign_in` knows it. admit: asked where the application's own doors may be closed (P-3); then
    every session is watched. Whatever fails here is logged, and the application answers as ever.
    """

    _settings: Settings
    _admit: Admit | None

    def __init__(
        self, app: ASGIApp, product: Product, routed: Callable[[Scope], str], follow: Consequence, admit: Admit
    ) -> None:
        self._app, self._product = app, product
        self._routed, self._follow, self._may_admit = routed, follow, admit

    def take_on(self, settings: Settings, *, closes: bool) -> None:
        """These settings are in force. closes: by them the application's own doors may be closed."""
        self._settings, self._admit = settings, self._may_admit if closes else None
        self._on = settings.on

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """What is awaited is the application itself: a coroutine between would cost each request a little more."""
        # A websocket has no way to hand a session back: what becomes of it there ends with it.
        session = scope.get("session") if self._on and scope["type"] == "http" else None
        if session is not None and self._admit:
            return self._behind_doors(scope, receive, send)
        if session and MARKER in session:
            send = self.watched(scope, send, dict(session))
        return self._app(scope, receive, send)

    async def _behind_doors(self, scope: Scope, receive: Receive, send: Send) -> None:
        before = dict(scope["session"])
        name = None if marker_in(before) else await self._named(scope)
        await self._app(scope, receive, self.watched(scope, send, before, name))

    def watched(self, scope: Scope, send: Send, before: dict[str, Any], name: object = None) -> Send:
        """`send` as the application has it; once ours is answered instead, what it still sends is dropped.

        before: the session as the application was given it. name: whom it named, if linkmw did not open it.
        """
        answered = False

        async def sent(message: Message) -> None:
            nonlocal answered
            if answered:
                return
            if message["type"] == "http.response.start" and scope["session"] != before:
                answer = await self._judged(scope, before, name)
                if answer is not None:
                    answered = True
                    await respond(send, answer.with_headers(_cookies(message)))
                    return
            await send(message)

        return sent

    async def _judged(self, scope: Scope, before: dict[str, Any], name: object) -> Response | None:
        """What is answered instead of the application, which has changed the session; or None. Never raises."""
        marker = marker_in(before)
        try:
            answer = await self._fate(scope, before, marker) if marker else None
        except Exception:
            log.exception("linkmw failed at a sign-out, the product's own answer stands")
            answer = None
        if self._admit:
            await self._let_in_or_out(scope, name, self._admit)
        return answer

    async def _let_in_or_out(self, scope: Scope, before: object, admit: Admit) -> None:
        """A session that has come to name somebody, through whatever door, is looked at before it is used (PR03)."""
        try:
            if marker_in(scope["session"]):
                return
            name = await self._named(scope)
            if name is not None and name != before and not await admit(scope):
                await self._product.drop(scope)
        except Exception:
            log.exception("linkmw failed at a sign-in of the product's own, which stands")

    async def _named(self, scope: Scope) -> object:
        try:
            return await self._product.name_of(scope)
        except Exception:
            log.exception("linkmw could not ask whom a session names")
            return None

    async def _fate(self, scope: Scope, before: dict[str, Any], marker: Marker) -> Response | None:
        session, path = scope["session"], self._routed(scope)
        what = outcome(
            marker,
            marker_in(session),
            somebody=await self._product.names_somebody(scope),
            same=self._product.name_in(session) == self._product.name_in(before),
            signing_in=is_sign_in(self._settings, path),
        )
        if what is None:
            return None
        session.pop(MARKER, None)
        if what == "marker_lost":
            log.warning("%s made its session anew without linkmw's marker: the session has ended", path)
            await self._product.drop(scope)
        return await self._follow(scope, marker, what)


def _cookies(message: Message) -> Headers:
    """What the application sets and takes away, which goes with our answer."""
    headers = message.get("headers", ())
    return tuple(("Set-Cookie", value.decode("latin-1")) for name, value in headers if name.lower() == b"set-cookie")
