"""The product's answer to a request that may prove an account, judged as it begins: once for ASGI, once for WSGI.

What is not to be answered by us passes as the product gave it. Whatever fails here is logged, and it passes, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from itertools import chain
from typing import Any

from linkmw.gate.held import HeldStart, Rest, close
from linkmw.http import Headers, Response

log = logging.getLogger("linkmw.gate")

Message = MutableMapping[str, Any]

VISIT_SECONDS = 10.0  # how long the page may take that tells a whole sign-in from half a one


def cookies_of(headers: Iterable[tuple[str, str]]) -> Headers:
    """What a product's answer sets and takes away, which goes with ours."""
    return tuple(("Set-Cookie", value) for name, value in headers if name.lower() == "set-cookie")


class WsgiAnswer(HeldStart):
    """A `start_response` to give to the product in place of the server's (PEP 3333), and what to do with its result.

    judge: what is answered in place of an answer with this status and these headers; or headers that go with it, or
    None. respond: sends it.
    """

    def __init__(
        self,
        start_response: Callable[..., Any],
        judge: Callable[[int, Headers], Response | Headers | None],
        respond: Callable[[Callable[..., Any], Response], Iterable[bytes]],
    ) -> None:
        super().__init__(start_response)
        self._judge, self._respond = judge, respond

    def finish(self, result: Iterable[bytes]) -> Iterable[bytes]:
        """The answer for the server: ours, or `result` as it is."""
        rest = None
        if not self._start:  # a generator says its status with its first chunk
            rest = iter(result)
            try:
                for data in rest:
                    self._body.append(data)
                    if self._start:
                        break
            except BaseException:
                close(result)
                raise
        instead = self._judged()
        if instead is not None:
            close(result)
            return self._respond(self._start_response, instead)
        self._begun = True
        if self._start:
            self._start_response(*self._start)
        if rest is None and not self._body:
            return result  # the very object: it may be the server's own wsgi.file_wrapper
        return Rest(chain(self._body, iter(result) if rest is None else rest), result)

    def _judged(self) -> Response | None:
        if not self._start:
            return None
        try:
            headers = tuple(self._start[1])
            found = self._judge(int(self._start[0][:3]), headers)
            if isinstance(found, Response):
                return found.with_headers(cookies_of(headers))
            self._start[1].extend(found or ())
            return None
        except Exception:
            log.exception("linkmw failed at a sign-in, the product's own answer stands")
            return None


class AsgiAnswer:
    """A `send` to give to the product in place of the server's; once ours is sent instead, what it sends is dropped."""

    def __init__(
        self,
        send: Callable[[Message], Awaitable[None]],
        judge: Callable[[int, Headers], Awaitable[Response | Headers | None]],
        respond: Callable[[Callable[[Message], Awaitable[None]], Response], Awaitable[None]],
    ) -> None:
        self._send, self._judge, self._respond = send, judge, respond
        self._answered = False

    async def __call__(self, message: Message) -> None:
        if self._answered:
            return
        instead = await self._judged(message) if message["type"] == "http.response.start" else None
        if instead is None:
            await self._send(message)
        else:
            self._answered = True
            await self._respond(self._send, instead)

    async def _judged(self, start: Message) -> Response | None:
        try:
            pairs = start.get("headers", ())
            headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs)
            found = await self._judge(start["status"], headers)
            if isinstance(found, Response):
                return found.with_headers(cookies_of(headers))
            if found:
                start["headers"] = [
                    *pairs,
                    *((name.lower().encode(), value.encode("latin-1")) for name, value in found),
                ]
            return None
        except Exception:
            log.exception("linkmw failed at a sign-in, the product's own answer stands")
            return None


def wsgi_status(app: Callable[..., Iterable[bytes]], environ: dict[str, Any]) -> int:
    """The status with which `app` answers."""
    said: list[str] = []

    def start_response(status: str, _headers: Any, *_: Any) -> Callable[[bytes], Any]:
        said.append(status)
        return lambda _: None

    result = app(environ, start_response)
    try:
        for _ in result:
            if said:
                break
    finally:
        close(result)
    return int(said[-1][:3]) if said else 0


async def asgi_status(app: Callable[..., Awaitable[None]], scope: dict[str, Any]) -> int:
    """The same of an ASGI application; 0 when it takes too long. The session it sees is a copy."""
    said: list[int] = []
    body: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if not body:
            await asyncio.Event().wait()  # a client that stays
        return body.pop()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            said.append(message["status"])

    if isinstance(scope.get("session"), dict):
        scope = {**scope, "session": dict(scope["session"])}
    try:
        await asyncio.wait_for(app(scope, receive, send), VISIT_SECONDS)
    except TimeoutError:
        return 0
    return said[0] if said else 0
