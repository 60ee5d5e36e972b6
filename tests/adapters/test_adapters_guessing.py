"""The proof page over each adapter with its real shell and a real Redis: bytes, bounds, and what a guess tells."""

from __future__ import annotations

import importlib
import json
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import override_settings
from flask import Flask
from flask_login import LoginManager, UserMixin
from tests.adapters.test_demo_products import Client, over_asgi, over_wsgi
from werkzeug.security import check_password_hash, generate_password_hash

from linkmw.demo.products.people import Person

PASSWORDS = {
    "spaces": "  at both ends  ",
    "encoding": "&%+=?#/\\\"'<>;%00%26",
    "emoji": "🐎🔋📎 staple",
    "controls": "tab\tnul\0bell\a",
    "length": "é" * 512,
    "case": "MixedCase-ſß",
}
SITE = "http://product.localhost"


class _Hub(BaseHTTPRequestHandler):
    """The hub's back channel, as far as a proof needs it (docs/protocol.md, section 3)."""

    def do_GET(self) -> None:
        self._say({"mode": "beside", "percent": 100, "healthy": True, "branding": {"brand": "ACME ID"}})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/proofs":
            self._say({"code": "c" * 43})
        else:
            told = {"purpose": "link", "identity_email": "", "hint": "", "expires": int(time.time()) + 300}
            self._say({"transaction": asked["handle"], "identity": f"identity of {asked['handle']}", **told})

    def _say(self, value: dict[str, object]) -> None:
        body = json.dumps({"v": 1, **value}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def on(monkeypatch, hub, redis_server, request) -> None:
    """linkmw is on, with a Redis prefix of this test's own."""
    settings = {
        "HUB_URL": "http://hub.localhost",
        "HUB_INTERNAL_URL": hub,
        "PUBLIC_URL": SITE,
        "ORGANIZATION_ID": "acme",
        "CLIENT_ID": "product",
        "CLIENT_SECRET": "s" * 43,
        "REDIS_URL": redis_server,
        "REDIS_TIMEOUT": "5",
        "REDIS_PREFIX": f"{request.node.name}:",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"LINKMW_{name}", value)


class Prover:
    """A browser on the proof page of a product. Nothing of it is shared, so many may be at it at once."""

    def __init__(self, call: Callable, handle: str = "a-handle") -> None:
        self.client = Client(call)
        self._headers = {"origin": SITE, "sec-fetch-site": "same-origin", "sec-fetch-dest": "document"}
        arrived = self.get(f"/.linkmw/prove?handle={handle}")
        self.page = self.get(arrived.location).text

    def get(self, path):
        return self.client.request("GET", path, None, **self._headers)

    def guesses(self, username, password):
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', self.page)
        form = {**{name: unescape(value) for name, value in hidden}, "username": username, "password": password}
        return self.client.request("POST", "/.linkmw/prove", form, **self._headers)


def test_the_page_is_there(house) -> None:
    assert "Link your account" in Prover(house.call).page


@dataclass
class House:
    call: Callable
    add: Callable[[Person], object]


@pytest.fixture(params=["orders over WSGI", "orders over ASGI", "helpdesk", "wiki"])
def house(request, on, monkeypatch, tmp_path):
    name = request.param.partition(" ")[0]
    if name == "orders":
        request.getfixturevalue("orders_database")
        return _orders(request.param)
    monkeypatch.setenv("DEMO_DATABASE", str(tmp_path / f"{name}.db"))
    monkeypatch.setenv("DEMO_SECRET", "signs nothing of value")
    module = importlib.import_module(f"linkmw.demo.products.{name}")
    accounts = importlib.import_module("linkmw.demo.products.accounts")
    module.prepare()
    if name == "wiki":
        return House(over_asgi(module.create_app(module.linkmw())), lambda person: accounts.prepare([person]))
    return House(over_wsgi(module.wrap(module.create_app())), lambda person: accounts.prepare([person]))


def _orders(name: str) -> House:
    from django.contrib.auth.models import User
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler

    def add(person: Person) -> None:
        User.objects.create_user(person.username, person.email, person.password)

    call = over_asgi(ASGIHandler()) if "ASGI" in name else over_wsgi(WSGIHandler())
    return House(call, add)


def a_person(username: str, password: str) -> Person:
    return Person(username, password, f"{username}@acme.example", username)


@pytest.mark.parametrize("kind", PASSWORDS)
def test_bc17_a_password_typed_into_the_page_reaches_the_product_to_the_byte(house, kind) -> None:
    password = PASSWORDS[kind]
    assert len(password.encode()) <= 1024
    house.add(a_person("kim", password))
    for near in {password.strip(), password.swapcase(), password.replace("\0", ""), password[:-1]} - {password}:
        assert Prover(house.call).guesses("kim", near).status == 422, near
    answer = Prover(house.call).guesses("kim", password)
    assert answer.status == 200
    assert "Going on to ACME ID" in answer.text


def test_bc17_the_longest_password_is_1024_bytes(house) -> None:
    house.add(a_person("kim", "p" * 1024))
    assert Prover(house.call).guesses("kim", "p" * 1025).status == 422
    assert Prover(house.call).guesses("kim", "p" * 1024).status == 200


def test_bf03_bf06_the_sixth_guess_waits_and_the_native_login_does_not(house) -> None:
    house.add(a_person("kim", "right horse"))
    prover = Prover(house.call)
    assert [prover.guesses("kim", "wrong").status for _ in range(5)] == [422] * 5
    refused = prover.guesses("kim", "right horse")
    assert refused.status == 429
    assert 0 < int({name.lower(): value for name, value in refused.headers}["retry-after"]) <= 60
    assert "<strong>Too many tries.</strong> Wait " in refused.text
    native = Client(house.call)
    login = next(path for path in ("/login/", "/login") if native.get(path).status == 200)
    entered = native.post(login, username="kim", password="right horse", next="/")
    assert entered.status in (302, 303)
    assert "Signed in as" in native.get("/").text


# ---- the same for known and unknown names


class Hasher(PBKDF2PasswordHasher):
    """Django's own, quicker, and counted."""

    iterations = 60_000
    calls = 0

    def encode(self, password, salt, iterations=None):
        type(self).calls += 1
        return super().encode(password, salt, iterations)


class Werkzeug:
    """A Flask product that hashes with Werkzeug, and does so for nobody's account too."""

    method = "pbkdf2:sha256:60000"

    def __init__(self) -> None:
        self.calls = 0
        self.hashes = {name: generate_password_hash(f"of {name}", self.method) for name in ("kim", "lee")}
        self.nobodys = generate_password_hash("nobody's", self.method)

    def verify(self, username: str, password: str):
        self.calls += 1
        right = check_password_hash(self.hashes.get(username, self.nobodys), password)
        return self.load(username) if right and username in self.hashes else None

    def load(self, account_id: str):
        user = UserMixin()
        user.id, user.username, user.email = account_id, account_id, ""
        return user if account_id in self.hashes else None

    def app(self) -> Flask:
        from linkmw_flask import LinkMW, Product

        app = Flask("hashed")
        app.secret_key = "not a secret"
        LoginManager(app).user_loader(self.load)
        LinkMW(app, Product(verify_password=self.verify))
        return app


@pytest.fixture(params=["django", "werkzeug"])
def hashed(request, on, monkeypatch) -> Iterator[tuple[Callable, Callable[[], int]]]:
    """A product with the accounts kim and lee, and how often its hasher was called."""
    for name in ("PASSWORD_TRIES", "ADDRESS_TRIES", "IDENTITY_TRIES", "STOP_TRIES"):
        monkeypatch.setenv(f"LINKMW_{name}", "100000")
    if request.param == "werkzeug":
        product = Werkzeug()
        yield over_wsgi(product.app()), lambda: product.calls
        return
    request.getfixturevalue("orders_database")
    with override_settings(PASSWORD_HASHERS=[f"{__name__}.Hasher"]):
        orders = _orders("orders over WSGI")
        for name in ("kim", "lee"):
            orders.add(a_person(name, f"of {name}"))
        yield orders.call, lambda: Hasher.calls


def test_bf07_a_known_and_an_unknown_name_cost_one_hash_and_are_answered_alike(hashed) -> None:
    call, calls = hashed
    prover = Prover(call)
    seen = []
    for name in ("kim", "bob"):
        before = calls()
        answer = prover.guesses(name, "wrong")
        assert calls() - before == 1
        seen.append((answer.status, answer.headers, answer.text.replace(name, "NAME")))
    assert seen[0] == seen[1]


@pytest.mark.long
def test_bf07_nobody_can_tell_by_the_clock(hashed) -> None:
    call, _ = hashed
    prover = Prover(call)
    names = ("kim", "bob", "lee")
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(200):
        for place in range(3):  # whoever comes first in a round, comes so as often as the others
            name = names[(turn + place) % 3]
            began = time.perf_counter()
            assert prover.guesses(name, "wrong").status == 422
            seconds[name].append(time.perf_counter() - began)
    known, unknown, other = (statistics.median(seconds[name]) for name in names)
    assert abs(known - unknown) < max(0.005, 3 * abs(known - other)), (known, unknown, other)
    assert known > 0.008, known  # a hash left out would show


# ---- at once


def test_bf03_of_many_threads_in_a_wsgi_product_five_reach_the_hasher(on, monkeypatch) -> None:
    monkeypatch.setenv("LINKMW_ADDRESS_TRIES", "1000")
    monkeypatch.setenv("LINKMW_IDENTITY_TRIES", "1000")
    product = Werkzeug()
    call = over_wsgi(product.app())
    prover = Prover(call)
    gate = threading.Barrier(100)

    def attempt(_: int) -> int:
        one = Prover.__new__(Prover)
        one.__dict__.update(prover.__dict__, client=Client(call, dict(prover.client.cookies)))
        gate.wait()
        return one.guesses("kim", "wrong").status

    with ThreadPoolExecutor(100) as pool:
        statuses = list(pool.map(attempt, range(100)))
    assert sorted(statuses) == [422] * 5 + [429] * 95
    assert product.calls == 5
