"""Small applications with linkmw, each with another way to keep sessions, and browsers that show every header.

All have the same pages: `/` (looks at nothing), `/who`, `/note` (changes the session), `/anew` (makes it anew without
the marker), `/stream`, `/login` and `/modal` (the product's own sign-in, of bob), `/logout`.
"""

from __future__ import annotations

import asyncio
import io
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import flask_login
from cachelib import SimpleCache
from flask import Flask, Response, g, redirect, request, session, stream_with_context
from flask_session import Session as FlaskSession
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from tests.gate.world import ADA, BOB, SETTINGS, World
from tests.secrets_in_logs import used

from linkmw.run import in_thread
from linkmw_flask import LinkMW
from linkmw_flask import Product as FlaskProduct
from linkmw_starlette import LinkMiddleware
from linkmw_starlette import Product as StarletteProduct

NAMED = {
    "hub_url": SETTINGS.hub_url,
    "public_url": SETTINGS.public_url,
    "organization_id": SETTINGS.organization_id,
    "client_id": SETTINGS.client_id,
    "client_secret": str(SETTINGS.client_secret),
    "redis_url": SETTINGS.redis_url,
}
NAVIGATION = {"sec-fetch-dest": "document", "sec-fetch-mode": "navigate", "sec-fetch-site": "same-origin"}
SCRIPT = {"sec-fetch-dest": "empty", "sec-fetch-mode": "cors", "sec-fetch-site": "same-origin", "accept": "*/*"}


class User(flask_login.UserMixin):
    def __init__(self, account):
        self.id, self.username, self.email = account.account_id, account.username, account.email


def load(account_id):
    return next((User(account) for account in (ADA, BOB) if account.account_id == account_id), None)


HOOKS = {"verify_password": lambda username, password: None, "load": load}


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    text: str

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str:
        return ", ".join(self.all(name))

    @property
    def cookies(self) -> dict[str, str]:
        """What it sets, by name; "" for what it takes away."""
        return dict(_set(value) for value in self.all("set-cookie"))


def _set(header: str) -> tuple[str, str]:
    pair, _, attributes = header.partition(";")
    name, _, value = pair.partition("=")
    gone = "max-age=0" in attributes.lower() or "1970" in attributes
    return name, "" if gone else value


Call = Callable[[str, str, bytes, dict[str, str]], Answer]


@dataclass
class Browser:
    """Keeps cookies, and navigates unless told otherwise."""

    house: House
    jar: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, headers: dict[str, str] = NAVIGATION) -> Answer:
        return self.send("GET", path, headers)

    def post(self, path: str, headers: dict[str, str] = NAVIGATION) -> Answer:
        return self.send("POST", path, headers)

    def send(self, method: str, path: str, headers: dict[str, str]) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        sent = {"host": "orders.example", "user-agent": "a browser", **headers}
        answer = self.house.call(method, path, b"", {**sent, **({"cookie": cookies} if cookies else {})})
        for name, value in answer.cookies.items():
            if value:
                self.jar[name] = value
            else:
                self.jar.pop(name, None)
        return answer

    def copied(self) -> Browser:
        """Another device with the same cookies."""
        return replace(self, jar=dict(self.jar))

    def signs_in(self, then: str = "/who") -> Answer:
        """Through linkmw, as ada; the answer that sets the session."""
        start = self.get("/.linkmw/login?" + urlencode({"next": then}))
        assert start.status == 303, start
        state = parse_qs(urlsplit(start.one("location")).query)["state"][0]
        code = f"code-{secrets.token_hex(8)}"
        self.house.world.hub.codes.add(code)
        query = {"state": state, "code": code, "iss": self.house.world.settings.issuer}
        answer = self.get("/.linkmw/callback?" + urlencode(query))
        assert answer.one("location") == then, answer
        return answer

    @property
    def who(self) -> str:
        return self.get("/who").text


