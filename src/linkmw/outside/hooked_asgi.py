"""The ASGI shell round an application of which only its cookies are seen (`marked`)."""

from __future__ import annotations

import logging
from functools import partial

from linkmw.asgi import LinkMiddleware, Message, Receive, Scope, Send, respond
from linkmw.gate import watched
from linkmw.gate.guard import Guard
from linkmw.http import Headers, Request, Response
from linkmw.model import Marker
from linkmw.outside import marked
from linkmw.run import in_thread

log = logging.getLogger("linkmw")


class HookedMiddleware(marked.HookedShell, LinkMiddleware):
    """Whatever fails here is logged, and the application answers as ever. A websocket's handshake is looked at, too."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = self._hooked.cookies
        header = _cookies(scope) if self._claims is not None else ""
        if not marked.brings(header, names):
            await super().__call__(scope, receive, send)
            return
        if self._is_certain(header):
            send = self._watched(scope, send) if scope["type"] == "http" else send
            await self._whose(scope)(scope, receive, send)
            return
        seen = await self._seen(scope, header)
        if seen.hidden or (seen.marker is not None and not await self._stands(seen.marker)):
            scope = _without(scope, names)
            send = watched.AsgiAnswer(send, self._taken_away, respond)
        elif seen.marker is not None and scope["type"] == "http" and self._settings.on:
            is_ours = seen.request.path.startswith(self._settings.prefix)
            send = send if is_ours else watched.AsgiAnswer(send, partial(self._judged, seen.request), respond)
        await super().__call__(scope, receive, send)

    def _watched(self, scope: Scope, send: Send) -> Send:
        """`send`, by which an answer that sets a cookie is judged. For no other is a request put together: 3 µs."""
        raw = {**scope, "headers": list(scope["headers"])}  # as it came
        judging: Send | None = None

        async def sent(message: Message) -> None:
            nonlocal judging
            if judging is None and message["type"] == "http.response.start" and _sets_cookies(message):
                judging = watched.AsgiAnswer(send, partial(self._judged_late, raw), respond)
            await (judging or send)(message)

        return sent

    async def _judged_late(self, raw: Scope, status: int, headers: Headers) -> Response | Headers:
        request = self._asked(raw)
        is_ours = request.path.startswith(self._settings.prefix)
        return () if is_ours else await self._judged(request, status, headers)

    async def _seen(self, scope: Scope, header: str) -> marked.Seen:
        """The request as it came, and what of its session can be told."""
        request = self._asked({"method": "GET", **scope})
        if (marker := self._hooked.remembered(header)) is not None:
            return marked.Seen(request, marker)
        try:
            return await in_thread(marked.seen, self._hooked, request)
        except Exception:
            log.exception("the adapter could not say what is in a session, which stands")
            return marked.Seen(request)

    async def _stands(self, marker: Marker) -> bool:
        self._look()
        try:
            settings, _ = await self._world()
            return await marked.stands(settings, await self._guard(), marker)
        except Exception:
            log.exception("linkmw could not ask about a session, it stands")
            return True

    async def _guard(self) -> Guard:
        settings, ports = await self._world()
        return self._guard_with(ports, settings)

    async def _taken_away(self, _status: int, headers: Headers) -> Headers:
        return self._hooked.taken_away(headers)

    async def _judged(self, request: Request, _status: int, headers: Headers) -> Response | Headers:
        settings, ports = await self._world()
        return await marked.judged(ports, settings, await self._guard(), self._hooked, request, headers)


def _cookies(scope: Scope) -> str:
    given = [value for name, value in scope.get("headers", ()) if name.lower() == b"cookie"]
    return b"; ".join(given).decode("latin-1")


def _sets_cookies(start: Message) -> bool:
    for name, _ in start.get("headers", ()):  # noqa: SIM110  (as in `marked.brings`)
        if name.lower() == b"set-cookie":
            return True
    return False


def _without(scope: Scope, names: tuple[str, ...]) -> Scope:
    """The connection as it would be without these cookies."""
    kept = marked.without(_cookies(scope), names).encode("latin-1")
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"cookie"]
    return {**scope, "headers": [*headers, *([(b"cookie", kept)] if kept else [])]}
