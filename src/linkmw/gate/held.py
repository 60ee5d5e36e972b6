"""The product's answer to its login route, held back until the button is in it: once for ASGI, once for WSGI.

What `button` does not understand passes as the product gave it, with its headers, its iterator and its `close`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping, Sequence
from itertools import chain
from typing import Any

from linkmw.gate import button
from linkmw.http import Decorate, Headers

log = logging.getLogger("linkmw.gate")

Message = MutableMapping[str, Any]
Pairs = list[tuple[bytes, bytes]]


def asking_for_plain_html(headers: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """ASGI request headers without those that bring an answer we cannot read."""
    return [pair for pair in headers if pair[0].decode("latin-1").lower() not in button.DROPPED_REQUEST_HEADERS]


def environ_asking_for_plain_html(environ: dict[str, Any]) -> dict[str, Any]:
    """The same for WSGI: a copy of the environment."""
    dropped = {f"HTTP_{name.upper().replace('-', '_')}" for name in button.DROPPED_REQUEST_HEADERS}
    return {name: value for name, value in environ.items() if name not in dropped}


def _decorated(headers: Headers, body: bytes, answer: Decorate) -> tuple[Headers, bytes] | None:
    try:
        return button.decorate(headers, body, answer)
    except Exception:
        # A fault of ours costs the button, never the product's page.
        log.exception("no button on this page")
        return None


class AsgiPage:
    """A `send` to give to the product in place of the server's."""

    def __init__(self, send: Callable[[Message], Awaitable[None]], answer: Decorate) -> None:
        self._send = send
        self._answer = answer
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start" and _may_hold(message):
            self._start = message
        elif kind == "http.response.body" and self._start is not None:
            await self._add(self._start, message)
        else:
            await self.release()
            await self._send(message)

    async def _add(self, start: Message, message: Message) -> None:
        self._body += message.get("body", b"")
        if not message.get("more_body"):
            decorated = _decorated(_text(start.get("headers", ())), bytes(self._body), self._answer)
            if decorated is not None:
                headers, self._body[:] = decorated
                self._start = {**start, "headers": _octets(headers)}
            await self.release(more=False)
        elif len(self._body) > button.MAX_PAGE:
            await self.release()

    async def release(self, *, more: bool = True) -> None:
        """Send what is held, if anything is. more: is more of the body to come?"""
        start, self._start = self._start, None
        if start is not None:
            await self._send(start)
            if self._body or not more:  # no body begins before an extension that sends one itself (pathsend)
                await self._send({"type": "http.response.body", "body": bytes(self._body), "more_body": more})


def _may_hold(start: Message) -> bool:
    return not start.get("trailers") and button.understands(start["status"], _text(start.get("headers", ())))


def _text(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs)


def _octets(headers: Headers) -> Pairs:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class HeldStart:
    """A `start_response` to give to the product in place of the server's: its word is kept until it goes out."""

    def __init__(self, start_response: Callable[..., Any]) -> None:
        self._start_response = start_response
        self._start: tuple[Any, ...] = ()
        self._begun = False
        self._body: list[bytes] = []

    def start_response(self, status: str, headers: Sequence[tuple[str, str]], *exc_info: Any) -> Callable[[bytes], Any]:
        if self._begun:
            return self._start_response(status, headers, *exc_info)  # type: ignore[no-any-return]
        if self._start and not any(exc_info):
            raise AssertionError("start_response was called twice without exc_info")
        self._start = (status, list(headers), *exc_info)
        return self._write

    def _write(self, data: bytes) -> None:
        self._body.append(data)


class WsgiPage(HeldStart):
    """A `start_response` to give to the product in place of the server's (PEP 3333), and what to do with its result."""

    def __init__(self, start_response: Callable[..., Any], answer: Decorate) -> None:
        super().__init__(start_response)
        self._answer = answer

    def finish(self, result: Iterable[bytes]) -> Iterable[bytes]:
        """The answer for the server: the page with its button, or `result` as it is."""
        if self._start and not self._body and not self._holds():
            self._begin()
            return result  # the very object: it may be the server's own wsgi.file_wrapper
        rest = iter(result)
        try:
            whole = self._read(rest)
        except BaseException:
            close(result)
            raise
        if not whole:
            self._begin()
            return Rest(chain(self._body, rest), result)
        close(result)
        return [self._put_button()]

    def _read(self, rest: Iterator[bytes]) -> bool:
        """Take the body in; False as soon as it is none we hold. A generator says its status with its first chunk."""
        size = sum(map(len, self._body))
        for data in rest:
            self._body.append(data)
            size += len(data)
            if size > button.MAX_PAGE or (self._start and not self._holds()):
                return False
        return bool(self._start) and self._holds()

    def _holds(self) -> bool:
        status, headers = self._start[:2]
        return button.understands(200 if status[:3] == "200" else 0, tuple(headers))

    def _put_button(self) -> bytes:
        status, headers, *exc_info = self._start
        page = b"".join(self._body)
        decorated = _decorated(tuple(headers), page, self._answer)
        if decorated is not None:
            kept, page = decorated
            self._start = (status, list(kept), *exc_info)
        self._begin()
        return page

    def _begin(self) -> None:
        self._begun = True
        if self._start:
            self._start_response(*self._start)


class Rest:
    """What was read already and what follows; `close` is the product's own."""

    def __init__(self, chunks: Iterator[bytes], result: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._result = result

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def close(self) -> None:
        close(self._result)


def close(result: Iterable[bytes]) -> None:
    close = getattr(result, "close", None)
    if close is not None:
        close()
