"""The demo's products: what they were before linkmw, and, byte for byte, what they are while it is off (P-1)."""

from __future__ import annotations

import importlib
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults

import pyotp
import pytest
from django.test import override_settings

from linkmw.demo.products import accounts
from linkmw.demo.products.people import people_of

RANDOM = re.compile(r'(csrfmiddlewaretoken" value="|(?:orders|helpdesk|wiki)_(?:csrf|session)=)[^";]+')
DATES = re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")


@dataclass
class Client:
    """A browser for a WSGI or ASGI callable that shows every byte it was sent."""

    call: Callable
    cookies: dict = field(default_factory=dict)

    def request(self, method, path, form=None, **headers):
        body = urlencode(form or {}).encode()
        status, pairs, answer = self.call(method, path, body, {**headers, **self._cookie_header()})
        for name, value in pairs:
            if name.lower() == "set-cookie":
                key, _, rest = value.strip().partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return Answer(status, pairs, answer)

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, **form):
        token = self.cookies.get("orders_csrf", "")
        return self.request("POST", path, {**form, "csrfmiddlewaretoken": token})

    def _cookie_header(self):
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}


@dataclass
class Answer:
    status: int
    headers: list
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    @property
    def location(self):
        return {name.lower(): value for name, value in self.headers}.get("location")

    def without_chance(self):
        """Everything but dates, random tokens and signed values that hold a time."""
        text = json.dumps([self.status, self.headers, self.text])
        return DATES.sub("DATE", RANDOM.sub(r"\1RANDOM", text.replace('\\"', '"')))


def over_wsgi(application):
    def call(method, path, body, headers):
        import io

        path, _, query = path.partition("?")
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "HTTP_HOST": "testserver"}
        setup_testing_defaults(environ)
        environ.update({f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()})
        if body:
            form = "application/x-www-form-urlencoded"
            environ.update({"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": form})
        started = []
        result = application(environ, lambda status, pairs, *_: started.append((int(status[:3]), pairs)))
        answer = b"".join(result)
        getattr(result, "close", lambda: None)()
        return *started[0], answer

    return call