class House:
    """An application with linkmw in it, whose gate has the world's memory instead of Redis."""

    cookie = "session"
    keeps_all_in_the_cookie = True
    asks_nobody = False  # about a session that stands

    def __init__(self, **settings: Any) -> None:
        self.world = World(**settings)
        self.world.hub.claims = {"sub": ADA.account_id, "preferred_username": "ada", "sid": "a hub session"}
        self.named = {**NAMED, **settings}
        self.begun: list[str] = []
        self.call = self.build()

    def build(self) -> Call:
        raise NotImplementedError

    def browser(self) -> Browser:
        return Browser(self)

    def run(self, question: Coroutine[Any, Any, Any]) -> Any:
        return self.world.run(question)

    def log_out(self, **named: str) -> None:
        """The hub has said so."""
        self.run(self.world.ports.sessions.end_all(until=self.world.clock(), **named))

    def listed(self) -> int:
        """How many sessions are on the allow-list."""
        return len(self.world.store.sessions._sessions.keys_in_order())


class FlaskHouse(House):
    """Flask's own session, and Flask-Login."""

    def build(self) -> Call:
        self.app = app = Flask("house")
        app.secret_key = "not a secret of anybody"
        self.sessions(app)
        LinkMW(app, self.product(app), **self.named)
        for path, view in {
            "/": lambda: "hello",
            "/who": lambda: self.who(),
            "/note": self.note,
            "/anew": self.anew,
            "/stream": self.stream,
            "/login": self.login,
            "/modal": self.login,
            "/logout": self.logout,
            "/login/again": self.again,
        }.items():
            app.add_url_rule(path, path, view, methods=["GET", "POST"])
        app.before_request(lambda: None if request.path == "/" else self.begun.append(self.who()))
        app.teardown_request(lambda _error: self.begun.append("torn down"))
        self.after(app)
        self.shell: Any = app.wsgi_app
        self.world.having(product=self.shell._product)
        self.shell._opened = self.world.ports
        return self.ask

    def sessions(self, app: Flask) -> None:
        pass

    def after(self, app: Flask) -> None:
        pass

    def product(self, app: Flask) -> FlaskProduct:
        flask_login.LoginManager(app).user_loader(load)
        return FlaskProduct(**HOOKS)

    def who(self) -> str:
        user = flask_login.current_user
        return user.username if user.is_authenticated else "nobody"

    def note(self) -> str:
        session["note"] = session.get("note", 0) + 1
        return str(session["note"])

    def enter(self, account_id: str) -> None:
        flask_login.login_user(load(account_id), remember="remember" in request.args)

    def anew(self) -> str:
        kept = session["_user_id"]
        session.clear()
        session["_user_id"] = kept
        return "made anew"

    def again(self) -> str:
        self.enter(ADA.account_id)
        return "a fresh sign-in"

    def stream(self) -> Response:
        return Response(stream_with_context(iter(["one, ", "two, ", self.who()])))

    def login(self) -> str:
        session.clear()
        self.enter(BOB.account_id)
        return "welcome, bob"

    def leave(self) -> None:
        flask_login.logout_user()

    def logout(self) -> Any:
        self.leave()
        answer = redirect("/")
        answer.set_cookie("theme", "dark")
        return answer

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        path, _, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "orders.example",
            "SERVER_PORT": "443",
            "REMOTE_ADDR": "192.0.2.7",
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
            "CONTENT_TYPE": headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
        }
        started: list[Any] = []
        given = self.app(environ, lambda status, pairs, *_: started.extend((int(status[:3]), pairs)))
        text = b"".join(given).decode()
        getattr(given, "close", lambda: None)()
        return Answer(started[0], started[1], text)


class PlainFlask(FlaskHouse):
    """The tutorial's way."""

    def product(self, app: Flask) -> FlaskProduct:
        return FlaskProduct(**HOOKS, session_key="user_id")

    def who(self) -> str:
        user = load(str(session.get("user_id")))
        return user.username if user else "nobody"

    def enter(self, account_id: str) -> None:
        session["user_id"] = account_id

    def leave(self) -> None:
        session.clear()

    def anew(self) -> str:
        kept = session["user_id"]
        session.clear()
        session["user_id"] = kept
        return "made anew"


