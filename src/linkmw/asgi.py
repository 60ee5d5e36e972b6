"""The ASGI shell: translates, nothing else. Standard library only until the first request that is ours.

app = LinkMiddleware(app, product=Product())
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from linkmw.gate.claim import relative
from linkmw.gate.shell import Shell
from linkmw.http import MAX_FORM, PASS, Answer, Decorate, Request, Response
from linkmw.switch import is_off_in

if TYPE_CHECKING:
    from linkmw.gate.hosts import Gates
    from linkmw.gate.native_proof import Watching
    from linkmw.gate.ports import Ports, Product
    from linkmw.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("linkmw")

_WATCHED = "linkmw.watched"  # in the scope: this request of an armed browser is seen to
_SEEN = "linkmw.seen"  # in the scope: an outer LinkMiddleware puts its button into this page (HT08)


class LinkMiddleware(Shell):
    """`app` with linkmw in front: its login pages carry the button, and the routes under the prefix are ours."""

    _app: Application

    _arming_octets: bytes | None = None  # `_arming`, as a scope has it

    def _by_host(self, gates: Gates[Application]) -> Application:
        return by_host(gates)

    def _take_on(self) -> None:
        super()._take_on()
        self._arming_octets = None if self._arming is None else self._arming.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._whose(scope)(scope, receive, send)

    def _whose(self, scope: Scope) -> Application:
        """Who answers: the product, or we."""
        if (arming := self._arming_octets) is not None and "headers" in scope:
            for name, value in scope["headers"]:  # here and not in a function: that would cost as much again
                if name == b"cookie" and arming in value and scope["type"] == "http" and _WATCHED not in scope:
                    return self._armed
        if self._claims is not None and scope["type"] == "http":
            root = scope.get("root_path")
            if self._claims(relative(scope["path"], root) if root else scope["path"]) and _SEEN not in scope:
                return self._ours
        return self._app

    async def _armed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request of a browser whose native proof is armed: it may be the sign-in that counts."""
        raw = {**scope, _WATCHED: True}  # as it came: what the product puts into `scope` is not in it
        scope[_WATCHED] = True
        try:
            self._look()
            found = await self._watching(raw) if self._settings.on else None
        except Exception:
            log.exception("linkmw failed, the product answers instead")
            found = None
        if isinstance(found, Response):
            await respond(send, found)
            return
        if found is not None:
            from linkmw.gate import native_proof, watched

            send = watched.AsgiAnswer(send, partial(native_proof.answer, found), respond)
        await LinkMiddleware.__call__(self, scope, receive, send)

    async def _watching(self, scope: Scope) -> Watching | Response | None:
        settings, ports = await self._world()
        from linkmw.gate import native_proof, watched

        async def visit(request: Request) -> int:
            return await watched.asgi_status(self._app, request.raw)

        return await native_proof.begin(ports, settings, self._asked(scope), visit)

    async def _ours(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(receive)
        try:
            answer = await self._answer(scope, body)
        except Exception:
            # Whatever is wrong with us, the product's own page is answered (real-apps.md, "What broke", 8).
            log.exception("linkmw failed, the product answers instead")
            answer = PASS
        if isinstance(answer, Response):
            await respond(send, answer)
        elif isinstance(answer, Decorate):
            await self._decorated(scope, body, send, answer)
        else:
            await self._app(scope, body.again, send)

    async def _decorated(self, scope: Scope, body: _Body, send: Send, answer: Decorate) -> None:
        from linkmw.gate import held

        page = held.AsgiPage(send, answer)
        headers = held.asking_for_plain_html(scope["headers"])
        await self._app({**scope, "headers": headers, _SEEN: True}, body.again, page)
        await page.release()

    async def _answer(self, scope: Scope, body: _Body) -> Answer:
        self._look()
        if not self._settings.on:
            from linkmw.gate import under_way

            return under_way.answer(self._settings, self._asked(scope), int(time.time()))
        settings, ports = await self._world()
        from linkmw.gate import routes  # loaded by now: what no product process need hold before somebody signs in

        request = self._asked(scope)
        if routes.reads_body(settings, request):
            request = replace(request, body=await body.read())
        return await routes.answer(ports, settings, request)

    def _asked(self, scope: Scope) -> Request:
        return request_of(scope, self.routed(relative(scope["path"], scope.get("root_path", ""))))

    async def _ports(self) -> Ports:
        return (await self._world())[1]

    async def _world(self) -> tuple[Settings, Ports]:
        """The settings in force, and what was made for them.

        At the first request that is ours, in a thread: what it imports takes a good part of a second.
        """
        if self._opened is None:
            return await asyncio.to_thread(self._open)
        return self._settings, self._opened

    def _open(self) -> tuple[Settings, Ports]:
        from linkmw.gate.build import build

        with self._opening:
            settings = self._settings
            if self._opened is None:
                ports = build(settings, self._product, blocking=False)
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

    found: Application = cover.wrapped(app, "asgi", product, settings)
    return found


def by_host(gates: Gates[Application]) -> Application:
    """Each connection goes to the gate of its host (P-4)."""

    async def chosen(scope: Scope, receive: Receive, send: Send) -> None:
        # Of two Host headers the first, as frameworks read it: theirs is the page that is opened.
        host = next((value for name, value in scope.get("headers", ()) if name.lower() == b"host"), b"")
        await gates.of(host.decode("latin-1"))(scope, receive, send)

    return chosen


def request_of(scope: Scope, path: str) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        # HTTP/2 may split Cookie into crumbs; anything else repeated is a list (RFC 9110, 5.3).
        joint = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{joint}{value}" if name in headers else value
    return Request(
        method=scope["method"].upper(),
        path=path,
        query_string=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        client=(scope.get("client") or ("",))[0],
        root_path=scope.get("root_path", ""),
        raw=scope,
    )


async def respond(send: Send, answer: Response) -> None:
    """`answer` was sent."""
    headers = (*answer.headers, ("Content-Length", str(len(answer.body))))
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": answer.body})


class _Body:
    """The request's body, read for a route of ours, and given again if the product answers after all."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen: list[Message] = []

    async def read(self) -> bytes:
        """The body, or the first bytes past MAX_FORM of a longer one: `routes` refuses it by its length.

        Nothing when the client left before its end: half a form is none (HT13).
        """
        body = bytearray()
        while len(body) <= MAX_FORM:
            message = await self._receive()
            self._seen.append(message)
            if message["type"] == "http.disconnect":
                return b""
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        return bytes(body)

    @property
    def again(self) -> Receive:
        """What the product receives from: the server's own `receive`, or first what was read."""
        return self._replay if self._seen else self._receive

    async def _replay(self) -> Message:
        # After the body the server's own `receive` goes on, which blocks until the client leaves: inventing a
        # disconnect here would end streaming answers ("What broke", 5).
        return self._seen.pop(0) if self._seen else await self._receive()
