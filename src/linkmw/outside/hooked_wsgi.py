"""The WSGI shell round an application of which only its cookies are seen (`marked`)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial

from linkmw.gate import watched
from linkmw.gate.guard import Guard
from linkmw.http import Headers, Request, Response
from linkmw.model import Marker
from linkmw.outside import marked
from linkmw.run import run_now
from linkmw.wsgi import Environ, LinkMiddleware, StartResponse, respond

log = logging.getLogger("linkmw")


class HookedMiddleware(marked.HookedShell, LinkMiddleware):
    """Whatever fails here is logged, and the application answers as ever."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        names = self._hooked.cookies
        header = environ.get("HTTP_COOKIE", "")
        if self._claims is None or not marked.brings(header, names):
            return super().__call__(environ, start_response)
        if self._is_certain(header):
            answer = watched.WsgiAnswer(start_response, partial(self._judged_late, dict(environ)), respond)
            return answer.finish(super().__call__(environ, answer.start_response))
        seen = self._seen(environ, header)
        if seen.hidden or (seen.marker is not None and not self._stands(seen.marker)):
            hiding = {**environ, "HTTP_COOKIE": marked.without(environ["HTTP_COOKIE"], names)}
            answer = watched.WsgiAnswer(start_response, self._taken_away, respond)
            return answer.finish(super().__call__(hiding, answer.start_response))
        if seen.marker is None or not self._settings.on or seen.request.path.startswith(self._settings.prefix):
            return super().__call__(environ, start_response)
        answer = watched.WsgiAnswer(start_response, partial(self._judged, seen.request), respond)
        return answer.finish(super().__call__(environ, answer.start_response))

    def _judged_late(self, environ: Environ, status: int, headers: Headers) -> Response | Headers:
        """As `_judged`, of the environment as it came. A request is put together only where a cookie is set: 4 µs."""
        if not watched.cookies_of(headers):
            return ()
        request = self._asked(environ)
        is_ours = request.path.startswith(self._settings.prefix)
        return () if is_ours else self._judged(request, status, headers)

    def _seen(self, environ: Environ, header: str) -> marked.Seen:
        """The request as it came, and what of its session can be told."""
        request = self._asked(dict(environ))
        if (marker := self._hooked.remembered(header)) is not None:
            return marked.Seen(request, marker)
        try:
            return marked.seen(self._hooked, request)
        except Exception:
            log.exception("the adapter could not say what is in a session, which stands")
            return marked.Seen(request)

    def _stands(self, marker: Marker) -> bool:
        self._look()
        try:
            return run_now(marked.stands(self._settings, self._guard(), marker))
        except Exception:
            log.exception("linkmw could not ask about a session, it stands")
            return True

    def _guard(self) -> Guard:
        settings, ports = self._world()
        return self._guard_with(ports, settings)

    def _taken_away(self, _status: int, headers: Headers) -> Headers:
        return self._hooked.taken_away(headers)

    def _judged(self, request: Request, _status: int, headers: Headers) -> Response | Headers:
        settings, ports = self._world()
        return run_now(marked.judged(ports, settings, self._guard(), self._hooked, request, headers))
