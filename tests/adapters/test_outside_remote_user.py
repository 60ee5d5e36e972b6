"""An application that trusts a server in front of it: the name it is told is linkmw's word, and nobody else's."""

from __future__ import annotations

import asyncio
import itertools
import logging
import re
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
from tests.adapters.session_houses import NAVIGATION, FlaskHouse, House, StarletteHouse
from tests.gate.world import ADA, BOB
from werkzeug.security import generate_password_hash
from werkzeug.test import Client

from linkmw import asgi, wsgi
from linkmw.gate import proof_kind
from linkmw.gate.guard import Guard
from linkmw.gate.in_force import InForce
from linkmw.http import Request
from linkmw.model import Marker, Session
from linkmw.outside import adapter_file, cover
from linkmw.outside.adapter_file import Adapter
from linkmw.outside.remote_user import RemoteUserProduct
from linkmw.run import in_place, in_thread, run_now
from linkmw.secret import Secret
from linkmw.setting_values import read_remote_user
from linkmw.settings import load
from linkmw.testing.conformance import SessionConformance, signed_in, start

COMPLETE = {
    "hub_url": "https://id.example", "public_url": "https://orders.example", "organization_id": "acme",
    "client_id": "orders", "client_secret": "s" * 43, "redis_url": "redis://127.0.0.1:9/0",
    "remote_user_cookies": "basket",
}  # fmt: skip
HEADER = "X-Remote-User"


def settings(**changes):
    return load({**COMPLETE, "remote_user": "REMOTE_USER", **changes}, {"LINKMW_CONFIG": "/none"})


def request_with(jar, path="/"):
    return Request("GET", path, headers={"cookie": "; ".join(f"{name}={value}" for name, value in jar.items())})


def keep(jar, headers):
    for _, header in headers:
        pair, _, rest = header.partition(";")
        name, _, value = pair.strip().partition("=")
        jar[name] = value
        if "Max-Age=0" in rest:
            del jar[name]


class People:
    """What an adapter file says of the accounts."""

    def __init__(self):
        self.known = {}

    def load(self, account_id):
        return self.known.get(account_id)


class RemoteUserStage:
    """An application with a basket in a cookie of its own."""

    def __init__(self):
        self.people = People()
        self.product = RemoteUserProduct(Adapter(self.people), InForce.fixed(settings()))

    def add(self, person):
        account_id = str(len(self.people.known) + 1)
        self.people.known[account_id] = {
            "id": account_id, "username": person.username, "email": person.email, "is_active": person.active
        }  # fmt: skip
        return account_id

    def visit(self, jar, do):
        answer = do(request_with(jar))
        if isinstance(answer, tuple):
            keep(jar, answer)
        return answer

    def marker(self, jar):
        return self.product.marker_of(request_with(jar))

    def remember(self, jar, key, value):
        jar["basket"] = f"{key}:{value}".replace(" ", "+")

    def recall(self, jar, key):
        name, _, value = jar.get("basket", "").partition(":")
        return value.replace("+", " ") if name == key else None


class TestRemoteUser(SessionConformance):
    @pytest.fixture
    def stage(self):
        return RemoteUserStage()

    def test_sc01_what_the_application_kept_before_a_sign_in_goes(self, stage):
        jar = {}
        stage.remember(jar, "basket", "planted")
        start(stage, jar, stage.add(BOB_TOO), None)
        assert stage.recall(jar, "basket") is None

    def test_an_account_that_is_closed_later_is_nobody(self, stage):
        account_id = stage.add(BOB_TOO)
        jar = {}
        start(stage, jar, account_id, None)
        stage.people.known[account_id]["is_active"] = False
        assert signed_in(stage, jar) is None
        assert stage.product.told(request_with(jar)) == ""


class BOB_TOO:  # noqa: N801  (a person)
    username, email, active = "bob", "bob@orders.example", True


class RemoteHouse(House):
    """An application that believes what it is told: it answers that name, or nobody. what: besides the usual pages."""

    def __init__(self, **changes):
        self.people = People()
        self.people.known = {one.account_id: {"id": one.account_id, "username": one.username} for one in (ADA, BOB)}
        self.sets = {}
        super().__init__(
            **{
                "remote_user": self.place,
                "remote_user_sign_out": "/logout",
                "remote_user_cookies": ("basket",),
                **changes,
            }
        )

    def build(self):
        in_force = InForce.fixed(self.world.settings)
        self.app = cover._by_remote_user(self.application, self.interface, in_force, self.place, Adapter(self.people))
        self.world.having(product=self.app._hooked, call=in_place if self.interface == "wsgi" else in_thread)
        self.app._opened = self.world.ports
        self.app._guarded = Guard(self.world.ports.sessions, self.world.clock)
        return self.ask

    def guard(self):
        return self.app._guarded