def over_asgi(application):
    from asgiref.sync import async_to_sync

    async def asked(method, path, body, headers):
        path, _, query = path.partition("?")
        pairs = [(b"host", b"testserver"), *((name.encode(), value.encode()) for name, value in headers.items())]
        if body:
            pairs += [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", b"%d" % len(body))]
        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": pairs}
        scope.update({"http_version": "1.1", "scheme": "http", "asgi": {"version": "3.0"}, "root_path": ""})
        sent = []
        incoming = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            import asyncio

            return incoming.pop(0) if incoming else await asyncio.Event().wait()

        async def send(message):
            sent.append(message)

        await application(scope, receive, send)
        start = sent[0]
        headers = [(name.decode(), value.decode()) for name, value in start["headers"]]
        return start["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])

    return lambda *asked_for: async_to_sync(asked)(*asked_for)


LINKMW_OFF = {
    "LINKMW_ENABLED": "off",
    "LINKMW_HUB_URL": "http://hub.localhost:9",
    "LINKMW_PUBLIC_URL": "http://product.localhost",
    "LINKMW_ORGANIZATION_ID": "acme",
    "LINKMW_CLIENT_ID": "product",
    "LINKMW_CLIENT_SECRET": "0123456789abcdef0123456789abcdef0123456789a",
    "LINKMW_REDIS_URL": "redis://127.0.0.1:9/0",
}


@pytest.fixture
def off(monkeypatch):
    for name, value in LINKMW_OFF.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["orders over WSGI", "orders over ASGI", "helpdesk", "wiki"])
def make_house(request):
    """A product by name, made with the environment as it is then."""
    return lambda: request.getfixturevalue(f"_{request.param.partition(' ')[0]}")(request.param)


@pytest.fixture
def house(off, make_house):
    """A product: its two callables, wrapped (and off) and unwrapped, and the page that needs a sign-in."""
    return make_house()


@pytest.fixture
def disabled_house(off, monkeypatch, make_house):
    """The same after `linkmw disable`, an hour ago: the file says off, and could say on again."""
    monkeypatch.delenv("LINKMW_ENABLED")
    moment = datetime.fromtimestamp(int(time.time()) - 3600, UTC).isoformat()
    Path(os.environ["LINKMW_CONFIG"]).write_text(f"enabled = false\ndisabled_at = {moment}\n")
    return make_house()


@dataclass
class House:
    name: str
    wrapped: Client
    unwrapped: Client
    login: str
    protected: str
    enters: int  # the status with which a native sign-in goes on


@pytest.fixture
def _orders(orders_database):
    from linkmw.demo.products.orders import seed, settings

    seed.prepare()
    without = [name for name in settings.MIDDLEWARE if not name.startswith("linkmw")]
    assert without != settings.MIDDLEWARE

    def made(param):
        from django.core.handlers.asgi import ASGIHandler
        from django.core.handlers.wsgi import WSGIHandler

        handler, over = (ASGIHandler, over_asgi) if "ASGI" in param else (WSGIHandler, over_wsgi)
        wrapped = handler()
        with override_settings(MIDDLEWARE=without):
            unwrapped = handler()
        return House("orders", Client(over(wrapped)), Client(over(unwrapped)), "/login/", "/orders/", 302)

    return made


@pytest.fixture
def _helpdesk(monkeypatch, tmp_path):
    return lambda _: _own("helpdesk", over_wsgi, monkeypatch, tmp_path, "/tickets", 302)


@pytest.fixture
def _wiki(monkeypatch, tmp_path):
    return lambda _: _own("wiki", over_asgi, monkeypatch, tmp_path, "/pages", 303)


def _own(name, over, monkeypatch, tmp_path, protected, enters):
    monkeypatch.setenv("DEMO_DATABASE", str(tmp_path / f"{name}.db"))
    monkeypatch.setenv("DEMO_SECRET", "signs nothing of value")
    module = importlib.import_module(f"linkmw.demo.products.{name}")
    module.prepare()
    wrapped = module.create_app(module.linkmw()) if name == "wiki" else module.wrap(module.create_app())
    return House(name, Client(over(wrapped)), Client(over(module.create_app())), "/login", protected, enters)


def person(house, *, totp=False):
    return next(person for person in people_of(house.name) if bool(person.totp_secret) is totp)


def a_visit(house, client):
    """What a person may do in the product, and what it answers."""
    known, with_code = person(house), person(house, totp=True)
    yield client.get("/")
    yield client.get(f"/static/{house.name}.css")
    yield client.get("/nothing/here")
    yield client.get(house.protected)
    yield client.get("/.linkmw/login?next=/")
    yield client.post("/.linkmw/logout", logout_token="x")
    yield client.request("HEAD", house.login)
    yield client.get(f"{house.login}?next={house.protected}")
    yield client.request("GET", house.login, None, **{"accept-encoding": "gzip", "if-none-match": '"x"'})
    yield client.post(house.login, username=known.username, password="wrong", next=house.protected)
    yield client.post(house.login, username=known.username, password=known.password, next=house.protected)
    yield client.get(house.protected)
    yield client.post({"orders": "/logout/"}.get(house.name, "/logout"))
    yield client.get(house.login)
    yield client.post(house.login, username=with_code.username, password=with_code.password, next="/")
    slash = "/" if house.name == "orders" else ""
    yield client.get(f"/login/code{slash}")
    yield client.get(f"/help/two-factor{slash}")
    yield client.get({"orders": "/password-reset/"}.get(house.name, "/forgot"))


def test_p1_off_every_answer_is_byte_for_byte_the_unwrapped_products(house):
    wrapped = [answer.without_chance() for answer in a_visit(house, house.wrapped)]
    unwrapped = [answer.without_chance() for answer in a_visit(house, house.unwrapped)]
    assert wrapped == unwrapped


def test_p1_dis02_disabled_by_the_file_it_is_too(disabled_house):
    wrapped = [answer.without_chance() for answer in a_visit(disabled_house, disabled_house.wrapped)]
    unwrapped = [answer.without_chance() for answer in a_visit(disabled_house, disabled_house.unwrapped)]
    assert wrapped == unwrapped
    ours = "/.linkmw/callback?state=none&code=x"
    assert disabled_house.wrapped.get(ours).without_chance() == disabled_house.unwrapped.get(ours).without_chance()


def test_the_comparison_sees_linkmw_when_it_is_on(off, monkeypatch, make_house):
    monkeypatch.setenv("LINKMW_ENABLED", "on")
    house = make_house()
    ours = "/.linkmw/callback?state=none&code=x"
    wrapped, unwrapped = house.wrapped.get(ours), house.unwrapped.get(ours)
    assert unwrapped.status == 404
    assert wrapped.without_chance() != unwrapped.without_chance()


PROBES = [
    *[(method, "/.linkmw/accounts") for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE")],
    *[
        ("GET", f"/.linkmw/{name}")
        for name in ("", "admin", "Login", "login/", "logout", "prove/x", "assets/", "assets/look.css")
    ],
    *[("POST", f"/.linkmw/{name}") for name in ("login", "callback", "go", "assets/x", "nothing")],
    *[("OPTIONS", f"/.linkmw/{name}") for name in ("login", "prove", "second-factor", "switch")],
    ("HEAD", "/.linkmw/nothing"),
    ("GET", "/.linkmw"),
]


def test_bc08_whoever_probes_finds_the_products_own_404_byte_for_byte(off, monkeypatch, make_house):
    monkeypatch.setenv("LINKMW_ENABLED", "on")
    house = make_house()
    for method, path in PROBES:
        wrapped, unwrapped = (
            client.request(method, path).without_chance() for client in (house.wrapped, house.unwrapped)
        )
        assert wrapped == unwrapped, (method, path)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x.y.z"}, {"authorization": "Basic eDp5"}])
def test_bc08_an_unsigned_call_finds_it_too_and_the_body_is_the_products(off, monkeypatch, make_house, headers):
    monkeypatch.setenv("LINKMW_ENABLED", "on")
    house = make_house()
    for form in ({"account_id": "1"}, {"x": "y" * 70_000}):
        answers = [
            client.request("POST", "/.linkmw/accounts", form, **headers).without_chance()
            for client in (house.wrapped, house.unwrapped)
        ]
        assert answers[0] == answers[1]


def test_mim25_the_native_login_leads_where_one_was_going(house):
    client, known = house.unwrapped, person(house)
    assert "Signed in as" not in client.get("/").text
    to_login = client.get(house.protected)
    assert to_login.location.startswith(f"{house.login}?next=")
    client.get(to_login.location)
    entered = client.post(house.login, username=known.username, password=known.password, next=house.protected)
    assert (entered.status, entered.location) == (house.enters, house.protected)
    page = client.get(house.protected).text
    assert f"Signed in as <strong>{known.username}</strong>" in page
    assert all(role in page for role in known.roles)


def test_a_wrong_password_stays_on_the_login_page(house):
    client = house.unwrapped
    client.get(house.login)
    page = client.post(house.login, username=person(house).username, password="wrong", next="/").text
    assert 'role="alert"' in page
    assert "Signed in as" not in client.get("/").text


def test_the_native_second_step_is_asked_and_checked(house):
    client, known = house.unwrapped, person(house, totp=True)
    client.get(house.login)
    second = client.post(house.login, username=known.username, password=known.password, next=house.protected).location
    assert "Signed in as" not in client.get("/").text
    client.get(second)
    assert 'role="alert"' in client.post(second, code="000000").text
    assert "Signed in as" not in client.get("/").text
    entered = client.post(second, code=pyotp.TOTP(known.totp_secret).now())
    assert entered.location == house.protected
    assert f"Signed in as <strong>{known.username}</strong>" in client.get("/").text


def test_one_signs_out_with_a_post(house):
    client, known = house.unwrapped, person(house)
    client.get(house.login)
    client.post(house.login, username=known.username, password=known.password, next="/")
    assert "Signed in as" in client.get("/").text
    client.post("/logout/" if house.name == "orders" else "/logout")
    assert "Signed in as" not in client.get("/").text


def test_a_login_leads_to_no_other_site(house):
    client, known = house.unwrapped, person(house)
    client.get(house.login)
    entered = client.post(house.login, username=known.username, password=known.password, next="//evil.example/")
    assert entered.location == "/"


@pytest.mark.parametrize("product", ["orders", "helpdesk", "wiki"])
def test_each_product_has_five_people_and_one_with_a_second_factor(product):
    people = people_of(product)
    assert len(people) >= 5
    assert [bool(person.totp_secret) for person in people].count(True) == 1
    assert all(person.email.endswith("@acme.example") and person.password for person in people)


def test_preparing_twice_changes_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("DEMO_DATABASE", str(tmp_path / "twice.db"))
    accounts.prepare(people_of("wiki"))
    first = accounts.by_name("grace.h")
    accounts.prepare(people_of("wiki"))
    assert accounts.by_name("grace.h") == first


def test_people_may_come_from_another_file(monkeypatch, tmp_path):
    listed = {"wiki": [{"username": "x", "password": "y", "email": "x@acme.example", "name": "X"}]}
    (tmp_path / "people.json").write_text(json.dumps(listed))
    monkeypatch.setenv("DEMO_PEOPLE", os.fspath(tmp_path / "people.json"))
    assert [person.username for person in people_of("wiki")] == ["x"]
