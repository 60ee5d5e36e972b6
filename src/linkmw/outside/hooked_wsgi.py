"""The WSGI shell round an application of which only its cookies are seen (`marked`)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from linkmw.gate.guard import Guard
from linkmw.gate.in_force import InForce
from linkmw.http import Headers, Request, Response
from linkmw.model import Marker
from linkmw.outside import marked
from linkmw.outside.hooks import HookedProduct
from linkmw.run import run_now
from linkmw.settings import Settings
from linkmw.wsgi import Application, Environ, LinkMiddleware, StartResponse

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
        watching = _Watching(start_response, self, request)
        return watching.finish(super().__call__(environ, watching.start_response))

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

    def judged(self, request: Request, headers: Headers) -> Response | Headers:
        """What an answer with these headers comes to. Never raises."""
        try:
            settings, ports = self._world()
            return run_now(marked.judged(ports, settings, self._guard(), self._hooked, request, headers))
        except Exception:
            log.exception("linkmw failed at a sign-out, the product's own answer stands")
            return ()


class _Watching:
    """A `start_response` to give to the application, whose answer may be ours instead."""

    def __init__(self, start_response: StartResponse, shell: HookedMiddleware, request: Request) -> None:
        self._start_response, self._shell, self._request = start_response, shell, request
        self._begun = False
        self.instead: Response | None = None

    def start_response(self, status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        if self._begun:
            return self._start_response(status, headers, *exc_info)
        self._begun = True
        found = self._shell.judged(self._request, tuple(headers))
        if not isinstance(found, Response):
            return self._start_response(status, [*headers, *found], *exc_info)
        self.instead = found
        cookies = [(name, value) for name, value in headers if name.lower() == "set-cookie"]
        line = f"{found.status} {HTTPStatus(found.status).phrase}"
        self._start_response(line, [*found.headers, *cookies, ("Content-Length", str(len(found.body)))])
        return _drop

    def finish(self, result: Iterable[bytes]) -> Iterable[bytes]:
        """The answer for the server: the very object where it is the application's and has begun."""
        return result if self._begun and self.instead is None else _Instead(self, result)


class _Instead:
    """The application's answer, or ours: a generator says its status with its first chunk."""

    def __init__(self, watching: _Watching, result: Iterable[bytes]) -> None:
        self._watching, self._result = watching, result

    def __iter__(self) -> Iterator[bytes]:
        if self._watching.instead is None:
            for chunk in self._result:
                if self._watching.instead is not None:
                    break
                yield chunk
        if self._watching.instead is not None:
            yield self._watching.instead.body

    def close(self) -> None:
        close = getattr(self._result, "close", None)
        if close is not None:
            close()


def _drop(_data: bytes) -> None:
    """What the application writes after its answer has been replaced."""
