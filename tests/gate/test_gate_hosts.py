"""One process for several hosts and login routes, each with a mode of its own (P-4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.gate.world import SETTINGS, World, header, location

from linkmw import asgi, wsgi
from linkmw.gate import build
from linkmw.gate.hosts import Gates, name_in
from linkmw.gate.in_force import InForce
from linkmw.gate.permits import Permit, write
from linkmw.http import PASS, Decorate, Request, Response
from linkmw.model import Marker
from linkmw.run import run_now
from linkmw.secret import Secret
from linkmw.settings import Settings

PAGE = b"<form><input type=password></form>"
SHOP = replace(
    SETTINGS,
    public_url="https://shop.globex.example",
    organization_id="globex",
    client_id="shop",
    client_secret=Secret("g" * 43),
    redis_prefix="linkmw:shop:",
    mode="replace",
)
OFF_BUT_SHOP = Settings(enabled=False, hosts=(("shop.globex.example", SHOP), ("globex.internal", SHOP)))
BOTH = replace(SETTINGS, hosts=(("shop.globex.example", SHOP),))


# ---- which host


@pytest.mark.parametrize(
    "host",
    [
        "shop.globex.example",
        "SHOP.Globex.example",
        "shop.globex.example:8443",
        "shop.globex.example.",
        "shop.globex.example.:80",
        " shop.globex.example ",
    ],
)
def test_p04_ht09_every_spelling_of_a_host_is_that_host(host: str) -> None:
    assert name_in(host) == "shop.globex.example"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "shop.globex.example.evil.example",
        "xshop.globex.example",
        "shop.globex.example, evil.example",
        "evil.example:shop.globex.example",
        "shop.globex.example/login?",
        "[::1]:80",
    ],
)
def test_p04_um08_any_other_is_served_as_all_others(host: str) -> None:
    gates = Gates(InForce.fixed(OFF_BUT_SHOP), lambda own: own.settings.client_id)
    assert gates.of(host) == ""
    assert list(gates) == ["", "shop", "shop"]


# ---- the shells


class Asked:
    """Which settings the ports were made of, and one world for each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.of: list[str] = []
        monkeypatch.setattr(build, "build", self._build)

    def _build(self, settings: Settings, *_: Any, **__: Any) -> Any:
        self.of.append(settings.client_id)
        world = World()
        world.settings = settings
        world.hub.mode = "replace"
        world.having(doors=world.new_doors())
        return world.ports


def through_wsgi(settings: Settings) -> Callable[[str, str], tuple[str, dict[str, str], bytes]]:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        return [PAGE]

    wrapped = wsgi.wrap(app, product=object(), settings=settings)  # type: ignore[arg-type]

    def get(host: str, path: str) -> tuple[str, dict[str, str], bytes]:
        given: list[Any] = []
        environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "HTTP_HOST": host, "HTTP_ACCEPT": "text/html"}
        body = b"".join(wrapped(environ, lambda *args: given.append(args)))
        return given[0][0], dict(given[0][1]), body

    return get


def through_asgi(settings: Settings) -> Callable[[str, str], tuple[str, dict[str, str], bytes]]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": PAGE})

    wrapped = asgi.wrap(app, product=object(), settings=settings)  # type: ignore[arg-type]

    def get(host: str, path: str) -> tuple[str, dict[str, str], bytes]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", host.encode()), (b"host", b"second.example"), (b"accept", b"text/html")]
        scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
        asyncio.run(wrapped(scope, None, send))  # type: ignore[arg-type]
        named = {name.decode().title(): value.decode() for name, value in sent[0]["headers"]}
        return str(sent[0]["status"]), named, sent[1]["body"]

    return get


