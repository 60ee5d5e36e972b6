"""One Flask or Django process that serves two tenants by host name, one on and one off (P-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask_login
import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from flask import Flask, request
from tests.adapters.session_houses import HOOKS, NAMED, User, load
from tests.gate.world import BOB, World

from linkmw.gate import build
from linkmw_django import LinkMiddleware, checks
from linkmw_flask import LinkMW, Product

SHOP, PLAIN = "shop.globex.example", "orders.acme.example"
SHARED = {"hub_url": NAMED["hub_url"], "redis_url": NAMED["redis_url"]}
TABLE = {name: value for name, value in NAMED.items() if name not in SHARED}
HOURS_8 = 28_800


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Where a gate is on, its ports are this world's."""
    world = World(mode="replace")
    world.hub.mode = "replace"

    def made(_settings: Any, product: Any, **_: Any) -> Any:
        world.having(product=product)
        return world.ports

    monkeypatch.setattr(build, "build", made)
    return world


@pytest.fixture
def flask_app(world: World) -> Flask:
    app = Flask("house")
    app.secret_key = "not a secret of anybody"
    flask_login.LoginManager(app).user_loader(load)

    def who() -> str:
        user = flask_login.current_user
        return user.username if user.is_authenticated else "nobody"

    def enter() -> str:
        if request.method == "POST":
            flask_login.login_user(User(BOB))
        return "the product's own"

    app.add_url_rule("/who", "who", who)
    for path in ("/login", "/modal"):
        app.add_url_rule(path, path, enter, methods=["GET", "POST"])
    return app


def test_p04_p03_flask_closes_the_doors_of_one_host_alone(flask_app: Flask, world: World) -> None:
    LinkMW(flask_app, Product(**HOOKS), **SHARED, hosts={SHOP: {**TABLE, "mode": "replace"}})
    browser = flask_app.test_client()
    person = {"Accept": "text/html"}

    def who(host: str) -> str:
        return browser.get("/who", base_url=f"https://{host}").text

    def copies(source: str, to: str) -> None:
        cookie = browser.get_cookie("session", source)
        assert cookie
        browser.set_cookie("session", cookie.value, domain=to)

    # Asked in any order, so that neither host's watch depends on which came first.
    assert browser.get("/login", base_url=f"https://{SHOP}", headers=person).status_code == 303
    assert browser.post("/login", base_url=f"https://{PLAIN}").text == "the product's own"
    assert who(PLAIN) == "bob"
    assert browser.post("/login", base_url=f"https://{SHOP}", headers=person).status_code == 403
    assert browser.post("/modal", base_url=f"https://{SHOP}").status_code == 200
    assert (who(SHOP), who(PLAIN)) == ("nobody", "bob")
    copies(PLAIN, SHOP)
    world.clock.time += HOURS_8
    assert (who(SHOP), who(PLAIN)) == ("nobody", "bob")
    assert browser.get("/.linkmw/login", base_url=f"https://{PLAIN}").status_code == 404


def test_p04_flask_is_told_each_hosts_own_address(flask_app: Flask, world: World) -> None:
    asked: list[str] = []
    product = Product(**HOOKS, send_reset=lambda _email: asked.append(request.host_url) or True)
    table = {**TABLE, "public_url": f"https://{SHOP}", "mode": "replace"}
    LinkMW(flask_app, product, **SHARED, hosts={SHOP: table})
    flask_app.test_client().get("/login", base_url=f"https://{SHOP}", headers={"Accept": "text/html"})
    from linkmw.http import Request

    environ = {"HTTP_HOST": "evil.example", "wsgi.url_scheme": "http", "REQUEST_METHOD": "POST", "PATH_INFO": "/"}
    world.ports.product.send_reset(Request("POST", "/", raw=environ), "bob@orders.example")
    assert asked == [f"https://{SHOP}/"]


def test_dis12_flask_without_a_product_is_off_at_every_host(flask_app: Flask) -> None:
    before = flask_app.wsgi_app
    LinkMW(flask_app, **SHARED, hosts={SHOP: TABLE})
    assert flask_app.wsgi_app == before
    assert not flask_app.extensions["linkmw"].hosts


def view(_request: Any) -> HttpResponse:
    return HttpResponse("the product's own")


async def async_view(_request: Any) -> HttpResponse:
    return HttpResponse("the product's own")


@pytest.fixture
def two_hosts(_migrated: Any) -> Any:
    hosts = {SHOP: {**TABLE, "mode": "replace"}}
    with override_settings(LINKMW={**SHARED, "HOSTS": hosts}, ALLOWED_HOSTS=[SHOP, PLAIN]):
        yield


@pytest.mark.parametrize(("host", "expected"), [(SHOP, 303), (f"{SHOP.upper()}.:8000", 303), (PLAIN, 200), ("x", 200)])
def test_p04_django_chooses_by_the_host_as_django_reads_it(
    two_hosts: Any, world: World, host: str, expected: int
) -> None:
    made: list[Callable[[Any], Any]] = [LinkMiddleware(view), LinkMiddleware(async_view)]
    asked = {"HTTP_HOST": host, "HTTP_ACCEPT": "text/html"}
    assert made[0](RequestFactory().get("/login", **asked)).status_code == expected
    assert iscoroutinefunction(made[1])
    request = AsyncRequestFactory().get("/login", headers={"accept": "text/html"})
    request.META["HTTP_HOST"] = host  # the factory would add a second one
    assert async_to_sync(made[1])(request).status_code == expected


def test_p04_django_believes_a_proxy_where_the_project_does(two_hosts: Any, world: World) -> None:
    asked = {"HTTP_HOST": PLAIN, "HTTP_X_FORWARDED_HOST": SHOP, "HTTP_ACCEPT": "text/html"}
    assert LinkMiddleware(view)(RequestFactory().get("/login", **asked)).status_code == 200
    with override_settings(USE_X_FORWARDED_HOST=True):
        assert LinkMiddleware(view)(RequestFactory().get("/login", **asked)).status_code == 303


@pytest.mark.usefixtures("_migrated")
def test_p04_dis12_where_no_host_is_on_django_answers_as_ever_and_says_why() -> None:
    hosts = {SHOP: {**TABLE, "client_id": ""}}
    with override_settings(LINKMW={**SHARED, "HOSTS": hosts}, ALLOWED_HOSTS=[SHOP]):
        made = LinkMiddleware(view)  # it stays: the configuration file may switch it on
        assert made(RequestFactory().get("/login", HTTP_HOST=SHOP)).status_code == 200
        (found,) = checks.settings_complete()
    with override_settings(LINKMW={**SHARED, "HOSTS": hosts, "ENABLED": "off"}), pytest.raises(MiddlewareNotUsed):
        LinkMiddleware(view)
    assert f"{SHOP}: LINKMW_CLIENT_ID is not set" in found.msg
