"""Both sides of the shells keep to their interface, and what is no page goes through: events, files, 100 MB."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from tests.gate.world import SETTINGS, World
from tests.houses.asgi_rules import Watched
from tests.houses.conftest import ROOT
from tests.houses.wire import HOST, ask, read, read_all
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from linkmw import asgi, wsgi
from linkmw.demo.parts.processes import Processes, free_port
from linkmw.gate import build
from linkmw.run import in_thread

PAGE = b"<html><body><form><input type=password></form></body></html>"
ASGI = (("uvicorn", "starlette"), ("hypercorn", "starlette"), ("granian", "starlette"))
WSGI = (("gunicorn", "flask"), ("gunicorn", "django"), ("waitress", "flask"))
MEGABYTES = 100
FLAT = 24 * 1024  # KiB more than before: no server here keeps more of a body than a few hundred
FORM = "application/x-www-form-urlencoded"
# method, path, body: a page that gets the button, one of our own, a form of ours, and what is none of our business.
ASKED = (
    ("GET", "/login", b""),
    ("HEAD", "/login", b""),
    ("POST", "/login", b"username=ada&password=x"),
    ("GET", "/.linkmw/sign-in", b""),
    ("GET", "/.linkmw/login", b""),
    ("GET", "/.linkmw/callback", b""),
    ("POST", "/.linkmw/prove", b"record=x&csrf=y"),
    ("POST", "/.linkmw/accounts", b"{}"),
    ("POST", "/.linkmw/nothing", b"a=b"),
    ("GET", "/", b""),
    ("POST", "/", b"a=b"),
)


# It wants a Content-Type with a redirect, which has no body for it to speak of (RFC 9110, 8.3).
@pytest.mark.parametrize(("method", "path", "body"), [asked for asked in ASKED if asked[1] != "/.linkmw/login"])
@pytest.mark.parametrize("kind", ["list", "generator", "file"])
def test_ht14_ht17_wsgiref_validate_has_nothing_against_either_side(
    monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: bytes, kind: str
) -> None:
    world = World()
    monkeypatch.setattr(build, "build", lambda *_, **__: world.ports)

    def product(environ: dict[str, Any], start_response: Any) -> Any:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
        page = b"" if method == "HEAD" else PAGE
        start_response("200 OK", [("Content-Type", "text/html" if kind != "file" else "application/pdf")])
        return {
            "list": lambda: [page],
            "generator": lambda: iter([page]),
            "file": lambda: FileWrapper(io.BytesIO(page)),
        }[kind]()

    app = validator(wsgi.LinkMiddleware(validator(product), product=world.product, settings=SETTINGS))  # type: ignore[arg-type]
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "HTTP_ACCEPT": "text/html",
    }
    setup_testing_defaults(environ)
    environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": FORM}
    started: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        started.append(status)
        return lambda data: None

    result = app(environ, start_response)
    answer = b"".join(result)
    result.close()  # type: ignore[attr-defined]
    assert len(started) == 1
    if path == "/login" and method == "GET" and kind != "file":
        assert b"Sign in with ACME ID" in answer


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
def test_ht13_ht14_both_sides_keep_to_asgi(
    monkeypatch: pytest.MonkeyPatch, method: str, path: str, body: bytes
) -> None:
    world, wrong, sent = World(), [], []
    world.having(call=in_thread)
    monkeypatch.setattr(build, "build", lambda *_, **__: world.ports)

    async def product(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": PAGE[:9], "more_body": True})
        await send({"type": "http.response.body", "body": PAGE[9:]})

    inner = Watched(product, wrong, "inside")
    app = Watched(asgi.LinkMiddleware(inner, product=world.product, settings=SETTINGS), wrong, "outside")
    messages = [{"type": "http.request", "body": bytes([byte]), "more_body": True} for byte in body]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"accept", b"text/html"), (b"content-type", FORM.encode()), (b"content-length", b"%d" % len(body))]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "method": method, "path": path, "query_string": b""}
    asyncio.run(app({**scope, "headers": headers, "root_path": "", "client": ("192.0.2.1", 1)}, receive, send))
    assert wrong == []
    assert sent


def test_the_rules_of_asgi_are_looked_at() -> None:
    wrong: list[str] = []

    async def product(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.body", "body": "text"})
        await send({"type": "http.response.start", "status": "200", "headers": [("A", b"b")]})

    async def nothing(*_: Any) -> None:
        pass

    scope = {"type": "http", "asgi": {"version": "2.0"}, "path": b"/", "query_string": b"", "headers": [(b"A", b"")]}
    asyncio.run(Watched(product, wrong, "here")(scope, nothing, nothing))
    assert len(wrong) >= 7


# ---- on real servers


class Running:
    def __init__(self, port: int, file: Path) -> None:
        self.port, self.file = port, file

    def memory(self) -> int:
        return int(ask(self.port, "/memory").body)


@pytest.fixture(scope="module", params=(*ASGI, *WSGI), ids=" ".join)
def running(
    request: pytest.FixtureRequest,
    processes: Processes,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    server, framework = request.param
    port, folder = free_port(), tmp_path_factory.mktemp(f"{server}-{framework}")
    (folder / "file").write_bytes(bytes(range(256)) * 4096)
    command = [sys.executable, "-m", "tests.houses.interfaces", server, framework, str(port)]
    own = {**environment, "FILE": str(folder / "file"), "LINKMW_PUBLIC_URL": "http://product.localhost"}
    process = processes.start(f"{server} {framework}", command, log=folder / "log", env=own, cwd=ROOT)
    processes.wait(lambda: _stands(port), what=server, seconds=40, process=process)
    yield Running(port, folder / "file")
    process.stop()


def _stands(port: int) -> bool:
    try:
        return ask(port, "/memory").status == 200
    except (OSError, IndexError, ValueError):
        return False


def test_ht13_ht14_ht17_sockets_events_files_and_100_mb_go_through(
    running: Running, request: pytest.FixtureRequest
) -> None:
    before = running.memory()
    assert _upload(running.port) == _expected()
    assert ask(running.port, "/file").body == running.file.read_bytes()
    assert running.memory() - before < FLAT
    if "starlette" in request.node.callspec.id:
        assert ask(running.port, "/events").body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
        assert _reversed(running.port, "through linkmw") == "wmknil hguorht"
        assert json.loads(ask(running.port, "/wrong").body) == []


MEGABYTE = bytes(range(256)) * 4096


def _expected() -> str:
    digest = hashlib.sha256()
    for _ in range(MEGABYTES):
        digest.update(MEGABYTE)
    return f"{MEGABYTES * len(MEGABYTE)} {digest.hexdigest()}"


def _upload(port: int) -> str:
    head = (
        f"POST /upload HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Length: {MEGABYTES * len(MEGABYTE)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(head.encode())
        for _ in range(MEGABYTES):
            connection.sendall(MEGABYTE)
        return read(read_all(connection)).body.decode()


def _reversed(port: int, text: str) -> str:
    """What a WebSocket that says everything backwards answers."""
    talk = WSConnection(ConnectionType.CLIENT)
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(talk.send(Request(host=HOST, target="/socket")))
        while True:
            talk.receive_data(connection.recv(65536))
            for event in talk.events():
                if isinstance(event, AcceptConnection):
                    connection.sendall(talk.send(TextMessage(text)))
                elif isinstance(event, TextMessage):
                    connection.sendall(talk.send(CloseConnection(1000)))
                    return event.data
                else:
                    raise AssertionError(event)
