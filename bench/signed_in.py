"""What a request with a live linkmw session costs in-process, revocation checked (G2): each variant over a real Redis.

Once a variant has answered as it should, its session is ended in Redis and its next answer has to be nobody's; then it
begins again and is timed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any, cast

from bench.unclaimed import ENVIRON, ON, SCOPE
from tests.stores.servers import until

from linkmw.gate import build
from linkmw.gate.guard import MARKER, Guard, marker_in
from linkmw.gate.in_force import InForce
from linkmw.gate.ports import Sessions
from linkmw.model import Session
from linkmw.run import run_now
from linkmw.stores.redis import GateStores, connect_blocking
from linkmw_flask import LinkMW
from linkmw_flask import Product as FlaskProduct
from linkmw_starlette import LinkMiddleware
from linkmw_starlette import Product as StarletteProduct

SID = "s" * 43
EXPIRES = int(time.time()) + 86_400
NATIVE = {"user": "17", "csrf": "c" * 32, MARKER: [SID, EXPIRES]}
HELLO, NOBODY = b"hello 17", b"hello nobody"
GOAL = 2.0  # µs of CPU over the same application (G2)

Loop = Callable[[int], None]


class Truth:
    """The allow-list, as another process would change it."""

    def __init__(self, url: str, prefix: str = "linkmw:") -> None:
        self.sessions: Sessions = GateStores(connect_blocking(url, timeout=5), prefix).sessions

    def begin(self) -> None:
        now = int(time.time())
        assert run_now(self.sessions.put(Session(SID, "17", "i" * 43, "h" * 43, now, EXPIRES)))

    def end(self) -> None:
        assert run_now(self.sessions.end(SID)) is not None


def checked(answer: Callable[[], bytes], truth: Truth | None) -> None:
    """What is timed answers rightly, and hears of an end."""
    if truth is None:
        assert answer() == HELLO
        return
    for _ in range(2):
        truth.begin()
        until(lambda: answer() == HELLO)
        truth.end()
        until(lambda: answer() == NOBODY)
    truth.begin()
    until(lambda: answer() == HELLO)


def greeting(session: dict[str, Any]) -> bytes:
    return f"hello {session.get('user', 'nobody')}".encode()


# --- ASGI ---------------------------------------------------------------------------------------------------------


async def asgi_app(scope: Any, _receive: Any, send: Any) -> None:
    body = greeting(scope["session"])
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def with_session(app: Any) -> Any:
    """What a session middleware leaves behind, at no cost of its own."""

    async def layer(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "session": dict(NATIVE)}, receive, send)

    return layer


def asked_by_hand(app: Any, guard: Guard) -> Any:
    """An adapter of one's own, as docs/adapters.md has it."""

    async def layer(scope: Any, receive: Any, send: Any) -> None:
        marker = marker_in(scope["session"])
        if marker and not await guard.stands(marker):
            scope["session"].clear()
        await app(scope, receive, send)

    return layer


def asgi_variants(url: str) -> dict[str, Loop]:
    settings, strict = replace(ON, redis_url=url), replace(ON, redis_url=f"{url}?")
    product = StarletteProduct(session_key="user", load=lambda account_id: {"id": account_id, "username": "ada"})

    def starlette(settings: Any) -> Any:
        return with_session(LinkMiddleware(asgi_app, product=product, in_force=InForce.fixed(settings)))

    with asked_each_time():
        asking = awaiting(starlette(strict), Truth(url))
    return {
        "raw ASGI application with a session": awaiting(with_session(asgi_app), None),
        "the same again (control)": awaiting(with_session(asgi_app), None),
        "+ linkmw's question, by hand": awaiting(
            with_session(asked_by_hand(asgi_app, build.guard(settings, blocking=False))), Truth(url)
        ),
        "+ linkmw_starlette": awaiting(starlette(settings), Truth(url)),
        "+ linkmw_starlette, Redis asked each time": asking,
    }


class asked_each_time:  # noqa: N801 reads as what it does
    """Inside, gates find a Redis that does not tell of changes."""

    def __enter__(self) -> None:
        self._before = build.listener
        build.listener = lambda *_: None

    def __exit__(self, *_: object) -> None:
        build.listener = self._before