class WsgiHouse(RemoteHouse):
    interface, place = "wsgi", "REMOTE_USER"
    ask = FlaskHouse.ask

    def application(self, environ, start_response):
        self.seen = environ
        pairs = [("Set-Cookie", one) for one in self.sets.get(environ["PATH_INFO"], ())]
        start_response("200 OK", [("Content-Type", "text/plain"), *pairs])
        key = "REMOTE_USER" if self.place == "REMOTE_USER" else "HTTP_X_REMOTE_USER"
        return [environ.get(key, "nobody").encode("latin-1")]


class WsgiHeaderHouse(WsgiHouse):
    place = HEADER


class AsgiHouse(RemoteHouse):
    interface, place = "asgi", HEADER
    ask, asked, scope = StarletteHouse.ask, StarletteHouse.asked, StarletteHouse.scope
    in_loop = staticmethod(asyncio.run)
    run = StarletteHouse.run

    async def application(self, scope, receive, send):
        self.seen = scope
        name = b", ".join(value for name, value in scope["headers"] if name == b"x-remote-user")
        pairs = [(b"set-cookie", one.encode()) for one in self.sets.get(scope["path"], ())]
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain"), *pairs]}
        )
        await send({"type": "http.response.body", "body": name or b"nobody"})


HOUSES = [WsgiHouse, WsgiHeaderHouse, AsgiHouse]


@pytest.fixture(params=HOUSES, ids=lambda house: house.__name__)
def house(request):
    return request.param()


def test_ht10_the_application_is_told_who_signed_in_through_the_link_and_one_press_is_enough(house):
    browser = house.browser()
    assert browser.who == "nobody"
    browser.signs_in()
    assert browser.who == "ada"
    again = house.browser()
    again.signs_in()
    assert (again.who, house.listed()) == ("ada", 2)


LOOK_ALIKES = [
    f"{before}{between.join(('X', 'Remote', 'User'))}{behind}"
    for between in ("-", "_", ".", "--", "_-", " ")
    for before in ("", "_", "HTTP_", "http-", "REDIRECT_")
    for behind in ("", "-", " ")
]


@pytest.mark.parametrize("signed_in_first", [False, True])
@pytest.mark.parametrize("kind", [WsgiHeaderHouse, AsgiHouse])
def test_ht10_no_visitor_says_who_they_are_however_it_is_spelt(kind, signed_in_first):
    house = kind()
    browser = house.browser()
    if signed_in_first:
        browser.signs_in()
    for name in itertools.chain.from_iterable((one, one.lower(), one.swapcase()) for one in LOOK_ALIKES):
        answer = browser.get("/who", {**NAVIGATION, name: "mallory"})
        assert answer.text == ("ada" if signed_in_first else "nobody"), name
        assert "mallory" not in str(house.seen), name


def test_ht10_nor_sends_the_variable_of_the_server():
    house = WsgiHouse()
    for name in ("Remote-User", "remote_user", "REMOTE_USER", "Redirect-Remote-User"):
        assert house.browser().get("/who", {**NAVIGATION, name: "mallory"}).text == "nobody"
        assert "mallory" not in str(house.seen)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/who", "REMOTE_USER": "mallory"}
    assert house.app(environ, lambda *_: None) == [b"nobody"]


def test_ht10_headers_that_only_look_a_little_alike_reach_the_application(house):
    for name in ("X-Remote-Users", "X-Remote", "Y-X-Remote-User", "X-RemoteUser", "X-Remote-User-2"):
        house.browser().get("/who", {**NAVIGATION, name: "theirs"})
        assert "theirs" in str(house.seen), name


def test_ht10_ht13_a_websocket_is_told_the_same_and_no_lookalike_either():
    house = AsgiHouse()
    browser = house.browser()
    browser.signs_in()
    seen = []

    async def socket(scope, receive, send):
        seen.append([pair for pair in scope["headers"] if b"remote" in pair[0].lower()])

    house.app._app._app = socket
    cookies = "; ".join(f"{name}={value}" for name, value in browser.jar.items()).encode()
    forged = [(b"X-Remote-User", b"mallory"), (b"x_remote_user", b"mallory"), (b"x-remote-user", b"eve")]
    for cookie in (cookies, b"a=b"):
        scope = {"type": "websocket", "path": "/who", "query_string": b"", "headers": [*forged, (b"cookie", cookie)]}
        asyncio.run(house.app(scope, None, None))
    assert seen == [[(b"x-remote-user", b"ada")], []]


