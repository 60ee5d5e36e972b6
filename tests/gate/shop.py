"""A product with a login of its own, of every kind that a native proof meets, behind the real shells; no network."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from tests.gate.world import ADA, BOB, SITE, Browser, FakeProduct, World, location

from linkmw import asgi, wsgi
from linkmw.gate import build
from linkmw.http import Headers, Request, Response
from linkmw.run import in_thread

LOGIN = b"<html><body><form method=post action=/login><input name=username><input type=password></form></body></html>"
Answer = tuple[int, list[tuple[str, str]], bytes]


@dataclass
class ShopProduct(FakeProduct):
    """half: sessions that name somebody whose second factor is still to be shown."""

    checks_passwords: bool = True
    tells_complete: bool = True
    half: set[str] = field(default_factory=set)

    def is_complete(self, request: Request) -> bool:
        return request.cookie("session") not in self.half


class Shop:
    """Ada has a password, Bob a code (000000) besides. Everything it was asked is in `seen`."""

    def __init__(self, product: ShopProduct) -> None:
        self.product = product
        self.seen: list[str] = []
        self.keeps_id = False  # the session id stays what it was when somebody signs in
        self.home_status = 200

    def answer(self, method: str, path: str, query: str, cookies: dict[str, str], body: bytes) -> Answer:
        self.seen.append(f"{method} {path}")
        sid = cookies.get("session", "")
        fields = {name: values[0] for name, values in parse_qs(body.decode()).items()} if body[:1] != b"{" else {}
        if (method, path) == ("POST", "/login") or path in ("/authenticate", "/signup", "/forgot/new"):
            return self._signs_in(sid, fields, "/home")
        if (method, path) == ("POST", "/api/session"):
            status, headers, _ = self._signs_in(sid, json.loads(body), "/home")
            kept = [(name, value) for name, value in headers if name == "Set-Cookie"]
            said = b'{"ok": true}' if status == 303 else b'{"ok": false}'
            return (200 if status == 303 else 401), [*kept, ("Content-Type", "application/json")], said
        if (method, path) == ("POST", "/login/code"):
            if fields.get("code") != "000000":
                return 200, [("Content-Type", "text/html")], b"again"
            self.product.half.discard(sid)
            return 303, [("Location", "/home"), ("Set-Cookie", "seen=1; Path=/")], b""
        if (method, path) == ("POST", "/login/later"):  # the GET that follows signs in
            return 302, [("Location", f"{SITE}/login/done?of={fields['username']}")], b""
        if path == "/login/done":
            return self._named(sid, query.partition("of=")[2], "/home")
        if path == "/login/hop":
            number = int(query or "0")
            return 302, [("Location", f"/login/hop?{number + 1}" if number < 9 else "/login/done?of=ada")], b""
        if path == "/error":
            return 500, [("Set-Cookie", f"session={self._session('17')}")], b""
        if path == "/login":
            return 200, [("Content-Type", "text/html")], LOGIN
        if path == "/account":
            inside = sid in self.product.sessions and sid not in self.product.half
            return (self.home_status if inside else 302), [("Content-Type", "text/html")], b"yours"
        return 200, [("Content-Type", "text/html")], b"<html><body>home</body></html>"

    def _signs_in(self, sid: str, fields: dict[str, str], then: str) -> Answer:
        name, password = fields.get("username", ""), fields.get("password", "")
        if self.product.passwords.get(name) != password:
            return 200, [("Content-Type", "text/html")], LOGIN
        return self._named(sid, name, then)

    def _named(self, sid: str, name: str, then: str) -> Answer:
        account = self.product.accounts[name]
        kept = sid if self.keeps_id and sid else ""
        sid = self._session(account.account_id, kept)
        if account == BOB:
            self.product.half.add(sid)
        cookie = [] if kept else [("Set-Cookie", f"session={sid}; Path=/; HttpOnly")]
        return 303, [("Location", then), *cookie, ("Set-Cookie", "theme=dark; Path=/")], b"moved"

    def _session(self, account_id: str, sid: str = "") -> str:
        sid = sid or f"row{len(self.product.sessions)}of{account_id}"
        self.product.sessions[sid] = (account_id, None)
        return sid

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> Any:
        body = environ["wsgi.input"].read()
        path = environ["PATH_INFO"]
        status, headers, page = self.answer(
            environ["REQUEST_METHOD"], path, environ["QUERY_STRING"], _cookies(environ.get("HTTP_COOKIE", "")), body
        )
        if path == "/lazy":  # a generator says its status when it is asked for its first chunk
            return _lazily(start_response, headers, page)
        start_response(f"{status} Whatever", headers)
        return [page]

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive()).get("body", b"")
        found = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, headers, page = self.answer(
            scope["method"], scope["path"], scope["query_string"].decode(), _cookies(found.get("cookie", "")), body
        )
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        await send({"type": "http.response.body", "body": page})


def _lazily(start_response: Any, headers: list[tuple[str, str]], page: bytes) -> Any:
    start_response("200 OK", headers)
    yield page


def _cookies(header: str) -> dict[str, str]:
    """As Werkzeug and Starlette read it: of two of one name the first, which a tossed one may be."""
    found: dict[str, str] = {}
    for pair in header.split("; "):
        name, _, value = pair.partition("=")
        found.setdefault(name, value)
    return found


class Visitor(Browser):
    """A browser in front of the shop. tossed: what a sibling host has put before its cookies."""

    def __init__(self, house: House) -> None:
        super().__init__(house.world)
        self.house = house
        self.tossed = ""

    def send(self, request: Request) -> Any:
        cookies = "; ".join([*filter(None, [self.tossed]), *(f"{k}={v}" for k, v in self.cookies.items())])
        headers = {**request.headers, **({"cookie": cookies} if cookies else {})}
        answer = self.house.send(replace(request, headers=headers))
        self.page = answer.body.decode()
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                self._keep(value)
        return answer

    def arms(self, handle: str = "handle", **asked: Any) -> Any:
        """Presses the button of our page, and is shown the product's login."""
        self.arrives(handle, **asked)
        return self.follow(self.submit())

    def logs_in(self, username: str = "ada", path: str = "/login", **headers: str) -> Any:
        password = self.world.product.passwords[username]
        return self.post(
            path,
            {"username": username, "password": password},
            sec_fetch_dest="document",
            **{"referer": f"{SITE}/login", **headers},
        )

    def asks_api(self, username: str = "ada", password: str = "correct horse", **headers: str) -> Any:
        """As a script does."""
        sent = {
            "content-type": "application/json",
            "origin": SITE,
            "sec-fetch-site": "same-origin",
            "sec-fetch-dest": "empty",
            "referer": f"{SITE}/login",
            **headers,
        }
        body = json.dumps({"username": username, "password": password}).encode()
        return self.send(Request("POST", "/api/session", "", sent, body))

    @property
    def is_going_on(self) -> bool:
        return "/.linkmw/go?record=" in self.page


