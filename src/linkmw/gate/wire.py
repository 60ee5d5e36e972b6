"""One HTTP call to the hub: blocking for WSGI, awaited for ASGI, over one kept client each.

No retries, no redirects, bounded time, at most 1 MiB of answer (security.md, section 3).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol
from weakref import WeakKeyDictionary

import httpx2

from linkmw.errors import Unavailable

MAX_ANSWER = 1024 * 1024  # bytes
CONNECT_SECONDS = 2.0
_AT_ONCE = 0.001  # seconds; none at all would be taken for no waiting socket


@dataclass(frozen=True, slots=True)
class Call:
    """A call to send. seconds: for all of it. Headers and body hold secrets."""

    method: str
    url: str
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever its status."""

    status: int
    body: bytes = field(repr=False)


class Wire(Protocol):
    """A way to the hub."""

    async def send(self, call: Call) -> Reply:
        """Sent once. Raises Unavailable when no whole answer came in time."""


class BlockingWire:
    """For WSGI: `send` never suspends. Safe for any number of threads."""

    def __init__(self, transport: httpx2.BaseTransport | None = None) -> None:
        self._client = httpx2.Client(follow_redirects=False, transport=transport)

    async def send(self, call: Call) -> Reply:
        return self._send(call)

    def _send(self, call: Call) -> Reply:
        deadline = time.monotonic() + call.seconds
        body = bytearray()
        request = _request(call)
        try:
            with closing(self._client.send(request, stream=True)) as answer:
                # Each read has its own time-out; that of the body is what the head has left of the call's.
                request.extensions["timeout"]["read"] = max(deadline - time.monotonic(), _AT_ONCE)
                for part in answer.iter_raw():
                    body += part
                    _check(answer, body)
                    if time.monotonic() > deadline:  # a slow drip comes in time each time
                        raise Unavailable("the hub is too slow")
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            raise _unavailable(error) from None
        return Reply(answer.status_code, bytes(body))


class AwaitedWire:
    """For ASGI. Connections belong to the event loop that opened them, so each loop has its own client."""

    def __init__(self, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._tls = httpx2.create_ssl_context()  # 20 ms of CPU: once, not for each loop (performance.md, section 8)
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = WeakKeyDictionary()

    async def send(self, call: Call) -> Reply:
        body = bytearray()
        try:
            async with (
                asyncio.timeout(call.seconds),
                aclosing(await self._of_this_loop().send(_request(call), stream=True)) as answer,
            ):
                async for part in answer.aiter_raw():
                    body += part
                    _check(answer, body)
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:  # TimeoutError is an OSError
            raise _unavailable(error) from None
        return Reply(answer.status_code, bytes(body))

    def _of_this_loop(self) -> httpx2.AsyncClient:
        loop = asyncio.get_running_loop()
        found = self._clients.get(loop)
        if found is None:
            found = httpx2.AsyncClient(follow_redirects=False, verify=self._tls, transport=self._transport)
            self._clients[loop] = found
        return found


def _request(call: Call) -> httpx2.Request:
    """As it is sent: a client that made it would read the address anew, and merge in headers that nobody needs.

    Asked for plain, so that no small answer unpacks into a large one (FC20).
    """
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", **call.headers}
    return httpx2.Request(call.method, _url(call.url), headers=headers, content=call.body, extensions=_limits(call))


@lru_cache(maxsize=64)  # they are few and hold no secret
def _url(text: str) -> httpx2.URL:
    return httpx2.URL(text)


def _limits(call: Call) -> dict[str, dict[str, float | None]]:
    timeout = httpx2.Timeout(call.seconds, connect=min(call.seconds, CONNECT_SECONDS))
    return {"timeout": timeout.as_dict()}


def _check(answer: httpx2.Response, body: bytearray) -> None:
    if len(body) > MAX_ANSWER or "content-encoding" in answer.headers:
        raise Unavailable("the hub's answer is too large, or packed")


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(f"the hub does not answer: {type(error).__name__}")