def test_mim21_a_session_whose_link_was_removed_is_nobodys_at_the_next_request(house):
    browser = house.browser()
    browser.signs_in()
    copied = browser.copied()
    house.log_out(account_id=ADA.account_id)
    assert (browser.who, copied.who) == ("nobody", "nobody")
    assert house.app._hooked.own in browser.jar  # as long as the application's own cookie might come back


def test_what_the_application_keeps_besides_is_hidden_until_it_begins_anew(house):
    browser = house.browser()
    browser.signs_in()
    browser.jar["basket"] = "of-ada"
    house.log_out(account_id=ADA.account_id)
    assert browser.who == "nobody"
    assert "of-ada" not in str(house.seen)
    house.sets["/login"] = ["basket=of-somebody; Path=/"]
    browser.post("/login")
    browser.get("/who")
    assert "of-somebody" in str(house.seen)
    assert house.app._hooked.own not in browser.jar


def test_p7_the_path_of_a_sign_out_ends_the_session_and_goes_on_to_the_hub(house):
    browser = house.browser()
    browser.signs_in()
    copied = browser.copied()
    assert "/.linkmw/sign-out" in browser.get("/logout").one("location")
    assert (house.listed(), browser.who, copied.who) == (0, "nobody", "nobody")


def test_p7_so_does_an_answer_that_takes_the_applications_own_session_away(house):
    browser = house.browser()
    browser.signs_in()
    house.sets["/leave"] = ["basket=; Path=/; Max-Age=0"]
    assert "/.linkmw/sign-out" in browser.get("/leave").one("location")
    assert browser.who == "nobody"


def test_a_page_that_sets_what_it_keeps_is_no_sign_out(house):
    browser = house.browser()
    browser.signs_in()
    house.sets["/shop"] = ["basket=apples; Path=/"]
    assert browser.get("/shop").text == "ada"
    assert browser.who == "ada"


def test_lt12_sc01_nothing_of_somebody_elses_session_is_left(house):
    browser = house.browser()
    browser.jar["basket"] = "planted"
    browser.signs_in()
    assert "basket" not in browser.jar


def test_pr05_sc02_a_session_sent_twice_or_of_another_product_is_nobodys(house):
    browser = house.browser()
    browser.signs_in()
    own = house.app._hooked.own
    value = browser.jar[own]
    for sent in (f"{own}={value}; {own}=x", f'{own}="{value}"', f"{own}={value[:-2]}", f"{own}=", f"{own}=1"):
        assert house.call("GET", "/who", b"", {"cookie": sent}).text == "nobody", sent
    other = type(house)(client_secret=Secret("t" * 43))
    assert other.call("GET", "/who", b"", {"cookie": f"{own}={value}"}).text == "nobody"


def test_dis10_while_linkmw_is_off_nobody_is_told_and_look_alikes_are_off_all_the_same(house):
    """`linkmw disable`, a setting that is wrong: nobody decided that visitors are believed."""
    browser = house.browser()
    browser.signs_in()
    off = InForce.fixed(settings(remote_user=house.place, enabled=False, **NOT_NAMED))
    off.may_be_on = True
    app = cover._by_remote_user(house.application, house.interface, off, house.place, Adapter(house.people))
    house.app = app
    assert browser.get("/who", {**NAVIGATION, "X-Remote-User": "mallory", "Remote-User": "mallory"}).text == "nobody"
    assert app._hooked.told(request_with(browser.jar)) == ""


NOT_NAMED = {"remote_user_cookies": ""}


@pytest.fixture
def environment(complete, monkeypatch):
    for name, value in {**complete, "REMOTE_USER": HEADER}.items():
        monkeypatch.setenv(f"LINKMW_{name}", value)
    adapter_file.read.cache_clear()
    return monkeypatch


def echo(environ, start_response):
    start_response("200 OK", [])
    return [environ.get("HTTP_X_REMOTE_USER", "nobody").encode()]


def answered(app):
    return app({"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_X_REMOTE_USER": "mallory"}, lambda *_: None)


def test_dis12_switched_off_in_the_environment_the_application_is_as_if_nothing_had_been_there(environment, caplog):
    environment.setenv("LINKMW_ENABLED", "off")
    assert wsgi.wrap(echo) is echo
    assert caplog.text == ""


