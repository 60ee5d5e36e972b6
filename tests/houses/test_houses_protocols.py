"""What servers and frameworks may say besides a page, through the shells: untouched, as it comes (HT13, HT17)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from tests.gate.world import SETTINGS, World

from linkmw import asgi, wsgi
from linkmw.gate import build
from linkmw.run import in_thread

PAGE = b"<html><body><form><input type=password></form></body></html>"
HTML = [(b"Content-Type", b"text/html")]
LOGIN = {"type": "http", "method": "GET", "path": "/login", "query_string": b"", "headers": [], "root_path": ""}


class Served:
    """One request to an ASGI product behind linkmw. `sent`: every message that reached the server."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, product: Any) -> None:
        world = World()
        world.having(call=in_thread)
        monkeypatch.setattr(build, "build", lambda *_, **__: world.ports)
        self.app = asgi.LinkMiddleware(product, product=world.product, settings=SETTINGS)
        self.sent: list[Any] = []
        self.tasks_left: set[Any] = set()

    def __call__(self, incoming: Iterable[Any] = ({"type": "http.request"},), **scope: Any) -> list[Any]:
        waiting = list(incoming)

        async def receive() -> Any:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            self.sent.append(message)

        async def run() -> None:
            before = asyncio.all_tasks()
            await self.app({**LOGIN, **scope}, receive, send)
            self.tasks_left = asyncio.all_tasks() - before

        asyncio.run(run())
        return self.sent


def says(*messages: Any) -> Any:
    async def product(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return product


def start(status: int = 200, headers: Any = HTML, **more: Any) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers, **more}


def body(data: bytes = PAGE, **more: Any) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, **more}


HINT = {"type": "http.response.early_hint", "links": [b"</x.css>; rel=preload"]}
TRAILERS = {"type": "http.response.trailers", "headers": [(b"digest", b"x")]}
PDF = [(b"Content-Type", b"application/pdf")]
EVENTS = [(b"Content-Type", b"text/event-stream")]


@pytest.mark.parametrize(
    "messages",
    [
        (HINT, start(headers=PDF), body()),
        (start(trailers=True), body(), TRAILERS),
        (start(headers=PDF, trailers=True), body(), TRAILERS),
        (start(), {"type": "http.response.pathsend", "path": "/login.html"}),
        (start(), {"type": "http.response.zerocopysend", "file": 3}),
        (start(headers=EVENTS), body(b"data: 1\n\n", more_body=True), body(b"data: 2\n\n", more_body=True), body(b"")),
        (start(204, []), body(b"")),
        (start(304, HTML), body(b"")),
        (
            start(headers=[(b"Content-Type", b"text/html"), (b"X-Case", b"Kept")]),
            body(b"<p>no page</p>", more_body=False),
        ),
        ({"type": "http.response.push", "path": "/x", "headers": []}, start(headers=PDF), body()),
    ],
    ids=lambda messages: " ".join(message["type"].rpartition(".")[2] for message in messages),
)
def test_ht17_what_is_no_page_to_us_reaches_the_server_message_for_message(
    monkeypatch: pytest.MonkeyPatch, messages: tuple[Any, ...]
) -> None:
    assert Served(monkeypatch, says(*messages))() == list(messages)


def test_ht17_103_goes_ahead_of_a_page_that_is_decorated(monkeypatch: pytest.MonkeyPatch) -> None:
    hint, begun, page = Served(monkeypatch, says(HINT, start(), body()))()
    assert hint == HINT
    assert begun["status"] == 200
    assert b"Sign in with ACME ID" in page["body"]


def test_ht17_events_are_sent_when_they_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    async def product(scope: Any, receive: Any, send: Any) -> None:
        await send(start(headers=EVENTS))
        for number in range(3):
            await send(body(b"data: x\n\n", more_body=True))
            seen.append(len(served.sent))
            del number
        await send(body(b""))

    served = Served(monkeypatch, product)
    served()
    assert seen == [2, 3, 4]


