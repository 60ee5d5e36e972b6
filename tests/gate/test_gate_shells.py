"""Both shells: what passes untouched, what is ours, and how little the rest costs."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.gate.world import SETTINGS, World

from linkmw import asgi, wsgi
from linkmw.errors import SettingsError
from linkmw.gate import build, routes, watched
from linkmw.http import MAX_FORM
from linkmw.run import in_thread
from linkmw.settings import Settings, load

PAGE = b"<html><body><form><input type=password></form></body></html>"
Handler = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Wsgi:
    """A WSGI product behind linkmw, and one plain request after another."""

    def __init__(
        self, app: Handler, monkeypatch: pytest.MonkeyPatch, world: World, settings: Settings = SETTINGS
    ) -> None:
        world.settings = settings
        monkeypatch.setattr(build, "build", lambda *_, **__: world.ports)
        self.app = wsgi.LinkMiddleware(app, product=world.product, settings=settings)
        self.started: list[Any] = []

    def __call__(self, path: str = "/login", method: str = "GET", body: bytes = b"", **environ: Any) -> bytes:
        self.started = []
        result = self.app(wsgi_environ(path, method, body, **environ), lambda *args: self.started.append(args))
        try:
            return b"".join(result)
        finally:
            getattr(result, "close", lambda: None)()

    @property
    def headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.started[-1][1]}


def wsgi_environ(path: str, method: str = "GET", body: bytes = b"", **more: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "orders.example",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "192.0.2.1",
        **more,
    }


def html(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(PAGE)))])
    return [PAGE]


class Asgi:
    """An ASGI product behind linkmw."""

    def __init__(self, app: Any, monkeypatch: pytest.MonkeyPatch, world: World, settings: Settings = SETTINGS) -> None:
        world.settings = settings
        world.having(call=in_thread)
        monkeypatch.setattr(build, "build", lambda *_, **__: world.ports)
        self.app = asgi.LinkMiddleware(app, product=world.product, settings=settings)
        self.sent: list[Any] = []

    def __call__(
        self, path: str = "/login", method: str = "GET", chunks: Iterable[bytes] = (b"",), **scope: Any
    ) -> bytes:
        self.sent = []
        parts = list(chunks)
        messages = [
            {"type": "http.request", "body": part, "more_body": number + 1 < len(parts)}
            for number, part in enumerate(parts)
        ]

        async def receive() -> Any:
            if messages:
                return messages.pop(0)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            self.sent.append(message)

        asyncio.run(self.app(asgi_scope(path, method, **scope), receive, send))
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}


def asgi_scope(path: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    base = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": [], "root_path": ""}
    return {**base, "client": ("192.0.2.1", 5), **more}


async def asgi_html(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/html"), (b"content-length", str(len(PAGE)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE})


@pytest.mark.parametrize(
    "module",
    [
        "linkmw.asgi",
        "linkmw.wsgi",
        "linkmw.http",
        "linkmw.run",
        "linkmw.gate.claim",
        "linkmw.settings",
        "linkmw.switch",
    ],
)
def test_importing_the_middleware_loads_the_standard_library_only(module: str) -> None:
    code = f"""