def test_by_the_environment_alone_and_the_start_says_what_that_means(environment, caplog):
    with caplog.at_level(logging.WARNING, "linkmw"):
        app = wsgi.wrap(echo)
        assert wsgi.wrap(app) is app
    assert answered(app) == [b"nobody"]
    for said in (
        "recognised WSGI by X-Remote-User; accounts: by the names that it is told; sessions: linkmw's own",
        "does not cover: proving an account here",
        "does not cover: a sign-out",
        "does not cover: requests while LINKMW_ENABLED=off: every visitor can send X-Remote-User",
        "wrapping it again does nothing",
    ):
        assert said in caplog.text


REFUSED = {
    "a `start` of its own": ({"ADAPTER": "start"}, "has `start`, and LINKMW_REMOTE_USER is set"),
    "several hosts": ({"HOSTS": '{"a.example": {}}'}, "LINKMW_REMOTE_USER with LINKMW_HOSTS"),
    "a file that is not there": ({"ADAPTER": "none"}, "which is not there"),
    "both in the file": ({"ADAPTER": "both", "REMOTE_USER": ""}, "has `marker_of`, and LINKMW_REMOTE_USER is set"),
    "a setting that is wrong": ({"PROOF": "by magic"}, "LINKMW_PROOF is neither form nor native"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_ht10_what_cannot_be_covered_is_said_and_visitors_are_not_believed_for_it(kind, environment, tmp_path, caplog):
    changes, said = REFUSED[kind]
    (tmp_path / "start.py").write_text("class Adapter:\n    def start(self, request, user, marker): return {}")
    (tmp_path / "both.py").write_text(
        "class Adapter:\n    remote_user = 'X-Remote-User'\n    def marker_of(self, request): return ''"
    )
    for name, value in changes.items():
        environment.setenv(f"LINKMW_{name}", f"{tmp_path}/{value}.py:Adapter" if name == "ADAPTER" else value)
    assert answered(wsgi.wrap(echo)) == [b"nobody"]
    assert said in caplog.text


def test_the_variable_of_wsgi_is_refused_under_asgi(environment, caplog):
    async def app(scope, receive, send):
        """One that is never called."""

    environment.setenv("LINKMW_REMOTE_USER", "REMOTE_USER")
    asgi.wrap(app)
    assert "ASGI has no such variable" in caplog.text


def test_where_the_name_is_read_is_a_header_of_its_own_or_the_variable():
    read = {"REMOTE_USER": "REMOTE_USER", "HTTP_X_REMOTE_USER": "X-REMOTE-USER", "x-forwarded-user": "x-forwarded-user"}
    assert {text: read_remote_user(text) for text in read} == read
    for wrong in (
        "",
        "X Remote",
        "X-Remote:",
        "-X",
        "X-",
        "X--Y",
        "Cookie",
        "host",
        "Authorization",
        "Ä",
    ):
        with pytest.raises(ValueError, match="is neither REMOTE_USER nor a header"):
            read_remote_user(wrong)


@pytest.mark.parametrize("name", ["", " ada", "ada ", "ada\r\nX-Admin: 1", "a\0b", "\u202eada", "née", "爱达"])
def test_xs10_lt16_a_name_is_told_as_it_is_or_not_at_all(name):
    for house in (WsgiHeaderHouse(), AsgiHouse()):
        house.people.known[ADA.account_id]["username"] = name
        browser = house.browser()
        browser.signs_in()
        told_it = name in ("née", "爱达")
        assert browser.who == (name if told_it else "nobody")


def test_pr03_in_replace_a_session_without_the_marker_does_not_count():
    in_force = InForce.fixed(settings(mode="replace"))
    product = RemoteUserProduct(Adapter(object()), in_force)
    jar = {}
    keep(jar, product.start_session(request_with(jar), "ada", None))
    assert product.told(request_with(jar)) == ""
    keep(jar, product.start_session(request_with(jar), "ada", Marker("sid", 2_000_000_000)))
    assert product.told(request_with(jar)) == "ada"


def test_a_login_of_its_own_is_what_the_file_says_and_proves_accounts():
    class Own:
        cookies = ("their_session",)

        def user_of(self, request):
            return request.cookies.get("their_session")

        def complete(self, request):
            return "half" not in request.cookies

    product = RemoteUserProduct(Adapter(Own), InForce.fixed(settings()))
    native = {"their_session": "ada"}
    assert product.current_account(request_with(native)).account_id == "ada"
    assert product.told(request_with(native)) == ""
    assert product.is_complete(request_with(native))
    assert not product.is_complete(request_with({**native, "half": "1"}))
    assert proof_kind.is_native(settings(), product)
    jar = dict(native)
    keep(jar, product.start_session(request_with(jar), "ada", None))
    assert jar["their_session"] == "ada"
    keep(jar, product.start_session(request_with(jar), "bob", None))
    assert "their_session" not in jar
    assert product.told(request_with(jar)) == "bob"


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "wrapping.md").read_text()


def block(name):
    return re.search(rf"<!-- {name}:begin -->\n```\w+\n(.*?)```\n<!-- {name}:end -->", PAGE, re.S)[1]


def test_ht10_mim21_django_by_the_lines_of_the_documentation_and_a_real_redis(
    complete, monkeypatch, redis_server, orders_database
):
    """As it is in docs/wrapping.md: `RemoteUserMiddleware` believes linkmw, and its session ends with linkmw's."""
    from django.contrib.auth.models import User
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import override_settings
    from django.urls import path

    urls = ModuleType("urls_of_a_remote_user")
    urls.urlpatterns = [path("who", view)]
    monkeypatch.setitem(sys.modules, urls.__name__, urls)
    lines = dict(line.split("=", 1) for line in block("remote-user").splitlines())
    found = {f"LINKMW_{name}": value for name, value in {**complete, "REDIS_URL": redis_server}.items()}
    for name, value in {**found, **lines, "LINKMW_REMOTE_USER_COOKIES": "orders_session"}.items():
        monkeypatch.setenv(name, value)
    User.objects.create_user("ada")
    django = "django.contrib.{}.middleware.{}"
    middleware = [
        django.format("sessions", "SessionMiddleware"),
        django.format("auth", "AuthenticationMiddleware"),
        django.format("auth", "PersistentRemoteUserMiddleware"),
    ]
    with override_settings(
        MIDDLEWARE=middleware,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=urls.__name__,
        AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.RemoteUserBackend"],
    ):
        app = wsgi.wrap(WSGIHandler())
        browser = Client(app, use_cookies=False)
        jar = {}

        def who(**environ):
            cookies = "; ".join(f"{name}={value}" for name, value in jar.items())
            answer = browser.get("/who", base_url="http://product.localhost", headers={"Cookie": cookies}, **environ)
            keep(jar, [(name, value) for name, value in answer.headers if name.lower() == "set-cookie"])
            return answer.text

        assert who(environ_overrides={"REMOTE_USER": "ada"}) == "nobody"
        marker = begun(app, jar, "ada")
        assert who(environ_overrides={"REMOTE_USER": "mallory"}) == "ada"
        assert "orders_session" in jar
        run_now(app._world()[1].sessions.end_all(account_id="ada", until=int(time.time())))
        app._guarded.forget(marker.sid)
        assert who() == "nobody"


def begun(app, jar, account_id):
    """A session that a link opened, as the callback begins one."""
    now = int(time.time())
    session = Session(
        sid=f"sid-{now}", account_id=account_id, identity="of-ada", hub_sid="hub", started=now, expires=now + 600
    )
    assert run_now(app._world()[1].sessions.put(session))
    marker = Marker(session.sid, session.expires)
    keep(jar, app._hooked.start_session(request_with(jar), account_id, marker))
    return marker


def view(request):
    from django.http import HttpResponse

    return HttpResponse(request.user.get_username() or "nobody")


def test_the_file_of_the_documentation_proves_accounts_by_password(monkeypatch, tmp_path):
    people = {"7": {"id": "7", "username": "ada", "password": generate_password_hash("correct horse")}}
    for name, members in {
        "shop": {},
        "shop.people": {"by_id": people.get, "by_name": lambda name: people["7"] if name == "ada" else None},
    }.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    (tmp_path / "told.py").write_text(block("remote-file"))
    adapter = adapter_file.read(f"{tmp_path}/told.py:Adapter")
    assert adapter_file.remote_user(settings(), adapter) == HEADER
    product = RemoteUserProduct(adapter, InForce.fixed(settings()))
    assert not proof_kind.is_native(settings(), product)
    asked = request_with({})
    assert product.verify_password(asked, "ada", "correct horse").account_id == "7"
    assert product.verify_password(asked, "ada", "wrong") is None
    assert product.verify_password(asked, "nobody", "wrong") is None
    jar = {}
    keep(jar, product.start_session(asked, "7", None))
    assert product.told(request_with(jar)) == "ada"
    assert len([line for line in block("remote-file").splitlines() if line.strip()]) <= 20
