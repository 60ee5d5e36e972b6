"""`linkmw doctor` in products of the demo, with each part really made to fail (OPS-1)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware

import linkmw.asgi
import linkmw.wsgi
import linkmw_starlette
from linkmw.cli.doctor import catalogue, wiring
from linkmw.cli.doctor import product as doctor
from linkmw.cli.doctor.findings import Finding
from linkmw.cli.main import main
from linkmw.demo.hub import Hub
from linkmw.demo.parts.processes import child_environment, free_port
from linkmw.demo.product import ProductServer
from linkmw.demo.stage import Stage
from linkmw.settings import load
from linkmw.switch import Mode

COMPLETE = {
    "LINKMW_HUB_URL": "https://hub.example.com",
    "LINKMW_PUBLIC_URL": "https://orders.example.com",
    "LINKMW_ORGANIZATION_ID": "acme",
    "LINKMW_CLIENT_ID": "orders-1",
    "LINKMW_CLIENT_SECRET": "s" * 43,
    "LINKMW_REDIS_URL": "redis://127.0.0.1:1/0",
}
TWICE = """
from linkmw.wsgi import LinkMiddleware


def inner(environ, start_response):
    return []


application = LinkMiddleware(LinkMiddleware(inner, product=None), product=None)
"""
PAGE = '<!doctype html><form><input type="password"></form>'


@pytest.fixture(scope="module")
def wiki(products: dict[str, ProductServer]) -> ProductServer:
    return products["wiki"]


def seen(product: ProductServer, *, ahead: float = 0, at: str = "", **changed: str) -> dict[str, Finding]:
    """What the doctor finds in this product, started with other values."""
    environ = {**product.environment(), "LINKMW_LOGIN_PATHS": product.plan.login_path, **changed}
    asked = wiring.Product(load({}, environ), {})
    found = doctor.findings(asked, environ, at=at or product.internal_url, now=lambda: time.time() + ahead)
    return {one.check: one for one in found}


def not_ok(found: dict[str, Finding]) -> set[str]:
    return {name for name, one in found.items() if one.standing != "ok"} - {"redis.version"}


@contextmanager
def page(body: str = PAGE, status: int = 200, **headers: str) -> Iterator[str]:
    """A product of which nothing is known but its login page."""

    class Product(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Product)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_ops01_a_product_as_it_should_be(wiki: ProductServer) -> None:
    found = seen(wiki)
    assert not_ok(found) == set()
    assert found["login"].found == "has the button"
    assert found["mode"].found == "beside: at the hub beside for 100 percent, here beside"
    shown = "\n".join(found["settings"].details)
    assert f"LINKMW_PUBLIC_URL = {wiki.url} (environment)" in shown
    assert "LINKMW_CLIENT_SECRET = *** (environment)" in shown
    assert wiki.environment()["LINKMW_CLIENT_SECRET"] not in shown


@pytest.mark.parametrize(
    ("kind", "here", "hub", "checks", "standing", "says"),
    [
        ("", "beside", "beside", None, "ok", "by linkmw's form, if the adapter checks passwords"),
        ("", "beside", "beside", True, "ok", "by linkmw's form"),
        ("", "beside", "beside", False, "ok", "by the product's own login"),
        ("native", "beside", "replace", None, "ok", "by the product's own login"),
        ("native", "replace", "beside", True, "ok", "by the product's own login"),
        ("", "replace", "replace", True, "ok", "by linkmw's form"),
        ("native", "replace", "replace", True, "ok", "by linkmw's form: replace closes the product's own login"),
        ("native", "replace", "replace", None, "warning", "if the adapter checks passwords: replace closes"),
        ("native", "replace", "replace", False, "wrong", "by nothing: replace closes the product's own login"),
        ("", "replace", "replace", False, "wrong", "by nothing: replace closes the product's own login"),
    ],
)
def test_pr03_ops01_a_product_that_cannot_prove_an_account_in_replace_is_told(
    kind: str, here: str, hub: Mode, checks: bool | None, standing: str, says: str
) -> None:
    settings = replace(load({}, COMPLETE), proof=kind, mode=here)  # type: ignore[arg-type]
    found = doctor.proof(settings, hub, checks)
    assert (found.standing, says in found.found) == (standing, True)


class Passwordless:
    checks_passwords = False


@pytest.mark.usefixtures("complete")
def test_pr03_whether_an_adapter_checks_passwords_is_read_from_the_application(tmp_path: Path) -> None:
    (tmp_path / "seen.py").write_text(
        "import tests.cli.test_doctor_product as known\n"
        "from linkmw.wsgi import wrap\n"
        "bare = lambda environ, start_response: []\n"
        "form, native = wrap(bare, product=object()), wrap(bare, product=known.Passwordless())\n"
        "deeper = known.Starlette(middleware=[known.Middleware(known.linkmw_starlette.LinkMiddleware, "
        "product=known.Passwordless())])\n"
    )
    found = [wiring.read(f"seen:{name}").checks_passwords for name in ("bare", "form", "native", "deeper")]
    assert found == [None, True, False, False]


def test_ops01_a_wrong_secret_is_said_to_be_just_that(wiki: ProductServer) -> None:
    found = seen(wiki, LINKMW_CLIENT_SECRET="w" * 43)
    assert not_ok(found) == {"client"}
    assert "LINKMW_CLIENT_SECRET" in found["client"].advice
    assert "w" * 43 not in repr(found)


def test_ops01_a_hub_that_is_away_or_none_is_said(wiki: ProductServer) -> None:
    away = seen(wiki, LINKMW_HUB_INTERNAL_URL=f"http://127.0.0.1:{free_port()}")
    assert not_ok(away) == {"hub"}
    with page("<h1>It works!</h1>") as url:
        assert "cannot be read" in seen(wiki, LINKMW_HUB_INTERNAL_URL=url)["hub"].found
    with page(json.dumps({"v": 9})) as url:
        assert "another protocol" in seen(wiki, LINKMW_HUB_INTERNAL_URL=url)["hub"].found


@pytest.mark.parametrize(("ahead", "says"), [(60, "behind this"), (-60, "ahead of this")])
def test_ops01_cf10_a_clock_that_is_off_is_red(wiki: ProductServer, ahead: int, says: str) -> None:
    found = seen(wiki, ahead=ahead)
    assert not_ok(found) == {"clock", "redis.clock"}
    assert says in found["clock"].found


def test_ops01_pr16_the_hubs_own_redis_is_no_redis_of_a_product(wiki: ProductServer, hub: Hub) -> None:
    import redis

    with redis.Redis.from_url(hub.redis.url) as connection:
        connection.set("linkmw-hub:of-a-test", "1", ex=60)
    assert not_ok(seen(wiki, LINKMW_REDIS_URL=hub.redis.url)) == {"redis.own"}


def test_ops01_pr16_the_hubs_host_is_none_for_a_product(wiki: ProductServer) -> None:
    assert "host" in not_ok(seen(wiki, LINKMW_PUBLIC_URL="http://hub.localhost:1"))


def test_ops01_pr19_pr24_what_a_login_page_lacks_and_what_it_says_of_the_product(wiki: ProductServer) -> None:
    with page() as url:
        assert seen(wiki, at=url)["login"].found == "answers without the button"
    with page(status=404) as url:
        assert seen(wiki, at=url)["login"].found == "answers HTTP 404"
    away = seen(wiki, at=f"http://127.0.0.1:{free_port()}")["login"]
    assert (away.standing, "--at" in away.advice) == ("warning", True)
    with page(PAGE + "<script>navigator.serviceWorker.register('/sw.js')</script>") as url:
        assert not_ok(seen(wiki, at=url)) == {"login", "service-worker"}
    with page(set_cookie="session=1; Path=/; SameSite=Strict; HttpOnly") as url:
        assert "SameSite=Strict" in seen(wiki, at=url)["cookie"].found
    with page(set_cookie="session=1; Path=/") as url:
        assert "not Secure" in seen(wiki, at=url, LINKMW_PUBLIC_URL="https://wiki.example.com")["cookie"].found


def test_ops01_off_and_at_the_way_to_the_hub_a_page_without_a_button_is_right(wiki: ProductServer) -> None:
    with page() as url:
        off = seen(wiki, at=url, LINKMW_ENABLED="off")
        assert (off["switch"].standing, off["login"].standing) == ("warning", "ok")
    with page(status=303, location=f"{wiki.url}/.linkmw/login?next=/") as url:
        assert seen(wiki, at=url)["login"].found == "leads to the hub"
    with page(status=303, location="/.linkmw/sign-in?next=%2F") as url:
        assert seen(wiki, at=url)["login"].found == "is behind our page with the button"


def test_ops01_cf05_settings_that_are_wrong_are_named(wiki: ProductServer) -> None:
    weak = seen(wiki, LINKMW_CLIENT_SECRET="changeme")
    assert (weak["settings"].standing, "changeme" in repr(weak)) == ("wrong", False)
    assert (
        "LINKMW_PUBLIC_URL must begin with https://"
        in seen(wiki, LINKMW_PUBLIC_URL="http://x.example")["settings"].found
    )


def test_ops01_cf06_cf10_the_hub_of_the_demo_is_green_down_to_its_products_and_keycloaks_version(stage: Stage) -> None:
    environment = child_environment(
        {**stage.hub.settings, "LINKMW_KEYCLOAK_ADMIN_PASSWORD": stage.keycloak.admin_password}
    )
    command = [str(Path(sys.executable).with_name("linkmw")), "hub", "doctor", "--json"]
    done = subprocess.run(
        command, cwd=stage.folder / "hub", env=environment, capture_output=True, text=True, timeout=120
    )
    found = json.loads(done.stdout)["findings"]
    assert done.returncode == 0, [one for one in found if one["standing"] == "wrong"]
    assert {one["check"] for one in found if one["standing"] != "ok"} <= {"redis.version"}
    silent = {"host", "proof"}  # no product of the demo's has hosts, and none of these is in `replace`
    assert {one["check"] for one in found} == {check.name for check in catalogue.AT_THE_HUB} - silent
    assert {one["of"] for one in found if one["check"] == "product"} == {
        product.client_id for product in stage.products.values()
    }
    for secret in stage.kept.secrets():
        assert secret not in done.stdout + done.stderr


# --- how it is wired ----------------------------------------------------------------------------


def django(product: ProductServer, settings: str, **changed: str) -> dict[str, dict[str, str]]:
    """The doctor in a Django project: `settings` come after the demo's own."""
    folder = product.database.parent / "doctor"
    folder.mkdir(exist_ok=True)
    (folder / "their_settings.py").write_text(f"from linkmw.demo.products.orders.settings import *\n{settings}\n")
    command = [
        str(Path(sys.executable).with_name("linkmw")),
        "doctor",
        "--json",
        "--at",
        product.internal_url,
    ]
    environment = child_environment(
        {
            **product.environment(),
            "DJANGO_SETTINGS_MODULE": "their_settings",
            "DEMO_DATABASE": str(product.database),
            **changed,
        }
    )
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return {one["check"]: one for one in json.loads(done.stdout)["findings"]}