class House:
    """The shop behind a shell."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, shell: str, **settings: Any) -> None:
        self.world = World(**{"proof": "native", "forgot_password": "/login/forgot", **settings})
        self.product = self.world.product = ShopProduct()
        call = {} if shell == "wsgi" else {"call": in_thread}
        self.world.having(product=self.product, **call)
        monkeypatch.setattr(build, "build", lambda *_, **__: self.world.ports)
        self.shop, self.hub, self.shell = Shop(self.product), self.world.hub, shell
        self.take_on()

    def take_on(self) -> None:
        """The gate is made anew, as at a start."""
        if self.shell == "wsgi":
            self.app: Any = wsgi.LinkMiddleware(self.shop.wsgi, product=self.product, settings=self.world.settings)
        else:
            self.app = asgi.LinkMiddleware(self.shop.asgi, product=self.product, settings=self.world.settings)

    def browser(self) -> Visitor:
        return Visitor(self)

    @property
    def proven(self) -> list[str]:
        """The accounts that the hub was told of."""
        return [proof.account.account_id for proof in self.hub.pushed]

    def send(self, request: Request) -> Response:
        return self._wsgi(request) if self.shell == "wsgi" else asyncio.run(self._asgi(request))

    def _wsgi(self, request: Request) -> Response:
        started: list[Any] = []
        headers = dict(request.headers)
        environ = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": request.path.encode().decode("latin-1"),
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": headers.pop("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "wsgi.input": io.BytesIO(request.body),
            "REMOTE_ADDR": "192.0.2.1",
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
        }
        result = self.app(environ, lambda *args: started.append(args))
        try:
            body = b"".join(result)
        finally:
            getattr(result, "close", lambda: None)()
        return _answer(int(started[-1][0][:3]), tuple(started[-1][1]), body)

    async def _asgi(self, request: Request) -> Response:
        sent: list[Any] = []
        scope = {
            "type": "http",
            "method": request.method,
            "path": request.path,
            "raw_path": quote(request.path).encode(),
            "root_path": "",
            "query_string": request.query_string.encode(),
            "client": ("192.0.2.1", 1),
            "headers": [(name.encode(), value.encode()) for name, value in request.headers.items()],
        }
        body = [{"type": "http.request", "body": request.body, "more_body": False}]

        async def receive() -> Any:
            return body.pop() if body else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        headers = tuple((name.decode().title(), value.decode()) for name, value in sent[0]["headers"])
        return _answer(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))


def _answer(status: int, headers: Headers, body: bytes) -> Response:
    return Response(status, headers, body)


__all__ = ["ADA", "BOB", "House", "Shop", "ShopProduct", "Visitor", "location"]
