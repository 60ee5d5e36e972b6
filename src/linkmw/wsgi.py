"""The WSGI shell: translates, nothing else. Standard library only until the first request that is ours.

app = LinkMiddleware(app, product=Product())
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from linkmw.gate.shell import Shell
from linkmw.http import MAX_FORM, PASS, Answer, Decorate, Request, Response
from linkmw.run import run_now
from linkmw.switch import is_off_in

if TYPE_CHECKING:
    from linkmw.gate.hosts import Gates
    from linkmw.gate.native_proof import Watching
    from linkmw.gate.ports import Ports, Product
    from linkmw.settings import Settings

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

log = logging.getLogger("linkmw")

_WATCHED = "linkmw.watched"  # in the environment: this request of an armed browser is seen to
_SEEN = "linkmw.seen"  # in the environment: an outer LinkMiddleware puts its button into this page (HT08)


class LinkMiddleware(Shell):
    """`app` with linkmw in front: its login pages carry the button, and the routes under the prefix are ours."""

    _app: Application

    def _by_host(self, gates: Gates[Application]) -> Application:
        return by_host(gates)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if self._arming is not None and self._arming in environ.get("HTTP_COOKIE", "") and _WATCHED not in environ:
            return self._armed(environ, start_response)
        if self._claims is not None and self._claims(environ.get("PATH_INFO", "")) and _SEEN not in environ:
            return self._ours(environ, start_response)
        return self._app(environ, start_response)

    def _armed(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """A request of a browser whose native proof is armed: it may be the sign-in that counts."""
        raw = {**environ, _WATCHED: True}  # as it came: what the product puts into `environ` is not in it
        environ[_WATCHED] = True
        try:
            self._look()
            found = self._watching(raw) if self._settings.on else None
        except Exception:
            log.exception("linkmw failed, the product answers instead")
            found = None
        if isinstance(found, Response):
            return respond(start_response, found)
        if found is None:
            return LinkMiddleware.__call__(self, environ, start_response)
        from linkmw.gate import native_proof, watched

        answer = watched.WsgiAnswer(start_response, lambda *said: run_now(native_proof.answer(found, *said)), respond)
        return answer.finish(LinkMiddleware.__call__(self, environ, answer.start_response))

    def _watching(self, environ: Environ) -> Watching | Response | None:
        from linkmw.gate import native_proof, watched

        settings, ports = self._world()

        async def visit(request: Request) -> int:
            return watched.wsgi_status(self._app, request.raw)

        return run_now(native_proof.begin(ports, settings, self._asked(environ), visit))

    def _ours(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._answer(environ)
        except Exception:
            # Whatever is wrong with us, the product's own page is answered (real-apps.md, "What broke", 8).
            log.exception("linkmw failed, the product answers instead")
            answer = PASS
        if isinstance(answer, Response):
            return respond(start_response, answer)
        if isinstance(answer, Decorate):
            return self._decorated(environ, start_response, answer)
        return self._app(environ, start_response)

    def _decorated(self, environ: Environ, start_response: StartResponse, answer: Decorate) -> Iterable[bytes]:
        from linkmw.gate import held

        page = held.WsgiPage(start_response, answer)
        asking = {**held.environ_asking_for_plain_html(environ), _SEEN: True}
        return page.finish(self._app(asking, page.start_response))

    def _answer(self, environ: Environ) -> Answer:
        self._look()
        if not self._settings.on:
            from linkmw.gate import under_way

            return under_way.answer(self._settings, self._asked(environ), int(time.time()))
        from linkmw.gate import routes  # loads what a product process need not hold before somebody signs in

        settings, ports = self._world()
        request = self._asked(environ)
        if routes.reads_body(settings, request):
            request = replace(request, body=_read_body(environ))
        return run_now(routes.answer(ports, settings, request))

    def _asked(self, environ: Environ) -> Request:
        return request_of(environ, self.routed(_decoded(environ.get("PATH_INFO", ""))))

    def _ports(self) -> Ports:
        return self._world()[1]

    def _world(self) -> tuple[Settings, Ports]:
        """The settings in force, and what was made for them."""
        from linkmw.gate.build import build

        with self._opening:
            settings = self._settings
            if self._opened is None:
                ports = build(settings, self._product, blocking=True)
                self._opened = replace(ports, is_over=lambda: self._is_over(settings))
            return settings, self._opened


def wrap(app: Application, *, product: Product | None = None, settings: Settings | None = None) -> Application:
    """`app` with linkmw in front of it; without a product, whatever is recognised inside of it is covered.

    Twice is once, and a warning. Never raises: what cannot be covered is said in the log, and is as it was. Switched
    off by the environment, `app` itself.
    """
    if settings is None and is_off_in(os.environ):
        return app
    from linkmw.outside import cover

    found: Application = cover.wrapped(app, "wsgi", product, settings)
    return found


def by_host(gates: Gates[Application]) -> Application:
    """Each request goes to the gate of its host (P-4)."""

    def chosen(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return gates.of(environ.get("HTTP_HOST", ""))(environ, start_response)

    return chosen


def request_of(environ: Environ, path: str) -> Request:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    headers["content-length"] = environ.get("CONTENT_LENGTH", "")
    return Request(
        method=environ["REQUEST_METHOD"].upper(),
        path=path,
        query_string=environ.get("QUERY_STRING", ""),
        headers=headers,
        client=environ.get("REMOTE_ADDR", ""),
        root_path=_decoded(environ.get("SCRIPT_NAME", "")),
        raw=environ,
    )


def _decoded(text: str) -> str:
    """PEP 3333 hands octets over as Latin-1 text; paths are UTF-8."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace")


def _read_body(environ: Environ) -> bytes:
    """The body, or the first bytes past MAX_FORM of a longer one: `routes` refuses it by its length.

    Counts what arrives: a chunked body has no length, and a length may lie (BC06, BC07). What was read is put
    back, for the product may answer after all (HT14).
    """
    from linkmw.gate.reread import reread

    limit = min(_length(environ), MAX_FORM + 1)
    given, body, whole = environ["wsgi.input"], bytearray(), True
    try:
        while len(body) < limit and (data := given.read(limit - len(body))):
            body += data
    except Exception:  # each server has an error of its own for a client that left: half a form is none (HT13)
        whole = False
    environ["wsgi.input"] = reread(bytes(body), given, _length(environ))
    return bytes(body) if whole else b""


def _length(environ: Environ) -> int:
    """How much may be read: all there is where the server ends the input itself (chunked), else what was announced."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isascii() and length.isdigit():
        return int(length)
    return sys.maxsize if environ.get("wsgi.input_terminated") else 0


def respond(start_response: StartResponse, answer: Response) -> Iterable[bytes]:
    """`answer` as WSGI has it."""
    status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
    start_response(status, [*answer.headers, ("Content-Length", str(len(answer.body)))])
    return [answer.body]