def awaiting(app: Callable[..., Awaitable[None]], truth: Truth | None, scope: Any = SCOPE) -> Loop:
    loop = asyncio.new_event_loop()
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def remember(message: Any) -> None:
        sent.append(message)

    async def send(message: Any) -> None:
        pass

    def answer() -> bytes:
        sent.clear()
        loop.run_until_complete(cast(Any, app(scope, receive, remember)))
        return b"".join(message.get("body", b"") for message in sent)

    async def many(number: int) -> None:
        for _ in range(number):
            await app(scope, receive, send)

    def timed(number: int) -> None:
        loop.run_until_complete(many(number))

    checked(answer, truth)
    return timed


# --- WSGI ---------------------------------------------------------------------------------------------------------


def wsgi_app(environ: Any, start_response: Any) -> Iterable[bytes]:
    body = greeting(environ["session"])
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


def wsgi_with_session(app: Any) -> Any:
    def layer(environ: Any, start_response: Any) -> Iterable[bytes]:
        return cast(Iterable[bytes], app({**environ, "session": dict(NATIVE)}, start_response))

    return layer


def wsgi_asked_by_hand(app: Any, guard: Guard) -> Any:
    def layer(environ: Any, start_response: Any) -> Iterable[bytes]:
        marker = marker_in(environ["session"])
        if marker and not run_now(guard.stands(marker)):
            environ["session"].clear()
        return cast(Iterable[bytes], app(environ, start_response))

    return layer


def wsgi_variants(url: str) -> dict[str, Loop]:
    guard = build.guard(replace(ON, redis_url=url), blocking=True)
    with asked_each_time():
        strict = build.guard(replace(ON, redis_url=url), blocking=True)
    asked = wsgi_with_session(wsgi_asked_by_hand(wsgi_app, guard))
    asking = wsgi_with_session(wsgi_asked_by_hand(wsgi_app, strict))
    return {
        "raw WSGI application with a session": calling(wsgi_with_session(wsgi_app), None),
        "the same again (control)": calling(wsgi_with_session(wsgi_app), None),
        "+ linkmw's question, by hand": calling(asked, Truth(url)),
        "+ the same, Redis asked each time": calling(asking, Truth(url)),
    }


def flask_app(url: str, *, linked: bool) -> Any:
    """A Flask application whose session is in its signed cookie."""
    from flask import Flask, session

    app = Flask(__name__)
    app.secret_key = "k" * 32

    @app.get("/orders/17")
    def hello() -> bytes:
        return greeting(cast(dict[str, Any], session))

    if linked:
        told = {name: getattr(ON, name) for name in ("hub_url", "public_url", "organization_id", "client_id")}
        product = FlaskProduct(session_key="user", load=lambda account_id: {"id": account_id, "username": "ada"})
        LinkMW(app, product, **told, client_secret="s" * 43, redis_url=url)
    return app


def flask_variants(url: str) -> dict[str, Loop]:
    bare, linked = flask_app(url, linked=False), flask_app(url, linked=True)
    with asked_each_time():
        strict = flask_app(url, linked=True)
        asking = calling(strict, Truth(url), cookie_of(bare))
    return {
        "Flask, its signed session read": calling(bare, None, cookie_of(bare)),
        "the same again (control)": calling(bare, None, cookie_of(bare)),
        "+ linkmw_flask": calling(linked, Truth(url), cookie_of(bare)),
        "+ linkmw_flask, Redis asked each time": asking,
    }


def cookie_of(app: Any) -> str:
    serializer = app.session_interface.get_signing_serializer(app)
    return f"session={serializer.dumps(NATIVE)}"


def calling(app: Callable[..., Iterable[bytes]], truth: Truth | None, cookie: str = "") -> Loop:
    import io

    environ = {**ENVIRON, "SERVER_NAME": "orders.example", "SERVER_PORT": "443", "wsgi.input": io.BytesIO()}
    if cookie:
        environ["HTTP_COOKIE"] = cookie

    def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
        pass

    def answer() -> bytes:
        return b"".join(app(dict(environ), start_response))

    def timed(number: int) -> None:
        for _ in range(number):
            for _part in app(dict(environ), start_response):
                pass

    checked(answer, truth)
    return timed
