"""The configuration file changes under a running product: what follows, how soon, and what a bad file does."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.gate.test_gate_shells import Asgi, Wsgi, asgi_html, html
from tests.gate.world import ADA, SETTINGS, SITE, Browser, World, location

from linkmw import asgi, wsgi
from linkmw.gate import in_force, routes, under_way
from linkmw.gate.guard import Guard, stands_while_off
from linkmw.gate.in_force import LOOK_SECONDS, InForce, following
from linkmw.http import PASS, Request, Response
from linkmw.model import Marker
from linkmw.run import run_now
from linkmw.settings import Settings, load

ON = {
    "hub_url": SETTINGS.hub_url,
    "public_url": SITE,
    "organization_id": "acme",
    "client_id": "orders",
    "client_secret": str(SETTINGS.client_secret),
    "redis_url": "redis://127.0.0.1:1/0",
}
COOKIE = "__Host-linkmw-0123abcd=x"
PAGE = b"<html><body><form><input type=password></form></body></html>"


class File:
    """The configuration file of this test."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def says(self, text: str = "", **values: str) -> None:
        new = self.path.with_suffix(".new")
        new.write_text("".join(f'{name} = "{value}"\n' for name, value in values.items()) + text)
        new.chmod(0o600)
        os.replace(new, self.path)

    def on(self) -> None:
        self.says(**ON)

    def off(self, ago: int = 0, more: str = "") -> None:
        moment = datetime.fromtimestamp(int(time.time()) - ago, UTC).isoformat()
        self.says(f"enabled = false\ndisabled_at = {moment}\n{more}", hub_url=ON["hub_url"], public_url=SITE)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> File:
    for name in [name for name in os.environ if name.startswith("LINKMW_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "linkmw.toml"
    monkeypatch.setenv("LINKMW_CONFIG", str(path))
    return File(path)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def followed(clock: Clock) -> InForce:
    return InForce(load, Path(os.environ["LINKMW_CONFIG"]), clock=clock)


def test_dis02_a_change_is_seen_within_a_second_and_the_file_is_asked_about_no_oftener(
    file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.on()
    clock = Clock()
    settings = followed(clock)
    asked: list[object] = []
    stamp = in_force._stamp
    monkeypatch.setattr(in_force, "_stamp", lambda path: asked.append(path) or stamp(path))
    file.off()
    clock.now = LOOK_SECONDS - 0.01
    assert [settings.look() for _ in range(1000)] == [False] * 1000
    assert asked == []
    assert settings.settings.on
    clock.now = LOOK_SECONDS
    assert [settings.look() for _ in range(1000)] == [True] + [False] * 999
    assert len(asked) == 1
    assert not settings.settings.on


@pytest.mark.parametrize("text", ["not toml", 'mode = "besides"\n', "client_secert = 1\n", ""])
def test_cf07_a_file_that_turns_bad_changes_nothing_and_is_said_once(
    file: File, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    file.on()
    clock = Clock()
    settings = followed(clock)
    before = settings.settings
    file.says(text)
    for _ in range(5):
        clock.now += LOOK_SECONDS
        assert settings.look() is False
    assert settings.settings is before
    assert len([record for record in caplog.records if "cannot be used" in record.message]) == 1
    assert ON["client_secret"] not in caplog.text
    file.off()
    clock.now += LOOK_SECONDS
    assert settings.look() is True
    assert not settings.settings.on


def test_cf07_a_file_that_is_gone_changes_nothing_and_is_said(file: File, caplog: pytest.LogCaptureFixture) -> None:
    file.on()
    settings = followed(Clock())
    file.path.unlink()
    assert settings.look_now() is False
    assert settings.look_now() is False
    assert settings.settings.on
    assert caplog.text.count("is gone") == 1


def test_dis12_a_bad_file_at_start_is_off_until_it_is_mended(file: File) -> None:
    file.says("not toml")
    settings = followed(Clock())
    assert not settings.settings.on
    file.on()
    assert settings.look_now()
    assert settings.settings.on


def test_dis12_what_the_environment_said_at_start_holds(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    file.on()
    monkeypatch.setenv("LINKMW_ENABLED", "on")
    settings = following()
    file.off(
        more="".join(
            f'{name} = "{ON[name]}"\n' for name in ("organization_id", "client_id", "client_secret", "redis_url")
        )
    )
    monkeypatch.setenv("LINKMW_ENABLED", "off")
    settings.look_now()
    assert settings.settings.on


@pytest.mark.parametrize(
    ("environment", "configured", "may"),
    [
        ({}, {}, True),
        ({"LINKMW_ENABLED": "on"}, {}, True),
        ({"LINKMW_ENABLED": "off"}, {}, False),
        ({"LINKMW_ENABLED": "off"}, {"enabled": True}, False),
        ({}, {"ENABLED": False}, False),
    ],
)
def test_dis12_p01_nothing_is_claimed_where_the_file_cannot_switch_it_on(
    file: File, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], configured: dict[str, Any], may: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert following(configured).may_be_on is may
    shell = wsgi.LinkMiddleware(html, product=World().product, in_force=following(configured))
    assert (shell._claims is not None) is may


def in_wsgi(monkeypatch: pytest.MonkeyPatch) -> Wsgi:
    product = Wsgi(html, monkeypatch, World())
    product.app = wsgi.LinkMiddleware(html, product=World().product)
    return product


def in_asgi(monkeypatch: pytest.MonkeyPatch) -> Asgi:
    product = Asgi(asgi_html, monkeypatch, World())
    product.app = asgi.LinkMiddleware(asgi_html, product=World().product)
    return product


@pytest.fixture(params=[in_wsgi, in_asgi])
def product(request: pytest.FixtureRequest, file: File, monkeypatch: pytest.MonkeyPatch) -> Any:
    file.on()
    made = request.param(monkeypatch)
    made.sleeps = lambda: setattr(made.app._in_force, "_until", 0.0)  # a second has passed
    return made


def cookie(product: Any, value: str = COOKIE) -> dict[str, Any]:
    return {"HTTP_COOKIE": value} if isinstance(product, Wsgi) else {"headers": [(b"cookie", value.encode())]}


def status(product: Any) -> int:
    started = product.started[-1][0] if isinstance(product, Wsgi) else product.sent[0]["status"]
    return int(str(started)[:3])


def test_dis02_dis09_off_and_on_again_under_a_running_product(product: Any, file: File) -> None:
    assert b"Sign in with ACME ID" in product("/login")
    file.off()
    product.sleeps()
    assert product("/login") == PAGE
    assert product("/login", **cookie(product)) == PAGE
    file.on()
    product.sleeps()
    assert b"Sign in with ACME ID" in product("/login")


def test_dis01_what_was_never_configured_is_switched_on_without_a_restart(
    file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = in_wsgi(monkeypatch)
    assert product("/login") == PAGE
    file.on()
    product.app._in_force._until = 0.0
    assert b"Sign in with ACME ID" in product("/login")


def test_pr25_cf03_who_is_under_way_ends_at_the_native_login(product: Any, file: File) -> None:
    file.off(ago=under_way.SECONDS - 60)
    product.sleeps()
    for path, method in (("/.linkmw/callback", "GET"), ("/.linkmw/prove", "POST"), ("/.linkmw/second-factor", "POST")):
        product(path, method, **cookie(product))
        assert (status(product), product.headers["location"]) == (303, "/login")


def test_pr25_everything_else_is_the_products_own_at_once(product: Any, file: File) -> None:
    file.off()
    product.sleeps()
    assert product("/.linkmw/callback") == PAGE
    assert product("/.linkmw/callback", **cookie(product, "__Host-linkmw-language=de; session=x")) == PAGE
    assert product("/orders", **cookie(product)) == PAGE
    file.off(ago=under_way.SECONDS)
    product.sleeps()
    assert product("/.linkmw/callback", **cookie(product)) == PAGE


def test_a_request_that_is_none_of_ours_asks_neither_clock_nor_file(product: Any, file: File) -> None:
    def asked() -> float:
        raise AssertionError("the clock was asked")

    product.app._in_force._clock = asked
    file.off()
    assert product("/orders") == PAGE
    assert product.app._settings.on


# --- races --------------------------------------------------------------------------------------


def test_rc08_cf03_a_redeem_under_way_when_it_is_switched_off_begins_no_session(person: Browser, world: World) -> None:
    off = False
    redeem = world.hub.redeem

    async def slow(*args: Any) -> Any:
        nonlocal off
        off = True  # `linkmw disable`, while the hub answers
        return await redeem(*args)

    world.hub.redeem = slow  # type: ignore[method-assign]
    world.having(is_over=lambda: off)
    answer = person.returns(person.starts()["state"])
    assert (answer.status, location(answer)) == (303, "/login")
    assert (person.account, world.product.sessions) == ("", {})
    assert len(world.hub.redeemed) == 1


def test_rc08_cf03_a_proof_under_way_begins_none_either_and_tells_the_hub_nothing(
    person: Browser, world: World
) -> None:
    person.arrives()
    world.having(is_over=lambda: True)
    answer = person.submit(username="ada", password="correct horse")
    assert (answer.status, location(answer)) == (303, "/login")
    assert (person.account, world.hub.pushed) == ("", [])


def test_rc08_a_shell_looks_at_the_file_itself_before_a_session_begins(product: Any, file: File) -> None:
    product("/login")
    settings = product.app._settings
    file.off()
    assert product.app._is_over(settings)
    file.on()
    assert not product.app._is_over(settings)
    file.says(**{**ON, "client_id": "orders-2"})
    assert product.app._is_over(settings)


# --- sessions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("disabled", "since", "sid", "stands"),
    [
        (100, 0, "sid", True),
        (100, 100, "sid", False),
        (100, 250, "sid", False),  # asked for later
        (300, 250, "sid", True),  # of an earlier time
        (100, 100, "native:away", True),  # no link opened it
    ],
)
def test_dis10_while_off_sessions_stand_unless_they_were_ended(
    disabled: int, since: int, sid: str, stands: bool
) -> None:
    settings = Settings(enabled=False, disabled_at=disabled, sessions_since=since)
    assert stands_while_off(settings, Marker(sid, 1000)) is stands


def test_dis10_what_was_ended_stays_ended_once_linkmw_is_on_again(person: Browser, world: World) -> None:
    person.returns(person.starts()["state"])
    _, marker = world.product.sessions[person.cookies["session"]]
    assert marker is not None
    assert person.account == ADA.account_id
    for since, stands in ((world.clock(), True), (world.clock() + 1, False)):
        guard = Guard(world.ports.sessions, world.clock, since=since)
        assert run_now(guard.stands(marker)) is stands


@pytest.mark.parametrize(
    ("path", "sent", "ago", "answered"),
    [
        ("/.linkmw/callback", COOKIE, 0, True),
        ("/.linkmw/callback", f"session=1; {COOKIE}; x=2", 1799, True),
        ("/.linkmw/callback", COOKIE, 1800, False),
        ("/.linkmw/callback", COOKIE, -1, False),
        ("/.linkmw/callback", "x__Host-linkmw-0123abcd=x", 0, False),
        ("/login", COOKIE, 0, False),
    ],
)
def test_pr25_who_counts_as_under_way(path: str, sent: str, ago: int, answered: bool) -> None:
    settings = Settings(enabled=False, public_url="https://x.example/shop", disabled_at=10_000, login_paths=("/in",))
    answer = under_way.answer(settings, Request("GET", path, headers={"cookie": sent}), 10_000 + ago)
    if answered:
        assert isinstance(answer, Response)
        assert (answer.status, location(answer)) == (303, "/shop/in")
    else:
        assert answer is PASS


# --- no page does it ----------------------------------------------------------------------------


def test_dis04_no_route_of_the_gate_changes_the_switch(product: Any, file: File) -> None:
    """Every route, and a few that somebody might hope for, with everything that could mean "off"."""
    before = file.path.read_bytes()
    body = b"enabled=false&disable=1&mode=off&percent=0&confirm=yes"
    names = {name for _, name in routes._TABLE} | {"disable", "enable", "off", "switch", "settings", "admin", "config"}
    for name in sorted(names):
        for method in ("GET", "POST", "PUT", "DELETE"):
            form = {"CONTENT_TYPE": "application/x-www-form-urlencoded", "QUERY_STRING": body.decode()}
            if isinstance(product, Wsgi):
                product(f"/.linkmw/{name}", method, body, HTTP_ORIGIN=SITE, **form, **cookie(product))
            else:
                headers = [(b"origin", SITE.encode()), (b"content-type", form["CONTENT_TYPE"].encode())]
                headers += cookie(product)["headers"]
                product(f"/.linkmw/{name}", method, [body], headers=headers, query_string=body)
            assert file.path.read_bytes() == before, name
    product.sleeps()
    assert b"Sign in with ACME ID" in product("/login")


def test_dis03_only_the_login_routes_in_the_settings_are_touched(product: Any, file: File) -> None:
    file.says('login_paths = ["/admin/login/"]\n', **ON)
    product.sleeps()
    product("/login")  # notices; from now on it is no route of ours
    assert product("/login") == PAGE
    assert b"Sign in with ACME ID" in product("/admin/login/")


def test_dis02_p04_each_hosts_gate_follows_the_file(file: File) -> None:
    shop = (
        '[hosts."shop.example"]\npublic_url = "https://shop.example"\norganization_id = "globex"\nclient_id = "shop"\n'
    )
    shop += f'client_secret = "{SETTINGS.client_secret}"\n'
    file.says(shop, **ON)
    main = following()
    others, own = main.at(None), main.at("shop.example")
    assert [others.settings.client_id, own.settings.client_id] == ["orders", "shop"]
    assert others.settings.hosts == ()

    file.says(f"enabled = false\n{shop}", **ON)
    assert others.look_now()
    assert own.look_now()
    assert (others.settings.on, own.settings.on) == (False, False)

    file.says(**ON)  # a host that is named no more is as any other
    assert own.look_now()
    assert own.settings.client_id == "orders"
