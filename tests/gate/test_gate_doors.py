"""`replace`: the login route leads to the hub, and what opens or closes the product's own doors."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from tests.gate.world import ADA, HUB, Browser, FakeHub, World, header, heading, location

from linkmw.errors import Unavailable
from linkmw.gate.button import decorate
from linkmw.gate.guard import Guard
from linkmw.gate.permits import Permit, read, write
from linkmw.gate.ports import Branding
from linkmw.http import PASS, Decorate, Request, Response
from linkmw.model import Marker
from linkmw.run import run_now

HOURS_8 = 28_800


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(mode="replace", break_glass=str(tmp_path / "permits.json"))
    world.hub.mode = "replace"
    return world


def permit(world: World, account: str = "ada", minutes: int = 15) -> None:
    write(Path(world.settings.break_glass), [Permit("a permit", account, world.clock() + minutes * 60)])
    world.clock.time += 1  # the file is looked at once a second


def admitted(world: World, username: str = "ada") -> object:
    async def name() -> str:
        return username

    return run_now(world.ports.doors.admission(name))


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [json.loads(one.message)["event"] for one in caplog.records if one.name == "linkmw.audit"]


# ---- the login route


def test_p03_the_login_route_leads_to_the_hub(person: Browser) -> None:
    answer = person.get("/login?next=/orders")
    assert (answer.status, location(answer)) == (303, "/.linkmw/login?next=%2Forders")
    way = person.follow(answer)
    assert location(way).startswith(f"{HUB}/o/orders/authorize?")


def test_p03_a_password_is_turned_away_politely(person: Browser, world: World) -> None:
    answer = person.post("/login", {"username": "ada", "password": "correct horse"}, accept="text/html")
    assert answer.status == 403
    assert 'href="/.linkmw/login"' in person.page
    assert "Sign in with ACME ID" in person.page
    assert world.product.asked == []


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH"])
@pytest.mark.parametrize(
    "headers",
    [
        {"accept": "application/json"},
        {"accept": "*/*", "x-requested-with": "XMLHttpRequest"},
        {"accept": "*/*", "sec-fetch-dest": "empty"},
        {"accept": "*/*", "content-type": "application/json"},
    ],
)
def test_p06_scripts_get_401_and_a_link_of_this_site(world: World, method: str, headers: dict[str, str]) -> None:
    answer = world.answer(Request(method, "/login", "", headers))
    assert isinstance(answer, Response)
    assert answer.status == 401
    assert header(answer, "Link") == '</.linkmw/login>; rel="login"'
    assert location(answer) == ""
    assert json.loads(answer.body)["sign_in"] == "/.linkmw/login"


@pytest.mark.parametrize("path", ["/password-reset", "/login/", "/", "/logout"])
def test_pr26_every_other_route_stays_the_products(world: World, path: str) -> None:
    for method in ("GET", "POST"):
        assert world.answer(Request(method, path, "", {"accept": "text/html"})) is PASS


def test_pr02_no_request_of_a_visitors_opens_a_door(person: Browser, world: World) -> None:
    for query in ("next=%ff", "a=" + "b" * 20_000, "&".join("a=1" for _ in range(100)), "native=1"):
        answer = person.send(Request("GET", "/login", query, {"accept": "text/html"}))
        assert isinstance(answer, Response), query
        assert answer.status in (303, 400, 413)
    person.get("/.linkmw/callback?state=x&code=y")
    assert person.post("/login", accept="text/html").status == 403


def test_pr02_a_slow_flow_over_the_visitors_own_connections_opens_nothing(person: Browser, world: World) -> None:
    async def exhausted(*_: object) -> None:
        raise Unavailable("no connection is free")

    world.having(ping=exhausted)
    assert location(person.get("/login")).startswith("/.linkmw/login")


def test_p07_pr20_who_signed_out_is_told_so_and_not_sent_back_in(person: Browser, world: World) -> None:
    from linkmw.gate import sign_out
    from linkmw.model import Session

    for scope in ("everywhere", "product"):
        world.settings = World(mode="replace", sign_out=scope).settings
        run_now(world.store.sessions.put(Session("sid", ADA.account_id, "i", "h", world.clock(), world.clock() + 60)))
        request = Request("POST", "/logout", "", {"accept": "text/html"})
        answer = run_now(sign_out.ended(world.ports, world.settings, request, Marker("sid", world.clock() + 60)))
        assert answer is not None
        assert location(answer).startswith("/.linkmw/sign-out?" if scope == "everywhere" else "/.linkmw/signed-out")
    person.follow(answer)
    assert heading(person.page) == "You are signed out"
    assert 'href="/.linkmw/login"' in person.page


# ---- percent


def test_p03_below_100_percent_nothing_is_closed(world: World) -> None:
    world.hub.percent = 99
    answers = [world.browser().post("/login", accept="text/html") for _ in range(20)]
    assert answers == [PASS] * 20
    assert admitted(world) == "as_it_is"
    assert run_now(world.ports.doors.refuses()) is False


@pytest.mark.parametrize("mode", ["beside", "replace"])
def test_p04_pr15_the_same_browsers_see_it_each_time(world: World, mode: str) -> None:
    world.hub.mode, world.hub.percent = mode, 30
    sees = []
    for _ in range(200):
        person = world.browser()
        answer = person.get("/login")
        assert not isinstance(answer, type(PASS)), "whoever is new gets a cookie, in the share or not"
        [cookie] = [value for name, value in answer.headers if name == "Set-Cookie"]
        person._keep(cookie)
        again = [person.get("/login") for _ in range(3)]
        sees.append(all(one is not PASS for one in again))
        assert all((one is PASS) == (again[0] is PASS) for one in again)
        if sees[-1]:
            assert isinstance(again[0], Response if mode == "replace" else Decorate)
    assert 30 < sum(sees) < 90


def test_p04_more_percent_never_drops_a_browser(world: World) -> None:
    person = world.browser()
    world.hub.percent = 1
    person._keep(next(value for name, value in person.get("/login").headers if name == "Set-Cookie"))
    seen = []
    for world.hub.percent in range(1, 100):
        seen.append(person.get("/login") is not PASS)
    assert seen == sorted(seen)


def test_p04_the_cookie_alone_changes_no_byte_of_a_page() -> None:
    page = b"<html><form><input type=password></form></html>"
    found = decorate((("Content-Type", "text/html"),), page, Decorate(headers=(("Set-Cookie", "a=b"),)))
    assert found is not None
    assert found[1] == page
    assert ("Set-Cookie", "a=b") in found[0]
    assert ("Content-Length", str(len(page))) in found[0]


def test_p01_below_replace_the_doors_are_never_asked_about(world: World) -> None:
    beside = World(mode="beside")
    beside.hub.mode = "replace"
    assert beside.browser().post("/login") is PASS
    assert beside.hub.asked == 0
    world.hub.mode = "beside"
    assert isinstance(world.browser().get("/login"), Decorate)
    assert world.browser().post("/login") is PASS


# ---- away


@pytest.mark.parametrize("part", ["hub", "keycloak", "redis"])
def test_p05_the_native_doors_open_while_a_part_is_away_and_close_by_themselves(
    person: Browser, world: World, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "linkmw.audit")
    assert person.get("/login").status == 303
    for _ in range(2):
        world.hub.away, world.hub.healthy, world.redis_away = part == "hub", part != "keycloak", part == "redis"
        assert [person.get("/login"), person.post("/login")] == [PASS, PASS]
        assert admitted(world) == Marker("native:away:orders", world.clock() + HOURS_8)
        world.hub.away, world.hub.healthy, world.redis_away = False, True, False
        assert person.get("/login").status == 303
        assert person.post("/login", accept="text/html").status == 403
    assert events(caplog) == ["doors_opened", "doors_closed"] * 2


def test_p05_closed_shows_a_page_with_the_contact(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "linkmw.audit")
    world = World(mode="replace", when_away="closed", break_glass=str(tmp_path / "none"))
    world.hub.mode = "replace"
    person = world.browser()
    person.get("/login")
    world.hub.away = True
    for answer in (person.get("/login"), person.post("/login", accept="text/html")):
        assert answer.status == 503
        assert header(answer, "Retry-After") == "1"
        assert "help@acme.example" in person.page
    assert person.get("/login", accept="application/json").status == 503
    assert admitted(world) == "ended"
    world.hub.away = False
    assert person.get("/login").status == 303
    assert events(caplog) == ["doors_away", "native_sign_in", "doors_closed"]


def test_p05_who_is_on_the_way_as_the_hub_goes_away_is_told_whom_to_ask(world: World) -> None:
    class HasNeverAnswered(FakeHub):
        async def branding(self) -> Branding:
            return Branding("Single sign-on", "orders.example", "#48505c")

    world.having(hub=HasNeverAnswered(world.clock, away=True))
    person = world.browser()
    assert person.get("/.linkmw/login", accept="text/html").status == 503
    assert "help@acme.example" in person.page, "the probe of the doors has heard it"


def test_p05_a_gate_that_begins_while_the_hub_is_away_asks_redis_what_held(world: World) -> None:
    world.hub.away = True
    world.having(doors=world.new_doors())
    assert admitted(world) == "as_it_is", "`replace` has never held here"
    world.hub.away = False
    assert admitted(world) == "ended"
    world.hub.away = True
    world.having(doors=world.new_doors())
    assert isinstance(admitted(world), Marker)


# ---- whose session is one


def test_p03_pr03_sessions_from_before_the_switch_on_have_8_hours(world: World) -> None:
    doors = world.ports.doors
    assert run_now(doors.refuses()) is False
    world.clock.time += HOURS_8 - 1
    assert run_now(world.new_doors().refuses()) is False
    world.clock.time += 1
    for each in (doors, world.new_doors()):  # kept in the product's Redis, for every process
        assert run_now(each.refuses()) is True


def test_p03_a_second_switch_on_has_its_own_8_hours(world: World) -> None:
    doors = world.ports.doors
    run_now(doors.refuses())
    world.clock.time += HOURS_8
    world.hub.mode = "beside"
    assert run_now(doors.refuses()) is False
    world.hub.mode = "replace"
    assert run_now(doors.refuses()) is False
    world.clock.time += HOURS_8
    assert run_now(doors.refuses()) is True


def test_p03_dis02_enabled_again_who_signed_in_natively_meanwhile_has_8_hours(world: World) -> None:
    run_now(world.ports.doors.refuses())
    world.clock.time += HOURS_8  # long switched on, and then off and on by the command
    world.settings = replace(world.settings, enabled_at=world.clock())
    assert run_now(world.new_doors().refuses()) is False
    world.clock.time += HOURS_8
    assert run_now(world.new_doors().refuses()) is True


def test_pr03_a_session_that_no_link_opened_is_ended(world: World) -> None:
    assert admitted(world) == "ended"


def test_p05_a_native_session_needs_no_entry_on_the_list_and_ends_by_itself(world: World) -> None:
    guard = Guard(world.store.sessions, world.clock, doors=world.ports.doors)
    marker = Marker("native:away:orders", world.clock() + 60)
    assert run_now(guard.stands(marker)) is True
    world.clock.time += 60
    assert run_now(guard.stands(marker)) is False


# ---- break-glass


def test_p03_break_glass_lets_its_account_in_and_nobody_else(
    world: World, person: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "linkmw.audit")
    assert person.get("/login").status == 303
    permit(world, "ada")
    assert isinstance(person.get("/login"), Decorate)
    assert person.post("/login") is PASS
    assert admitted(world, "bob") == "ended"
    marker = admitted(world, "ada")
    assert isinstance(marker, Marker)
    assert (marker.sid, marker.expires - world.clock()) == ("native:a permit", 15 * 60 - 1)
    assert events(caplog) == ["native_sign_in", "break_glass_used"]
    guard = Guard(world.store.sessions, world.clock, doors=world.ports.doors)
    assert run_now(guard.stands(marker)) is True
    write(Path(world.settings.break_glass), [])  # revoked
    world.clock.time += 1
    assert run_now(guard.stands(marker)) is False
    assert person.get("/login").status == 303


def test_p03_break_glass_works_offline(world: World, person: Browser) -> None:
    assert person.get("/login").status == 303
    world.hub.away = world.redis_away = True
    permit(world, "ada")
    assert person.post("/login") is PASS
    assert isinstance(admitted(world, "ada"), Marker)


def test_p03_break_glass_ends_after_its_minutes(world: World, person: Browser) -> None:
    permit(world, "ada")
    world.clock.time += 15 * 60
    assert person.get("/login").status == 303
    assert admitted(world, "ada") == "ended"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_p03_a_file_that_others_can_touch_lets_nobody_in(
    world: World, person: Browser, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    permit(world, "ada")
    Path(world.settings.break_glass).chmod(mode)
    for _ in range(3):
        world.clock.time += 1
        assert person.get("/login").status == 303
    assert caplog.text.count("nobody signs in by break-glass") == 1


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"account": "ada"}]', "7"])
def test_p03_a_file_that_cannot_be_read_lets_nobody_in(world: World, person: Browser, text: str) -> None:
    permit(world, "ada")
    Path(world.settings.break_glass).write_text(text)
    world.clock.time += 1
    assert person.get("/login").status == 303
    with pytest.raises(ValueError):
        read(Path(world.settings.break_glass))


def test_p03_break_glass_is_never_by_a_url(world: World, person: Browser) -> None:
    for query in ("native=1", "break_glass=ada", "break-glass=1"):
        assert person.get(f"/login?{query}").status == 303
    assert person.get("/.linkmw/break-glass") is PASS
