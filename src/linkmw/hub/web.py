"""How the hub calls others over HTTP: kept clients, no redirects, no retries, an answer of at most 1 MiB (FC20)."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from linkmw import metrics, tracing
from linkmw.errors import Unavailable
from linkmw.metrics import Part
from linkmw.oidc.strict_json import read_object

MAX_ANSWER = 1024 * 1024  # bytes, after decompression: a small archive may not become a large answer
CONNECT_SECONDS = 2.0


def client(timeout: float, connections: int | None = 100) -> httpx2.AsyncClient:
    """A client to be kept. timeout: seconds a call may take once it is connected. connections: at once, None for any
    number: then whoever calls limits the calls."""
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
        limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=20),
        follow_redirects=False,
        headers={"accept": "application/json", "user-agent": "linkmw-hub"},
    )


def timeout_of(http: httpx2.AsyncClient) -> float:
    """Seconds that a call of this client may take in all."""
    return http.timeout.read or 5.0


async def read(http: httpx2.AsyncClient, part: Part, method: str, url: str, **request: Any) -> tuple[int, bytes]:
    """Status and body of one call to `part`, sent exactly once. Raises Unavailable."""
    with tracing.span(part), metrics.timed(part):
        return await _read(http, method, url, **request)


async def _read(http: httpx2.AsyncClient, method: str, url: str, **request: Any) -> tuple[int, bytes]:
    try:
        # httpx2's time-outs are for one read; a body that drips is bounded by the whole.
        async with asyncio.timeout(timeout_of(http)), http.stream(method, url, **request) as answer:
            return answer.status_code, await _body(answer)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
        # Its message may hold the URL, and that a code: the kind of error says enough.
        raise Unavailable(type(error).__name__) from None


async def _body(answer: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise Unavailable("the answer is larger than 1 MiB")
    return bytes(body)


async def read_json(
    http: httpx2.AsyncClient, part: Part, method: str, url: str, **request: Any
) -> tuple[int, dict[str, Any]]:
    """As `read`, the body as a JSON object; {} when it is none. Raises Unavailable."""
    status, body = await read(http, part, method, url, **request)
    try:
        return status, read_object(body)
    except ValueError:
        return status, {}