class ToldFlask(PlainFlask):
    """An application that says itself who is signed in, and whose own sign-out needs what it sets up before a view."""

    def product(self, app: Flask) -> FlaskProduct:
        return FlaskProduct(
            **HOOKS,
            user_of=lambda: load(str(session.get("user_id"))),
            sign_in=lambda user: session.__setitem__("user_id", user.id),
            sign_out=lambda: g.not_there_yet.clear(),
        )

    def leave(self) -> None:
        session.pop("user_id")


class ServerSideFlask(FlaskHouse):
    """Flask-Session."""

    keeps_all_in_the_cookie = False

    def sessions(self, app: Flask) -> None:
        self.cache = SimpleCache()
        app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=self.cache)
        FlaskSession(app)


class LateServerSideFlask(ServerSideFlask):
    """Flask-Session, set up after linkmw."""

    def sessions(self, app: Flask) -> None:
        pass

    def after(self, app: Flask) -> None:
        ServerSideFlask.sessions(self, app)


class StarletteHouse(House):
    """SessionMiddleware. in_loop: runs a request, in an event loop of its own where nothing else is said."""

    in_loop: Callable[[Coroutine[Any, Any, Any]], Any] = staticmethod(asyncio.run)

    def build(self) -> Call:
        routes = [
            Route("/", self.hello, methods=["GET", "POST"]),
            Route("/who", self.tell, methods=["GET", "POST"]),
            Route("/note", self.note, methods=["GET", "POST"]),
            Route("/anew", self.anew, methods=["GET", "POST"]),
            Route("/stream", self.stream, methods=["GET", "POST"]),
            Route("/login", self.login, methods=["GET", "POST"]),
            Route("/modal", self.login, methods=["GET", "POST"]),
            Route("/login/again", self.again, methods=["GET", "POST"]),
            Route("/logout", self.logout, methods=["GET", "POST"]),
            WebSocketRoute("/socket", self.socket),
        ]
        inner = Starlette(routes=routes)
        self.routes: list[Any] = inner.router.routes
        self.link = LinkMiddleware(inner, product=self.product(), settings=self.named)
        self.world.having(product=self.link._product, call=in_thread)
        self.link._opened = self.world.ports
        middleware = self.sessions()
        self.app = middleware.cls(self.link, *middleware.args, **middleware.kwargs)
        return self.ask

    def sessions(self) -> Middleware:
        return Middleware(SessionMiddleware, secret_key="not a secret of anybody")

    def product(self) -> StarletteProduct:
        return StarletteProduct(**HOOKS, session_key="member")

    def run(self, question: Coroutine[Any, Any, Any]) -> Any:
        return self.in_loop(question)

    def who(self, scope: Any) -> str:
        user = load(str(scope["session"].get("member")))
        return user.username if user else "nobody"

    async def hello(self, request: Any) -> Any:
        return PlainTextResponse("hello")

    async def tell(self, request: Any) -> Any:
        self.begun.append(self.who(request))
        return PlainTextResponse(self.who({"session": request.session}))

    async def note(self, request: Any) -> Any:
        request.session["note"] = request.session.get("note", 0) + 1
        return PlainTextResponse(str(request.session["note"]))

    async def anew(self, request: Any) -> Any:
        kept = request.session["member"]
        request.session.clear()
        request.session["member"] = kept
        return PlainTextResponse("made anew")

    async def again(self, request: Any) -> Any:
        request.session["member"] = ADA.account_id
        return PlainTextResponse("a fresh sign-in")

    async def stream(self, request: Any) -> Any:
        async def parts() -> Any:
            for part in ("one, ", "two, ", self.who(request)):
                yield part

        return StreamingResponse(parts())

    async def login(self, request: Any) -> Any:
        request.session.clear()
        request.session["member"] = BOB.account_id
        return PlainTextResponse("welcome, bob")

    def leave(self, request: Any) -> None:
        request.session.clear()

    async def logout(self, request: Any) -> Any:
        self.leave(request)
        answer = RedirectResponse("/", 303)
        answer.set_cookie("theme", "dark")
        return answer

    def page(self, path: str, view: Any) -> None:
        """Another page, in place of the one there was."""
        self.routes[:] = [route for route in self.routes if route.path != path]
        self.routes.append(Route(path, view, methods=["GET", "POST"]))

    def answer_login_with_a_wrong_password(self) -> None:
        async def wrong(request: Any) -> Any:
            request.session.clear()
            return PlainTextResponse("wrong password")

        self.page("/login", wrong)

    async def socket(self, websocket: Any) -> None:
        await websocket.accept()
        await websocket.send_text(self.who(websocket))
        await websocket.close()

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        return self.in_loop(self.asked(self.scope("http", path, headers, method=method), body))

    def scope(self, kind: str, path: str, headers: dict[str, str], **more: Any) -> dict[str, Any]:
        path, _, query = path.partition("?")
        return {
            "type": kind,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "http_version": "1.1",
            "scheme": "https",
            "asgi": {"version": "3.0"},
            "server": ("orders.example", 443),
            "client": ("192.0.2.7", 5000),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            **more,
        }

    async def asked(self, scope: dict[str, Any], body: bytes) -> Answer:
        sent: list[Any] = []
        incoming = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            return incoming.pop(0) if incoming else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        starts = [message for message in sent if message["type"] == "http.response.start"]
        assert len(starts) == 1, sent
        pairs = [(name.decode(), value.decode()) for name, value in starts[0]["headers"]]
        return Answer(starts[0]["status"], pairs, b"".join(one.get("body", b"") for one in sent).decode())

    def says_to_a_websocket(self, browser: Browser) -> str:
        """Whom the application sees in a websocket's handshake."""
        cookies = "; ".join(f"{name}={value}" for name, value in browser.jar.items())
        scope = self.scope("websocket", "/socket", {"host": "orders.example", "cookie": cookies}, subprotocols=[])
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.app({**scope, "scheme": "wss"}, receive, send))
        return "".join(message.get("text", "") for message in sent)


