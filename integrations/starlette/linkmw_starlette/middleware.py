"""Pure ASGI middleware: `linkmw.asgi` with settings given in code and a way back to the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from linkmw import asgi
from linkmw.gate.claim import Claim
from linkmw.gate.guard import MARKER, Guard, marker_in, stands_while_off
from linkmw.gate.in_force import InForce, following
from linkmw.gate.outcome import Outcome, follow
from linkmw.http import Response
from linkmw.model import Marker
from linkmw_starlette.bridge import LOOP
from linkmw_starlette.product import Product
from linkmw_starlette.watch import Watch

log = logging.getLogger("linkmw")


class LinkMiddleware(asgi.LinkMiddleware):
    """`Middleware(LinkMiddleware, product=product)`, after the SessionMiddleware that fills `scope["session"]`.

    settings: as in `linkmw.settings.Settings`; the environment wins over them. in_force: read already.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        product: Product,
        settings: Mapping[str, object] | None = None,
        in_force: InForce | None = None,
    ) -> None:
        found = in_force or following(settings)
        self._behind = app
        self._watch = Watch(app, product, self._path, self._follow, self._admit)
        watched = self._watch if found.may_be_on and not found.settings.hosts else app
        super().__init__(watched, product=product, in_force=found)
        self._sessions = product
        self._said = False

    def _take_on(self) -> None:
        super()._take_on()
        settings = self._settings
        self._guarded: Guard | None = None
        # Does a session stand for certain, and is nothing else to be asked? None: that can't be said, now or ever.
        self._knows: Callable[[Mapping[str, Any]], bool] | None = None
        self._closes = settings.on and settings.closes
        self._looks = self._closes or not settings.on
        self._watch.take_on(settings, closes=self._closes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """For a request without a session, or with one that linkmw did not open, one look into a dictionary."""
        session: Any = scope.get("session") if self._claims is not None else None
        is_marked = session and MARKER in session
        if (is_marked or (session is not None and self._looks)) and self._in_force.look():
            self._take_on()
        known = self._knows(session) if is_marked and self._knows is not None else None
        if known and self._whose(scope) is self._watch:
            # What is below would come to the same, for a marker made and a watch that looks again: 0.4 µs.
            await self._behind(scope, receive, self._watch.watched(scope, send, dict(session)))
            return
        marker = marker_in(session) if is_marked else None
        if marker is not None:
            if not await self._stands(marker, unknown=known is False):
                await self._sessions.drop(scope)
        elif session and self._closes and await self._refuses(scope):
            await self._sessions.drop(scope)
        await self._whose(scope)(scope, receive, send)

    async def _stands(self, marker: Marker, *, unknown: bool) -> bool:
        """unknown: the guard has just said that it does not know; where Redis is asked each time it never does."""
        if not self._settings.on:
            return stands_while_off(self._settings, marker)
        try:
            guard = self._guarded or await self._guard()
            return await (guard.stands_when_asked(marker) if unknown else guard.stands(marker))
        except Exception:
            log.exception("linkmw could not ask about a session, it stands")
            return True

    async def _refuses(self, scope: Scope) -> bool:
        """Is this session, which carries no marker, nobody's? (P-3)"""
        try:
            if not await self._sessions.names_somebody(scope):
                return False
            return await (await self._ports()).doors.refuses()
        except Exception:
            log.exception("linkmw could not ask about a session, it stands")
            return False

    async def _admit(self, scope: Scope) -> bool:
        """May the session stand that names somebody now, by a door of the application's own?"""
        LOOP.set(asyncio.get_running_loop())
        ports = await self._ports()

        async def username() -> str:
            found = await ports.call(ports.product.current_account, self._asked(scope))
            return found.username if found else ""

        return await ports.doors.admit(scope["session"], username)

    async def _guard(self) -> Guard:
        if self._guarded is None:
            ports, since = await self._ports(), self._settings.sessions_since
            self._guarded = Guard(ports.sessions, ports.now, doors=ports.doors, since=since)
            self._knows = self._guarded.knows_in if self._settings.on and not self._closes else None
        return self._guarded

    async def _follow(self, scope: Scope, marker: Marker, what: Outcome) -> Response | None:
        LOOP.set(asyncio.get_running_loop())
        (await self._guard()).forget(marker.sid)
        settings, ports = await self._world()
        return await follow(ports, settings, self._asked(scope), marker, what)

    def _path(self, scope: Scope) -> str:
        return self._asked(scope).path

    def _claim(self) -> Claim:
        # By a longer list, not by `routed`: a call for each path would be 0.08 µs.
        return Claim(self._settings, may_be_on=self._in_force.may_be_on, endings=("", "\n"))

    @staticmethod
    def routed(path: str) -> str:
        """Starlette's routes end in `$`, which lets one line break at the end of a path through (HT03)."""
        return path.removesuffix("\n")

    async def _armed(self, scope: Scope, receive: Receive, send: Send) -> None:
        LOOP.set(asyncio.get_running_loop())
        await super()._armed(scope, receive, send)

    async def _ours(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._look()
        if "session" not in scope:
            if self._settings.on:
                self._say_no_session()
            await self._app(scope, receive, send)
            return
        LOOP.set(asyncio.get_running_loop())
        await super()._ours(scope, receive, send)

    def _say_no_session(self) -> None:
        if not self._said:
            self._said = True
            log.error(
                "linkmw is OFF: put SessionMiddleware in front of linkmw_starlette.LinkMiddleware in middleware=[…]"
            )
