"""The WSGI shell round an application of which only its cookies are seen (`marked`)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial

from linkmw.gate import watched
from linkmw.gate.guard import Guard
from linkmw.gate.in_force import InForce
from linkmw.http import Headers, Request, Response
from linkmw.model import Marker
from linkmw.outside import marked
from linkmw.outside.hooks import HookedProduct
from linkmw.run import run_now
from linkmw.settings import Settings
from linkmw.wsgi import Application, Environ, LinkMiddleware, StartResponse, respond

log = logging.getLogger("linkmw")


class HookedMiddleware(LinkMiddleware):
    """Whatever fails here is logged, and the application answers as ever."""

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

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        names = self._hooked.adapter.cookies
        if self._claims is None or not marked.brings(environ.get("HTTP_COOKIE", ""), names):
            return super().__call__(environ, start_response)
        request, marker = self._marker(environ)
        if marker is None:
            return super().__call__(environ, start_response)
        if not self._stands(marker):
            kept = marked.without(environ["HTTP_COOKIE"], names)
            return super().__call__({**environ, "HTTP_COOKIE": kept}, start_response)
        if not self._settings.on or request.path.startswith(self._settings.prefix):
            return super().__call__(environ, start_response)
        answer = watched.WsgiAnswer(start_response, partial(self._judged, request), respond)
        return answer.finish(super().__call__(environ, answer.start_response))

    def _marker(self, environ: Environ) -> tuple[Request, Marker | None]:
        """The request as it came, and the marker in its session."""
        request = self._asked(dict(environ))
        try:
            return request, self._hooked.marker_of(request)
        except Exception:
            log.exception("the adapter could not say what is in a session, which stands")
            return request, None

    def _stands(self, marker: Marker) -> bool:
        self._look()
        try:
            return run_now(marked.stands(self._settings, self._guard(), marker))
        except Exception:
            log.exception("linkmw could not ask about a session, it stands")
            return True

    def _guard(self) -> Guard:
        if self._guarded is None:
            settings, ports = self._world()
            self._guarded = Guard(ports.sessions, ports.now, doors=ports.doors, since=settings.sessions_since)
        return self._guarded

    def _judged(self, request: Request, _status: int, headers: Headers) -> Response | Headers:
        settings, ports = self._world()
        return run_now(marked.judged(ports, settings, self._guard(), self._hooked, request, headers))
