"""`replace` in Flask and Starlette products: a session that no link opened is nobody's, by whatever door (P-3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.adapters.session_houses import (
    NAVIGATION,
    SCRIPT,
    FlaskHouse,
    LateServerSideFlask,
    PlainFlask,
    ServerSideFlask,
    StarletteHouse,
    ToldFlask,
)

from linkmw.gate.permits import Permit, write

HOURS_8 = 28_800
PERSON = {**NAVIGATION, "accept": "text/html"}
HOUSES = [FlaskHouse, PlainFlask, ToldFlask, ServerSideFlask, LateServerSideFlask, StarletteHouse]


@pytest.fixture(params=HOUSES, ids=lambda house: house.__name__)
def house(request, tmp_path):
    house = request.param(mode="replace", break_glass=str(tmp_path / "permits.json"))
    house.world.hub.mode = "replace"
    return house


@pytest.fixture
def before(house):
    """Somebody whose native session is from before the switch-on."""
    house.world.hub.mode = "beside"
    bob = house.browser()
    bob.post("/login")
    assert bob.who == "bob"
    house.world.hub.mode = "replace"
    return bob


def test_p03_the_login_route_leads_to_the_hub_and_takes_no_password(house):
    browser = house.browser()
    assert browser.get("/login", PERSON).one("location") == "/.linkmw/login"
    assert browser.post("/login", PERSON).status == 403
    assert browser.post("/login", SCRIPT).status == 401
    assert browser.who == "nobody"


def test_p03_who_comes_by_a_link_is_in(house):
    ada = house.browser()
    ada.signs_in()
    assert ada.who == "ada"
    house.world.clock.time += HOURS_8 - 10
    assert ada.who == "ada"


@pytest.mark.parametrize("door", ["/modal", "/login/again", "/modal?remember=1"])
def test_pr03_a_door_that_nobody_listed_opens_nothing(house, door):
    """Sign-up, social login, auto-login after a reset, an API's login: each is a session that names somebody."""
    bob = house.browser()
    bob.post(door)
    assert bob.who == "nobody"
    assert "remember_token" not in bob.jar


def test_pr03_nor_for_whoever_had_a_session_with_something_in_it(house):
    bob = house.browser()
    bob.get("/note")
    copy = bob.copied()
    bob.post("/modal")
    assert (bob.who, copy.who) == ("nobody", "nobody")


def test_pr03_nor_for_whoever_came_by_a_link_as_somebody_else(house):
    ada = house.browser()
    ada.signs_in()
    old = ada.copied()
    ada.post("/modal")
    assert ada.who == "nobody"
    assert old.who == "ada" or house.listed() == 0


def test_p03_a_session_from_before_the_switch_on_has_8_hours(house, before):
    assert before.who == "bob"
    house.world.clock.time += HOURS_8 - 1
    assert before.who == "bob"
    house.world.clock.time += 1
    copy = before.copied()
    assert (before.who, copy.who) == ("nobody", "nobody")


def test_p03_a_note_in_it_does_not_end_it(house, before):
    assert before.get("/note").text == "1"
    assert before.who == "bob"


def test_pr03_nobody_becomes_another_in_such_a_session(house, before):
    before.post("/login/again")  # as ada
    assert before.who == "nobody"


def test_p05_while_away_the_native_login_opens_a_session_of_8_hours(house):
    house.browser().get("/login", PERSON)
    house.world.hub.away = True
    bob = house.browser()
    assert bob.post("/login").text == "welcome, bob"
    assert bob.who == "bob"
    house.world.hub.away = False
    house.world.clock.time += HOURS_8 - 1
    assert bob.who == "bob"
    house.world.clock.time += 1
    assert bob.who == "nobody"


def test_p05_redis_silent_sessions_stand(house, before):
    assert before.who == "bob"
    house.world.redis_away = True
    house.world.clock.time += HOURS_8
    assert before.who == "bob"
    house.world.redis_away = False
    assert before.who == "nobody"


def test_p07_who_signed_in_while_away_may_sign_out(house):
    house.browser().get("/login", PERSON)
    house.world.hub.away = True
    bob = house.browser()
    bob.post("/login")
    assert bob.post("/logout").one("location") == "/"
    assert bob.who == "nobody"


def test_p03_break_glass_names_one_account(house):
    write(Path(house.world.settings.break_glass), [Permit("p", "bob", house.world.clock() + 900)])
    house.world.clock.time += 1
    bob, ada = house.browser(), house.browser()
    assert bob.post("/login", PERSON).text == "welcome, bob"
    ada.post("/login/again")
    assert (bob.who, ada.who) == ("bob", "nobody")
    house.world.clock.time += 900
    assert bob.who == "nobody"


def test_p03_below_100_percent_nothing_is_closed(house):
    house.world.hub.percent = 50
    bob = house.browser()
    bob.post("/login")
    assert bob.who == "bob"
    house.world.clock.time += HOURS_8
    assert bob.who == "bob"


def test_pr03_a_defect_of_ours_leaves_the_products_answer(house, monkeypatch, caplog):
    async def broken(*_args, **_named):
        raise RuntimeError("a defect of ours")

    monkeypatch.setattr(house.world.ports.doors, "admit", broken)
    bob = house.browser()
    assert bob.post("/modal").text == "welcome, bob"
    assert "linkmw failed at a sign-" in caplog.text


@pytest.mark.parametrize("house", [FlaskHouse], indirect=True)
def test_pr03_a_remember_me_cookie_from_before_signs_nobody_in(house):
    house.world.hub.mode = "beside"
    bob = house.browser()
    bob.post("/modal?remember=1")
    assert "remember_token" in bob.jar
    house.world.hub.mode = "replace"
    bob.jar.pop("session")
    assert bob.get("/who").text == "nobody"
    assert "remember_token" not in bob.jar


@pytest.mark.parametrize("house", [FlaskHouse], indirect=True)
@pytest.mark.parametrize("path", ["//login", "///login"])
def test_ht02_every_spelling_of_the_login_route_is_closed_in_flask(house, path):
    assert house.browser().post(path, PERSON).status == 403


@pytest.mark.parametrize("house", [StarletteHouse], indirect=True)
def test_ht03_a_line_break_at_the_end_is_the_login_route_in_starlette(house):
    assert house.browser().post("/login\n", PERSON).status == 403