@pytest.mark.parametrize("path", ["/login", "/.linkmw/callback", "/.linkmw/prove?record=x", "/.linkmw/nothing", "/"])
def test_ht13_nothing_goes_on_after_the_answer(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    served = Served(monkeypatch, says(start(), body()))
    served(path=path.partition("?")[0], query_string=path.partition("?")[2].encode())
    assert served.sent
    assert served.tasks_left == set()


FORM_HEADERS = [
    (b"content-type", b"application/x-www-form-urlencoded"),
    (b"sec-fetch-site", b"same-origin"),
]


def test_ht13_a_disconnect_in_the_middle_of_a_form_is_no_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a password must not count as a wrong one."""
    asked: list[Any] = []

    async def product(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope)

    served = Served(monkeypatch, product)
    cut = [{"type": "http.request", "body": b"record=x&csrf=y&username=ada&pass", "more_body": True}]
    served(cut, method="POST", path="/.linkmw/prove", headers=FORM_HEADERS)
    assert served.sent[0]["status"] == 400
    assert asked == []


def test_ht13_a_disconnect_reaches_the_product_whose_request_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def product(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(3):
            seen.append((await receive())["type"])

    incoming = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}]
    for path in ("/login", "/.linkmw/accounts", "/elsewhere"):
        Served(monkeypatch, product)(incoming, method="POST", path=path)
    assert seen == ["http.request", "http.disconnect", "http.disconnect"] * 3


def test_ht14_messages_of_one_byte_reach_the_product_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [{"type": "http.request", "body": bytes([byte]), "more_body": byte < 99} for byte in range(100)]
    seen: list[Any] = []

    async def product(scope: Any, receive: Any, send: Any) -> None:
        while not seen or seen[-1].get("more_body"):
            seen.append(await receive())

    for path in ("/login", "/.linkmw/accounts"):
        seen.clear()
        Served(monkeypatch, product)(sent, method="POST", path=path)
        assert seen == sent


# ---- WSGI


class Wsgi:
    """One request to a WSGI product behind linkmw."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, product: Any) -> None:
        world = World()
        monkeypatch.setattr(build, "build", lambda *_, **__: world.ports)
        self.app = wsgi.LinkMiddleware(product, product=world.product, settings=SETTINGS)
        self.started: list[Any] = []

    def __call__(self, path: str = "/login", **environ: Any) -> Any:
        given = {"REQUEST_METHOD": "GET", "PATH_INFO": path, **environ}
        return self.app(given, lambda *args: self.started.append(args))


def test_ht17_what_the_server_offers_reaches_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """gunicorn's early hints and file wrapper, and whatever else it put there, are the very objects."""
    seen: list[dict[str, Any]] = []
    offered = {"wsgi.early_hints": object(), "wsgi.file_wrapper": object(), "gunicorn.socket": object()}

    def product(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(environ)
        start_response("200 OK", [("Content-Type", "text/html")])
        return [PAGE]

    for path in ("/login", "/.linkmw/nothing", "/"):
        list(Wsgi(monkeypatch, product)(path, **offered))
    assert len(seen) == 3
    assert all(environ[name] is offered[name] for environ in seen for name in offered)


def test_ht17_a_stream_that_is_no_page_is_handed_on_chunk_by_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def product(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        for number in range(3):
            made.append(number)
            yield b"data: x\n\n"

    result = Wsgi(monkeypatch, product)()
    stream = iter(result)
    for number in range(3):
        assert next(stream) == b"data: x\n\n"
        assert made == list(range(number + 1))
    result.close()


def test_ht17_exc_info_after_the_answer_has_begun_raises_as_the_server_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """PEP 3333: with headers sent, `start_response(…, exc_info)` raises; that is the server's word, not ours."""

    def product(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"begun"
        try:
            raise ValueError
        except ValueError:
            start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())

    served = Wsgi(monkeypatch, product)
    stream = iter(served())
    assert next(stream) == b"begun"
    assert list(stream) == []
    assert [args[0] for args in served.started] == ["200 OK", "500 Oops"]
    assert served.started[1][2][0] is ValueError