class CertainStarlette(StarletteHouse):
    """Whose gate is told of every end by itself, as it is where Redis tells of changes."""

    asks_nobody = True

    def build(self) -> Call:
        ask, sessions = super().build(), self.world.store.sessions
        sessions.recall = sessions._sessions.get  # type: ignore[method-assign]
        return ask


class ToldStarlette(StarletteHouse):
    """An application that says itself who is signed in, in coroutines."""

    def product(self) -> StarletteProduct:
        async def user_of(connection: HTTPConnection) -> Any:
            await asyncio.sleep(0)
            return load(str(connection.session.get("member")))

        async def sign_in(connection: HTTPConnection, user: Any) -> None:
            connection.session["member"] = user.id

        async def sign_out(connection: HTTPConnection) -> None:
            connection.session.pop("member")

        return StarletteProduct(**HOOKS, user_of=user_of, sign_in=sign_in, sign_out=sign_out)

    def leave(self, request: Any) -> None:
        request.session.pop("member")


class InMemory:
    """Sessions in a plain dictionary at the server: what stands for every other session middleware."""

    kept: dict[str, dict[str, Any]]

    def __init__(self, app: Any) -> None:
        self.app, self.kept = app, {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        sid = HTTPConnection(scope).cookies.get("session", "")
        scope["session"] = dict(self.kept.get(sid, {}))

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start" and scope["session"] != self.kept.get(sid, {}):
                self.kept.pop(sid, None)
                value = "null; expires=Thu, 01 Jan 1970 00:00:00 GMT"
                if scope["session"]:
                    value = secrets.token_hex(8)
                    self.kept[value] = dict(scope["session"])
                message["headers"] = [*message["headers"], (b"set-cookie", f"session={value}".encode())]
            await send(message)

        await self.app(scope, receive, sending)


class ServerSideStarlette(StarletteHouse):
    """A session middleware of somebody else's."""

    keeps_all_in_the_cookie = False

    def sessions(self) -> Middleware:
        return Middleware(InMemory)


HOUSES: dict[str, type[House]] = {
    "flask, flask-login": FlaskHouse,
    "flask, plain": PlainFlask,
    "flask, told": ToldFlask,
    "flask, flask-session": ServerSideFlask,
    "flask, flask-session set up late": LateServerSideFlask,
    "starlette, plain": StarletteHouse,
    "starlette, certain": CertainStarlette,
    "starlette, told": ToldStarlette,
    "starlette, at the server": ServerSideStarlette,
}
used("a secret key", "not a secret of anybody")
