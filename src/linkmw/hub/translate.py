"""Starlette's requests and answers to linkmw's plain values and back. Translate, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from starlette.requests import ClientDisconnect
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse

from linkmw.errors import RequestRefused
from linkmw.http import MAX_FORM, Request, Response
from linkmw.whence import client_address


async def _read_body(request: StarletteRequest) -> bytes:
    """The body as it was sent, counted while it arrives: Content-Length is the sender's word (BC07, DS02)."""
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_FORM:
                raise RequestRefused("the body is too large", code="too_large", status=413)
            chunks.append(chunk)
    except ClientDisconnect:  # half a body is none; the answer goes to nobody
        raise RequestRefused("the client left before the end of its body") from None
    return b"".join(chunks)


def _headers(request: StarletteRequest) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        separator = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    return headers


def read_head(request: StarletteRequest, trusted_proxies: Sequence[str]) -> Request:
    """The request as flows see it, its body still to come."""
    headers = _headers(request)
    peer = request.client.host if request.client else ""
    return Request(
        method=request.method.upper(),
        path=request.scope["path"],
        query_string=request.scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        client=client_address(peer, headers.get("x-forwarded-for", ""), trusted_proxies),
        root_path=request.scope.get("root_path", ""),
    )


async def read(request: StarletteRequest, head: Request) -> Request:
    """The whole request. Raises RequestRefused (413) for a body over 64 KiB."""
    body = await _read_body(request)
    return replace(head, body=body) if body else head


def write(response: Response) -> StarletteResponse:
    """The answer as Starlette sends it; every header kept, repeated ones too."""
    answer = StarletteResponse(response.body, response.status)
    answer.raw_headers.extend(
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers
    )
    return answer
