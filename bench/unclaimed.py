"""What a request that is none of our business costs: the bare application, the least a middleware can be, linkmw."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any, cast

from linkmw import asgi, wsgi
from linkmw.gate.ports import Product
from linkmw.secret import Secret
from linkmw.settings import Settings

LOGIN = frozenset(("/login", "/.linkmw/callback"))
ON = Settings(
    hub_url="https://id.example",
    public_url="https://orders.example",
    organization_id="acme",
    client_id="orders",
    client_secret=Secret("s" * 43),
    redis_url="redis://localhost/0",
)
NATIVE = replace(ON, proof="native")  # whose shells look for the cookie of a browser that is to prove an account
OFF = Settings(enabled=False)
NOBODY = cast(Product, object())  # never asked: no request here is ours

HEADERS = [
    (b"host", b"orders.example"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"),
    (b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    (b"accept-encoding", b"gzip, deflate, br"),
    (b"cookie", b"csrftoken=abc; theme=dark"),
]
SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "https",
    "path": "/orders/17",
    "raw_path": b"/orders/17",
    "query_string": b"",
    "root_path": "",
    "headers": HEADERS,
    "client": ("192.0.2.1", 50000),
    "server": ("orders.example", 443),
}
ENVIRON = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/orders/17",
    "QUERY_STRING": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "192.0.2.1",
    "wsgi.url_scheme": "https",
    **{f"HTTP_{name.decode().upper().replace('-', '_')}": value.decode() for name, value in HEADERS},
}


async def asgi_hello(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"5"), (b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


class AsgiLeast:
    """What somebody would write by hand."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] in LOGIN:
            raise NotImplementedError
        await self.app(scope, receive, send)


def wsgi_hello(_environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "5")])
    return [b"hello"]


class WsgiLeast:
    """What somebody would write by hand."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] in LOGIN:
            raise NotImplementedError
        return self.app(environ, start_response)


def asgi_variants() -> dict[str, Callable[[int], None]]:
    apps: dict[str, Any] = {
        "raw ASGI application": asgi_hello,
        "the same again (control)": asgi_hello,
        "+ least middleware by hand": AsgiLeast(asgi_hello),
        "+ linkmw, enabled": asgi.wrap(asgi_hello, product=NOBODY, settings=ON),
        "+ linkmw, with native proofs": asgi.wrap(asgi_hello, product=NOBODY, settings=NATIVE),
        "+ linkmw, disabled": asgi.wrap(asgi_hello, product=NOBODY, settings=OFF),
    }
    return {name: _awaiting(app) for name, app in apps.items()}


def wsgi_variants() -> dict[str, Callable[[int], None]]:
    apps: dict[str, Any] = {
        "raw WSGI application": wsgi_hello,
        "the same again (control)": wsgi_hello,
        "+ least middleware by hand": WsgiLeast(wsgi_hello),
        "+ linkmw, enabled": wsgi.wrap(wsgi_hello, product=NOBODY, settings=ON),
        "+ linkmw, with native proofs": wsgi.wrap(wsgi_hello, product=NOBODY, settings=NATIVE),
        "+ linkmw, disabled": wsgi.wrap(wsgi_hello, product=NOBODY, settings=OFF),
    }
    return {name: _calling(app) for name, app in apps.items()}


def _awaiting(app: Callable[..., Awaitable[None]]) -> Callable[[int], None]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def remember(message: Any) -> None:
        sent.append(message)

    async def send(message: Any) -> None:
        pass

    asyncio.run(_once(app, receive, remember))
    _check(sent[0]["status"], sent[1]["body"])

    async def many(number: int) -> None:
        for _ in range(number):
            await app(SCOPE, receive, send)

    return lambda number: asyncio.run(many(number))


async def _once(app: Callable[..., Awaitable[None]], receive: Any, send: Any) -> None:
    await app(SCOPE, receive, send)


def _calling(app: Callable[..., Iterable[bytes]]) -> Callable[[int], None]:
    started: list[str] = []
    body = b"".join(app(ENVIRON, lambda status, _: started.append(status)))
    _check(int(started[0][:3]), body)

    def start_response(status: str, headers: Any) -> None:
        pass

    def many(number: int) -> None:
        for _ in range(number):
            for _part in app(ENVIRON, start_response):
                pass

    return many


def _check(status: int, body: bytes) -> None:
    """What is timed gives the right answer."""
    if (status, body) != (200, b"hello"):
        raise SystemExit("a variant answers something else")