def test_ops01_a_django_project_is_seen_whole(products: dict[str, ProductServer]) -> None:
    orders = products["orders-wsgi"]
    found = django(orders, "")
    assert found["middleware"]["found"] == "in its place"
    assert {name for name, one in found.items() if one["standing"] == "wrong"} == set()
    assert any("the framework's configuration" in line for line in found["settings"]["details"])
    in_front = "MIDDLEWARE = MIDDLEWARE[-1:] + MIDDLEWARE[:-1] + MIDDLEWARE[-1:]"
    loose = django(orders, in_front, LINKMW_PUBLIC_URL="https://orders.example.com")
    assert loose["middleware"]["standing"] == "wrong"
    assert loose["cookie"]["found"] == "SESSION_COOKIE_SECURE is off"


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("LINKMW_", "DJANGO_"))]:
        monkeypatch.delenv(name)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)


def wired(application: object) -> list[tuple[str, str]]:
    found = wiring.findings(wiring.Product(load(), {}, application))
    return [(one.standing, one.found) for one in found]


@pytest.mark.usefixtures("complete")
def test_ops01_an_application_is_wrapped_once_and_inside_its_sessions() -> None:
    flask = Flask("product")
    assert wired(flask) == [("wrong", "the application is not wrapped")]
    flask.wsgi_app = linkmw.wsgi.wrap(flask.wsgi_app, product=object())  # type: ignore[method-assign,arg-type]
    assert wired(flask) == [("ok", "wrapped once")]
    flask.wsgi_app = linkmw.wsgi.LinkMiddleware(flask.wsgi_app, product=object())  # type: ignore[method-assign,arg-type]
    assert wired(flask) == [("wrong", "wrapped 2 times")]
    ours = Middleware(linkmw_starlette.LinkMiddleware, product=object())
    sessions = Middleware(SessionMiddleware, secret_key="k" * 32)
    assert wired(Starlette(middleware=[sessions, ours])) == [("ok", "wrapped once")]
    behind = wired(Starlette(middleware=[ours, sessions]))
    assert behind[-1] == ("wrong", "LinkMiddleware is in front of SessionMiddleware")
    twice = linkmw.asgi.LinkMiddleware(Starlette(middleware=[sessions, ours]), product=object())  # type: ignore[arg-type]
    assert wired(twice)[0] == ("wrong", "wrapped 2 times")


@pytest.mark.usefixtures("complete")
def test_ops01_the_application_is_named_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "their_product.py").write_text(TWICE)
    result = CliRunner().invoke(main, ["doctor", "--app", "their_product:application", "--json"])
    assert result.exit_code == 1
    found = {one["check"]: one for one in json.loads(result.stdout)["findings"]}
    assert found["middleware"]["found"] == "wrapped 2 times"
    assert CliRunner().invoke(main, ["doctor", "--app", "no_such_module"]).exit_code == 2


@pytest.mark.usefixtures("complete")
def test_ops01_on_the_screen_it_is_a_line_each_and_a_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(main, ["doctor"])
    assert (result.exit_code, "Traceback" in result.output, "s" * 43 in result.output) == (1, False, False)
    assert result.output.splitlines()[-1].endswith("to look at.")
    assert "→ is `linkmw hub serve` running" in result.output
    for name in COMPLETE:
        monkeypatch.delenv(name)
    nothing = CliRunner().invoke(main, ["doctor"])
    assert (nothing.exit_code, "switch" in nothing.output) == (0, True)
    assert CliRunner().invoke(main, ["doctor", "--strict"]).exit_code == 1