import sys
before = set(sys.modules)
import {module}
loaded = set(sys.modules) - before
print(sorted({{name.partition('.')[0] for name in loaded}} - set(sys.stdlib_module_names) - {{'linkmw'}}))
heavy = ('linkmw.pages', 'linkmw.oidc', 'linkmw.stores', 'linkmw.hub')
print(sorted(name for name in loaded if name.startswith(heavy)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def test_dis12_p01_disabled_loads_nothing_more_and_answers_the_same_bytes() -> None:
    code = """
import sys
from linkmw import wsgi
from linkmw.settings import load
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html"), ("ETag", "x")])
    return [b"<body><form><input type=password></form></body>"]
wrapped = wsgi.wrap(app, product=object(), settings=load({}, {"LINKMW_ENABLED": "off"}))
seen = []
for path in ("/login", "/.linkmw/login", "/.linkmw/accounts", "/"):
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET"}
    result = wrapped(environ, lambda *args: seen.append(args))
    assert result == [b"<body><form><input type=password></form></body>"], path
    assert environ == {"PATH_INFO": path, "REQUEST_METHOD": "GET"}
assert all(args == ("200 OK", [("Content-Type", "text/html"), ("ETag", "x")]) for args in seen)
print([name for name in sys.modules if name.startswith(("linkmw.gate.", "redis", "httpx2", "jose", "jinja2"))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['linkmw.gate.claim', 'linkmw.gate.shell', 'linkmw.gate.in_force']"


@pytest.mark.parametrize("shell", [asgi, wsgi])
@pytest.mark.parametrize("word", ["off", " No", "0"])
def test_g8_dis12_off_in_the_environment_is_the_application_itself(
    monkeypatch: pytest.MonkeyPatch, shell: Any, word: str
) -> None:
    monkeypatch.setenv("LINKMW_ENABLED", word)
    app = object()
    assert shell.wrap(app) is shell.wrap(app, product=object()) is app


def test_g8_off_in_the_environment_reads_no_other_setting() -> None:
    code = """
import sys
from linkmw import asgi, wsgi
wrapped = [shell.wrap(print, product=object()) for shell in (asgi, wsgi)]
print([name for name in sys.modules if name.startswith(("linkmw.settings", "linkmw.model", "linkmw.outside"))])
"""
    environ = {**os.environ, "LINKMW_ENABLED": "off", "LINKMW_HUB_URL": "none"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize("mode", [{"enabled": False}, {"mode": "off"}, {"problems": ("LINKMW_HUB_URL is not set",)}])
def test_p01_off_is_the_product_itself(monkeypatch: pytest.MonkeyPatch, world: World, mode: dict[str, Any]) -> None:
    seen: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append((environ, start_response))
        return answer

    answer = [b"x"]
    wrapped = wsgi.LinkMiddleware(app, product=world.product, settings=replace(SETTINGS, **mode))
    environ, start_response = wsgi_environ("/login"), object()
    assert wrapped(environ, start_response) is answer  # type: ignore[arg-type]
    assert seen[0][0] is environ
    assert seen[0][1] is start_response


@pytest.mark.parametrize("shell", [wsgi, asgi])
def test_dis12_incomplete_settings_are_off_said_loudly_and_never_stop_the_product(
    shell: Any, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    settings = load({}, {"LINKMW_ENABLED": "flase", "LINKMW_HUB_URL": "http://id.example"})
    shell.LinkMiddleware(html, product=world.product, settings=settings)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.name == "linkmw"
    assert "LINKMW_ENABLED" in record.getMessage()
    assert "LINKMW_CLIENT_SECRET is not set" in record.getMessage()


@pytest.mark.parametrize(
    ("word", "on"),
    [
        *[("1", True), ("TRUE", True), ("yes", True), ("On", True), ("", True)],
        *[("0", False), ("false", False), ("NO", False), ("off", False), ("FALSE ", False)],
        *[("disabled", False), ("flase", False)],
    ],
)
def test_cf01_dis12_what_the_switch_means(word: str, on: bool) -> None:
    complete = {
        "LINKMW_HUB_URL": "https://id.example",
        "LINKMW_PUBLIC_URL": "https://orders.example",
        "LINKMW_ORGANIZATION_ID": "acme",
        "LINKMW_CLIENT_ID": "orders",
        "LINKMW_CLIENT_SECRET": "s" * 43,
        "LINKMW_REDIS_URL": "redis://localhost/0",
        "LINKMW_CONFIG": "/nonexistent",
    }
    assert load({}, {**complete, "LINKMW_ENABLED": word}).on is on


def test_wsgi_the_login_page_carries_the_button(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    product = Wsgi(html, monkeypatch, world)
    body = product()
    assert b"Sign in with ACME ID" in body
    assert product.headers["content-length"] == str(len(body))


def test_asgi_the_login_page_carries_the_button(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    product = Asgi(asgi_html, monkeypatch, world)
    body = product()
    assert b"Sign in with ACME ID" in body
    assert product.headers["content-length"] == str(len(body))


def test_the_product_is_asked_for_plain_html(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    seen: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append(environ)
        return html(environ, start_response)

    sent = {"HTTP_ACCEPT_ENCODING": "gzip, br", "HTTP_IF_NONE_MATCH": '"x"', "HTTP_IF_MODIFIED_SINCE": "x"}
    Wsgi(app, monkeypatch, world)("/login", **sent, HTTP_ACCEPT_LANGUAGE="de")
    assert not seen[0].keys() & sent.keys()
    assert seen[0]["HTTP_ACCEPT_LANGUAGE"] == "de"

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["headers"])
        await asgi_html(scope, receive, send)

    headers = [(b"Accept-Encoding", b"gzip"), (b"if-none-match", b"x"), (b"accept-language", b"de")]
    Asgi(asgi_app, monkeypatch, world)(headers=headers)
    assert seen[1] == [(b"accept-language", b"de")]


# ---- what the product may do at its login route


class File:
    def __iter__(self) -> Iterator[bytes]:
        yield b"file"


def test_ht17_a_file_wrapper_goes_through_as_the_very_object(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    sent = File()

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/pdf")])
        return sent

    product = Wsgi(app, monkeypatch, world)
    assert product.app(wsgi_environ("/login"), lambda *_: None) is sent


@pytest.mark.parametrize("kind", ["text/html", "text/plain"])
def test_ht17_close_is_called_once_whether_decorated_or_not(
    monkeypatch: pytest.MonkeyPatch, world: World, kind: str
) -> None:
    closed: list[int] = []

    class Body(list[bytes]):
        def close(self) -> None:
            closed.append(1)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", kind)])
        return Body([PAGE])

    Wsgi(app, monkeypatch, world)()
    assert closed == [1]


def test_ht17_a_generator_starts_late(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", kind)])
        yield PAGE[:20]
        yield b""
        yield PAGE[20:]

    product = Wsgi(app, monkeypatch, world)
    kind = "text/html"
    assert b"Sign in with" in product()
    kind = "text/plain"
    assert product() == PAGE


def test_ht17_write_is_part_of_the_page(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", [("Content-Type", "text/html")])
        write(PAGE[:20])
        return [PAGE[20:]]

    assert b"Sign in with" in Wsgi(app, monkeypatch, world)()


def test_ht17_an_error_page_replaces_a_page_that_had_begun(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        try:
            raise ValueError
        except ValueError:
            start_response("500 Oops", [("Content-Type", "text/html")], sys.exc_info())
            return [b"<html></html>"]

    product = Wsgi(app, monkeypatch, world)
    assert product() == b"<html></html>"
    assert [args[0] for args in product.started] == ["500 Oops"]
    assert product.started[0][2][0] is ValueError


def test_a_product_that_raises_raises_and_its_iterator_is_closed(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    closed: list[int] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield PAGE
            raise KeyError("theirs")

        def close(self) -> None:
            closed.append(1)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        return Body()

    with pytest.raises(KeyError):
        Wsgi(app, monkeypatch, world)()
    assert closed == [1]


def test_xs09_a_page_of_over_2_mib_streams_through(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    chunks = [b"<html>" + b"x" * 1_000_000, b"y" * 1_000_000, b"z" * 1_000_000, PAGE]

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        return iter(chunks)

    assert Wsgi(app, monkeypatch, world)() == b"".join(chunks)

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    product = Asgi(asgi_app, monkeypatch, world)
    assert product() == b"".join(chunks)
    assert len(product.sent) > 3


def test_asgi_a_page_in_pieces_is_put_together(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        for at in range(0, len(PAGE), 7):
            await send({"type": "http.response.body", "body": PAGE[at : at + 7], "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    assert b"Sign in with" in Asgi(app, monkeypatch, world)()


@pytest.mark.parametrize("extra", [{"type": "http.response.pathsend", "path": "/x"}, {"type": "http.response.debug"}])
def test_ht17_asgi_extensions_pass(monkeypatch: pytest.MonkeyPatch, world: World, extra: dict[str, Any]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send(extra)

    product = Asgi(app, monkeypatch, world)
    product()
    assert product.sent[0]["type"] == "http.response.start"
    assert product.sent[-1] == extra


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_ht13_websocket_and_lifespan_are_the_products_own(
    world: World, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.extend(given)

    given = ({"type": kind, "path": "/login"}, object(), object())
    asyncio.run(asgi.LinkMiddleware(app, product=world.product, settings=SETTINGS)(*given))  # type: ignore[arg-type]
    assert all(one is other for one, other in zip(seen, given, strict=True))
    assert not caplog.records  # not looked at, rather than looked at and broken at it


def test_p01_a_native_login_reaches_the_product_as_the_very_objects(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.extend(given)

    product = Asgi(app, monkeypatch, world)
    given = (asgi_scope("/login", "POST"), object(), object())
    asyncio.run(product.app(*given))  # type: ignore[arg-type]
    assert all(one is other for one, other in zip(seen, given, strict=True))
    assert given[0] == asgi_scope("/login", "POST")


def test_ht14_the_body_of_a_native_login_is_never_read(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    body = b"username=ada&password=" + b"x" * 2_000_000

    class Untouchable(io.BytesIO):
        touched = False

        def read(self, *size: Any) -> bytes:
            self.touched = True
            return super().read(*size)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        assert environ["wsgi.input"] is stream
        assert not stream.touched
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    stream = Untouchable(body)
    assert Wsgi(app, monkeypatch, world)("/login", "POST", **{"wsgi.input": stream}) == body


def test_ht14_bc08_a_body_that_was_read_is_given_to_the_product_after_all(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("404 Not Found", [])
        return [environ["wsgi.input"].read()]

    assert Wsgi(app, monkeypatch, world)("/.linkmw/accounts", "POST", b'{"v":1}') == b'{"v":1}'

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": body})

    bytewise = [bytes([one]) for one in b'{"v":1}']
    assert Asgi(asgi_app, monkeypatch, world)("/.linkmw/accounts", "POST", bytewise) == b'{"v":1}'


def test_ds02_a_form_of_over_64_kib_is_refused(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    product = Wsgi(html, monkeypatch, world)
    product("/.linkmw/prove", "POST", b"x" * (MAX_FORM + 1), CONTENT_TYPE="application/x-www-form-urlencoded")
    assert product.started[0][0].startswith("413")
    chunked = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    product("/.linkmw/prove", "POST", b"x" * (MAX_FORM + 1), **chunked)
    assert product.started[0][0].startswith("413")
    awaited = Asgi(asgi_html, monkeypatch, world)
    awaited("/.linkmw/prove", "POST", [b"x" * 40_000, b"x" * 40_000, b"x" * 40_000])
    assert awaited.sent[0]["status"] == 413


def test_bc06_a_chunked_form_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    seen: list[bytes] = []

    async def answer(ports: Any, settings: Any, request: Any) -> Any:
        seen.append(request.body)
        return routes.PASS

    monkeypatch.setattr(routes, "answer", answer)
    chunked = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    Wsgi(html, monkeypatch, world)("/.linkmw/prove", "POST", b"a=1", **chunked)
    assert seen == [b"a=1"]


# ---- paths, and faults of ours


@pytest.mark.parametrize(
    ("root", "path", "ours"),
    [
        ("", "/login", True),
        ("/shop", "/shop/login", True),
        ("/shop/", "/shop/login", True),
        ("/shop", "/login", True),  # servers that keep the mount out of the path
        ("/shop", "/shoplogin", False),
        ("/shop", "/shop/other", False),
        ("", "/login/", False),
        ("", "//login", False),
    ],
)
def test_ht08_the_login_route_is_relative_to_the_mount(
    monkeypatch: pytest.MonkeyPatch, world: World, root: str, path: str, ours: bool
) -> None:
    body = Asgi(asgi_html, monkeypatch, world)(path, root_path=root)
    assert (b"Sign in with" in body) is ours


def test_ht01_a_login_route_beyond_ascii(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    settings = replace(SETTINGS, login_paths=("/anmeldung/für-alle",))
    octets = "/anmeldung/für-alle".encode().decode("latin-1")
    assert b"Sign in with" in Wsgi(html, monkeypatch, world, settings)(octets)
    assert b"Sign in with" in Asgi(asgi_html, monkeypatch, world, settings)("/anmeldung/für-alle")


def test_ht06_a_method_in_lower_case_is_the_same_method(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    assert b"Sign in with" in Asgi(asgi_html, monkeypatch, world)(method="get")


def test_ht08_wrapped_twice_there_is_one_button(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    product = Wsgi(html, monkeypatch, world)
    product.app = wsgi.LinkMiddleware(product.app, product=world.product, settings=SETTINGS)
    assert product().count(b"Sign in with ACME ID") == 1
    awaited = Asgi(asgi_html, monkeypatch, world)
    awaited.app = asgi.LinkMiddleware(awaited.app, product=world.product, settings=SETTINGS)
    assert awaited().count(b"Sign in with ACME ID") == 1


@pytest.mark.parametrize("path", ["/login", "/.linkmw/login"])
def test_whatever_is_wrong_with_us_the_product_answers(
    monkeypatch: pytest.MonkeyPatch, world: World, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise SettingsError("the Redis URL cannot be read")

    product, awaited = Wsgi(html, monkeypatch, world), Asgi(asgi_html, monkeypatch, world)
    monkeypatch.setattr(build, "build", broken)
    assert product(path) == PAGE
    assert awaited(path) == PAGE
    assert "linkmw failed, the product answers instead" in caplog.text


def test_our_pages_go_out_whole(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    product = Wsgi(html, monkeypatch, world)
    body = product("/.linkmw/callback")
    assert product.started[0][0] == "400 Bad Request"
    assert product.headers["content-length"] == str(len(body))
    assert product.headers["cache-control"] == "no-store"
    awaited = Asgi(asgi_html, monkeypatch, world)
    assert b"<h1" in awaited("/.linkmw/callback")
    assert awaited.sent[0]["status"] == 400


def test_ht09_no_host_header_changes_anything(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    awaited = Asgi(asgi_html, monkeypatch, world)
    for host in (b"evil.example", b"h/login?", b""):
        awaited("/.linkmw/login", headers=[(b"host", host), (b"x-forwarded-host", b"evil.example")])
        assert awaited.sent[0]["status"] == 303
        assert "evil" not in awaited.headers["location"]


def test_ht16_cookie_crumbs_of_http_2_are_one_cookie(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    person = world.browser()
    state = person.starts()["state"]
    [(name, value)] = person.cookies.items()
    world.hub.codes.add("good")
    awaited = Asgi(asgi_html, monkeypatch, world)
    query = f"state={state}&code=good&iss={SETTINGS.issuer}".encode()
    headers = [(b"cookie", b"a=b"), (b"cookie", f"{name}={value}".encode()), (b"cookie", b"c=d")]
    awaited("/.linkmw/callback", query_string=query, headers=headers)
    assert awaited.sent[0]["status"] == 303


def test_ht17_while_an_answer_is_judged_a_second_start_without_exc_info_is_the_products_mistake() -> None:
    """PEP 3333: as the server itself would say."""
    answer = watched.WsgiAnswer(lambda *_: None, lambda *_: None, lambda *_: [])
    answer.start_response("200 OK", [])
    with pytest.raises(AssertionError, match="without exc_info"):
        answer.start_response("200 OK", [])
    answer.start_response("500 Oh", [], (ValueError, ValueError(), None))