@pytest.mark.parametrize("through", [through_wsgi, through_asgi])
def test_p04_two_hosts_in_one_process_one_on_and_one_off(through: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, get = Asked(monkeypatch), through(OFF_BUT_SHOP)
    for path in ("/login", "/.linkmw/login", "/.linkmw/callback"):
        status, headers, body = get("orders.acme.example", path)
        assert (status[:3], body) == ("200", PAGE)
        assert set(headers) == {"Content-Type"}
    assert asked.of == []
    status, headers, _ = get("shop.globex.example:8000", "/login")
    assert (status[:3], headers["Location"]) == ("303", "/.linkmw/login")
    _, headers, _ = get("globex.internal", "/.linkmw/login")
    assert headers["Location"].startswith(f"{SHOP.issuer}/authorize?")
    assert "redirect_uri=https%3A%2F%2Fshop.globex.example%2F.linkmw%2Fcallback" in headers["Location"]
    assert set(asked.of) == {"shop"}


@pytest.mark.parametrize("through", [through_wsgi, through_asgi])
def test_p04_two_hosts_in_one_process_each_with_its_own_client(through: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, get = Asked(monkeypatch), through(BOTH)
    status, _, body = get("orders.example", "/login")
    assert status[:3] == "200"
    assert b"/.linkmw/login" in body
    assert get("shop.globex.example", "/login")[0][:3] == "303"
    assert asked.of == ["orders", "shop"]


def test_p04_where_no_host_is_on_nothing_of_ours_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch)
    off = replace(OFF_BUT_SHOP, hosts=(("shop.globex.example", replace(SHOP, enabled=False)),))
    assert through_wsgi(off)("shop.globex.example", "/login")[2] == PAGE
    assert asked.of == []


def test_p04_sockets_and_lifespan_have_no_host_and_are_the_products() -> None:
    reached: list[str] = []

    async def app(scope: Any, *_: Any) -> None:
        reached.append(scope["type"])

    wrapped = asgi.wrap(app, product=object(), settings=OFF_BUT_SHOP)  # type: ignore[arg-type]
    for kind in ("lifespan", "websocket"):
        asyncio.run(wrapped({"type": kind}, None, None))  # type: ignore[arg-type]
    assert reached == ["lifespan", "websocket"]


# ---- what one host's doors mean at another


def test_p05_pr03_what_opened_while_one_tenant_was_away_opens_nothing_at_anothers_host(tmp_path: Path) -> None:
    orders, shop = (moved(tmp_path, client_id=name) for name in ("orders", "shop"))
    for world in (orders, shop):
        run_now(world.ports.doors.standing())
    shop.hub.healthy = False
    marker = admitted(shop)
    assert isinstance(marker, Marker)
    assert shop.ports.doors.stands(marker) is True
    assert orders.ports.doors.stands(marker) is False


# ---- login routes with a mode of their own

ADMIN, STAFF, PLAIN = "/admin/login/", "/staff/login", "/login"
ROUTES = {
    "mode": "beside",
    "login_paths": (ADMIN, STAFF, PLAIN),
    "login_modes": ((ADMIN, "replace"), (STAFF, "off")),
}


def moved(tmp_path: Path, **settings: Any) -> World:
    world = World(**{"mode": "replace", "break_glass": str(tmp_path / "permits.json"), **settings})
    world.hub.mode = "replace"
    return world


def admitted(world: World) -> object:
    async def name() -> str:
        return "ada"

    return run_now(world.ports.doors.admission(name))


def ask(world: World, method: str, path: str, **headers: str) -> Any:
    return world.answer(Request(method, path, "", {"accept": "text/html", **headers}))


def test_p04_each_login_route_has_its_mode(tmp_path: Path) -> None:
    world = moved(tmp_path, **ROUTES)
    assert location(ask(world, "GET", ADMIN)) == "/.linkmw/login"
    assert ask(world, "POST", ADMIN).status == 403
    assert ask(world, "POST", ADMIN, accept="application/json").status == 401
    assert isinstance(ask(world, "GET", PLAIN), Decorate)
    assert ask(world, "POST", PLAIN) is PASS
    asked = world.hub.asked
    assert (ask(world, "GET", STAFF), ask(world, "POST", STAFF)) == (PASS, PASS)
    assert world.hub.asked == asked, "where linkmw is off the hub is not even asked"


@pytest.mark.parametrize(
    ("hub", "percent", "admin", "plain"),
    [
        ("off", 100, "pass", "pass"),
        ("beside", 100, "button", "button"),
        ("replace", 100, "hub", "button"),
        ("replace", 0, "pass", "pass"),
    ],
)
def test_p04_the_lowest_of_route_and_hub_holds(tmp_path: Path, hub: str, percent: int, admin: str, plain: str) -> None:
    world = moved(tmp_path, **ROUTES)
    world.hub.mode, world.hub.percent = hub, percent
    kinds = {type(PASS): "pass", Decorate: "button", Response: "hub"}
    browser = world.browser()
    browser.get(PLAIN)  # below 100 percent the first answer brings a cookie
    found = [browser.get(path) for path in (ADMIN, PLAIN)]
    assert [kinds[type(one)] for one in found] == [admin, plain]


def test_p04_p03_a_session_of_another_route_needs_no_marker(tmp_path: Path) -> None:
    world = moved(tmp_path, **ROUTES)
    assert admitted(world) == "as_it_is"
    world.clock.time += 10 * 86_400
    assert run_now(world.ports.doors.refuses()) is False
    assert run_now(world.ports.doors.are_shut()) is False
    closed = moved(tmp_path, login_paths=(ADMIN, PLAIN), login_modes=((ADMIN, "replace"), (PLAIN, "replace")))
    assert admitted(closed) == "ended"


def test_p04_p05_a_closed_route_opens_while_a_part_is_away_and_the_other_is_as_in_off(tmp_path: Path) -> None:
    world = moved(tmp_path, **ROUTES)
    assert ask(world, "GET", ADMIN).status == 303
    world.hub.away = True
    assert [ask(world, method, path) for method in ("GET", "POST") for path in (ADMIN, PLAIN)] == [PASS] * 4
    world.hub.away = False
    assert ask(world, "GET", ADMIN).status == 303
    shut = moved(tmp_path, **ROUTES, when_away="closed")
    assert ask(shut, "GET", ADMIN).status == 303
    shut.hub.away = True
    refused = ask(shut, "GET", ADMIN)
    assert (refused.status, header(refused, "Retry-After")) == (503, "1")
    assert f'href="{ADMIN}"' in refused.body.decode()
    assert ask(shut, "GET", PLAIN) is PASS


def test_p04_p07_who_signs_out_is_not_led_back_in_by_the_other_route(tmp_path: Path) -> None:
    from linkmw.gate import sign_out
    from linkmw.model import Session

    world = moved(tmp_path, **ROUTES, sign_out="product")
    run_now(world.store.sessions.put(Session("sid", "17", "i", "h", world.clock(), world.clock() + 60)))
    request = Request("POST", "/logout", "", {"accept": "text/html"})
    answer = run_now(sign_out.ended(world.ports, world.settings, request, Marker("sid", world.clock() + 60)))
    assert location(answer) == "/.linkmw/signed-out"


# ---- no link to a closed door


def error_page(world: World) -> str:
    browser = world.browser()
    browser.get("/.linkmw/prove?record=unknown")
    return browser.page


def test_p03_no_page_of_ours_leads_to_a_closed_door(tmp_path: Path) -> None:
    world = moved(tmp_path)
    page = error_page(world)
    assert "Sign in with your Orders password" not in page
    assert 'href="/login"' not in page
    assert 'href="/.linkmw/login">Start again' in page
    assert "help@acme.example" in page
    assert location(world.browser().get("/.linkmw/sign-in?next=/orders")) == "/.linkmw/login?next=%2Forders"


def test_p03_p05_it_does_where_the_door_is_open(tmp_path: Path) -> None:
    world = moved(tmp_path)
    world.hub.mode = "beside"
    assert 'href="/login"' in error_page(world)
    world.hub.mode, world.hub.percent = "replace", 50
    assert 'href="/login"' in error_page(world), "a browser that was never counted"
    world.hub.percent = 100
    error_page(world)
    world.hub.away = True
    assert 'href="/login"' in error_page(world)
    world.hub.away = False
    assert 'href="/login"' not in error_page(world)
    write(Path(world.settings.break_glass), [Permit("a permit", "ada", world.clock() + 900)])
    world.clock.time += 1
    assert 'href="/login"' in error_page(world)


def test_p04_it_leads_to_the_route_that_has_a_form(tmp_path: Path) -> None:
    assert f'href="{STAFF}"' in error_page(moved(tmp_path, **ROUTES))


def test_p04_below_100_percent_not_for_a_browser_that_is_led_past_it(tmp_path: Path) -> None:
    world = moved(tmp_path)
    world.hub.percent = 50
    led = set()
    for _ in range(20):
        browser = world.browser()
        led_past = isinstance(browser.get(PLAIN), Response)
        if not led_past:
            continue
        browser.get("/.linkmw/prove?record=unknown")
        led.add('href="/login"' in browser.page)
    assert led == {False}
