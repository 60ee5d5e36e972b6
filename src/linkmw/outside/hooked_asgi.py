"""The ASGI shell round an application of which only its cookies are seen (`marked`)."""

from __future__ import annotations

import logging
from functools import partial

from linkmw.asgi import Application, LinkMiddleware, Receive, Scope, Send, respond
from linkmw.gate import watched
from linkmw.gate.guard import Guard
from linkmw.gate.in_force import InForce
from linkmw.http import Headers, Request, Response
from linkmw.model import Marker
from linkmw.outside import marked
from linkmw.outside.hooks import HookedProduct
from linkmw.run import in_thread
from linkmw.settings import Settings

log = logging.getLogger("linkmw")


class HookedMiddleware(LinkMiddleware):
    """Whatever fails here is logged, and the application answers as ever. A websocket's handshake is looked at, too."""

    def __init__(
        self,
        app: Application,
        *,
        product: HookedProduct,
        settings: Settings | None = None,
        in_force: InForce | None = None,
    ) -> None:
        self._hooked, self._guarded = product, None
        super().__init__(app, product=product, settings=settings, in_force=in_force)

    _guarded: Guard | None

    def _take_on(self) -> None:
        super()._take_on()
        self._guarded = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = self._hooked.adapter.cookies
        if self._claims is None or not marked.brings(_cookies(scope), names):
            await super().__call__(scope, receive, send)
            return
        request, marker = await self._marker(scope)
        if marker is not None and not await self._stands(marker):
            scope = _without(scope, names)
        elif marker is not None and scope["type"] == "http" and self._settings.on:
            is_ours = request.path.startswith(self._settings.prefix)
            send = send if is_ours else watched.AsgiAnswer(send, partial(self._judged, request), respond)
        await super().__call__(scope, receive, send)

    async def _marker(self, scope: Scope) -> tuple[Request, Marker | None]:
        """The request as it came, and the marker in its session."""
        request = self._asked({"method": "GET", **scope})
        try:
            return request, await in_thread(self._hooked.marker_of, request)
        except Exception:
            log.exception("the adapter could not say what is in a session, which stands")
            return request, None

    async def _stands(self, marker: Marker) -> bool:
        self._look()
        try:
            settings, _ = await self._world()
            return await marked.stands(settings, await self._guard(), marker)
        except Exception:
            log.exception("linkmw could not ask about a session, it stands")
            return True

    async def _guard(self) -> Guard:
        if self._guarded is None:
            settings, ports = await self._world()
            self._guarded = Guard(ports.sessions, ports.now, doors=ports.doors, since=settings.sessions_since)
        return self._guarded

    async def _judged(self, request: Request, _status: int, headers: Headers) -> Response | Headers:
        settings, ports = await self._world()
        return await marked.judged(ports, settings, await self._guard(), self._hooked, request, headers)


def _cookies(scope: Scope) -> str:
    given = (value for name, value in scope.get("headers", ()) if name.lower() == b"cookie")
    return b"; ".join(given).decode("latin-1")


def _without(scope: Scope, names: tuple[str, ...]) -> Scope:
    """The connection as it would be without these cookies."""
    kept = marked.without(_cookies(scope), names).encode("latin-1")
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"cookie"]
    return {**scope, "headers": [*headers, *([(b"cookie", kept)] if kept else [])]}
