"""A session opened through linkmw ends within a second of its logout, in Flask and Starlette, wherever it is kept."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask, session
from starlette.responses import PlainTextResponse
from tests.adapters.session_houses import (
    HOUSES,
    NAVIGATION,
    SCRIPT,
    FlaskHouse,
    PlainFlask,
    ServerSideFlask,
    StarletteHouse,
)
from tests.gate.world import ADA

from linkmw.errors import Unavailable


@pytest.fixture(params=HOUSES)
def make(request):
    return HOUSES[request.param]


@pytest.fixture
def house(make):
    return make()


@pytest.fixture
def ada(house):
    """A browser that is signed in through linkmw."""
    browser = house.browser()
    browser.signs_in()
    assert browser.who == "ada"
    return browser


def the_sid(house):
    [sid] = house.world.store.sessions._sessions.keys_in_order()
    return sid


@pytest.mark.parametrize("named", [{"account_id": ADA.account_id}, {"hub_sid": "a hub session"}])
def test_mim27_a_session_opened_through_a_link_ends_with_it(house, ada, named):
    house.begun.clear()
    house.log_out(**named)
    answer = ada.get("/who")
    assert answer.text == "nobody"
    assert "ada" not in house.begun, "the application's own functions saw somebody whose session has ended"
    assert house.cookie not in ada.jar, "the cookie was left"
    assert answer.one("vary").lower() in ("cookie", "", "accept-encoding, cookie")
    assert ada.who == "nobody"


@pytest.mark.parametrize(("path", "headers"), [("/", SCRIPT), ("/stream", NAVIGATION), ("/not/there", NAVIGATION)])
def test_um13_the_next_request_is_enough_whatever_it_is(house, ada, path, headers):
    house.log_out(account_id=ADA.account_id)
    answer = ada.get(path, headers)
    assert "ada" not in answer.text
    assert answer.cookies[house.cookie] == ""
    assert ada.get("/stream").text == "one, two, nobody"


def test_sc12_a_cookie_replayed_elsewhere_after_the_logout_is_refused(house, ada):
    stolen = ada.copied()
    assert stolen.who == "ada"
    house.log_out(account_id=ADA.account_id)
    assert ada.who == "nobody"
    assert stolen.copied().who == "nobody"
    house.world.clock.time += 1  # what was begun before the logout stays refused (RC11)
    ada.signs_in()
    assert ada.who == "ada"
    assert stolen.who == "nobody", "a new sign-in woke the old cookie up"


def test_pr13_an_old_cookie_does_not_live_again_when_redis_has_forgotten_everything(house, ada):
    old = ada.copied()
    house.log_out(account_id=ADA.account_id)
    house.world.clock.time += 30 * 86_400  # every mark of a logout has expired, and every session
    assert old.who == "nobody"


def test_pr13_a_session_is_over_at_its_end_though_redis_is_silent(house, ada, monkeypatch):
    async def silent(sid):
        raise Unavailable("Redis: ConnectionError")

    monkeypatch.setattr(house.world.ports.sessions, "get", silent)
    assert ada.who == "ada", "a Redis that is silent ended a session"
    house.world.clock.time += house.world.settings.session_seconds
    assert ada.who == "nobody"


def test_pr13_a_session_made_anew_without_the_marker_has_ended(house, ada, caplog):
    old = ada.copied()
    answer = ada.get("/anew")
    assert answer.text == "made anew", "the application's own answer stands"
    assert ada.who == "nobody"
    assert old.who == "nobody"
    assert house.listed() == 0
    assert "/anew made its session anew without linkmw's marker" in caplog.text


def test_pr13_a_sign_in_of_the_products_own_takes_the_sessions_place(house, ada):
    old = ada.copied()
    assert ada.post("/login").text == "welcome, bob"
    assert ada.who == "bob"
    house.log_out(account_id=ADA.account_id)
    assert ada.who == "bob", "a native session hung on a marker of somebody else's"
    assert old.who != "ada"


def test_pr13_who_signs_in_natively_as_the_same_person_stays(house, ada):
    assert ada.post("/login/again").text == "a fresh sign-in"
    assert ada.who == "ada"


def test_pr13_what_changes_in_a_session_leaves_it_as_it_is(house, ada):
    assert [ada.get("/note").text for _ in range(3)] == ["1", "2", "3"]
    assert ada.who == "ada"
    assert house.listed() == 1
    house.log_out(account_id=ADA.account_id)
    assert ada.get("/note").text == "1", "what was in the session went on"
    assert ada.who == "nobody"


def test_rc12_six_parallel_requests_sign_nobody_out(house, ada):
    """One browser, six tabs, while a seventh signs in again, under a new session id."""
    before = ada.copied()
    tabs = [before.copied() for _ in range(6)]
    with ThreadPoolExecutor(7) as pool:
        seen = [pool.submit(tab.get, "/who") for tab in tabs]
        again = pool.submit(ada.signs_in)
        answers = [one.result() for one in seen]
        again.result()
    answers.append(before.get("/who"))
    assert all(answer.cookies.get(house.cookie, "untouched") for answer in answers), "the new session's cookie goes"
    if house.keeps_all_in_the_cookie:
        assert [answer.text for answer in answers] == ["ada"] * 7
    assert ada.who == "ada"


def test_rc12_six_parallel_requests_of_an_ended_session_leave_nobody_signed_in(house, ada):
    tabs = [ada.copied() for _ in range(6)]
    house.log_out(account_id=ADA.account_id)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda tab: tab.get("/who"), tabs))
    assert [answer.text for answer in answers] == ["nobody"] * 6
    assert not any(answer.cookies.get(house.cookie) for answer in answers)


def said_of_sessions(answer):
    """What an answer says to caches and to the jar; Flask-Login and Flask-Session say more than Flask alone."""
    return answer.status, answer.text, answer.all("vary"), list(answer.cookies)


def test_requests_without_a_marker_cost_nothing(make):
    def asked(*_args, **_named):
        raise AssertionError("the allow-list was asked")

    house = make()
    house.world.store.sessions.get = asked
    with_linkmw, without = house.browser(), make(mode="off").browser()
    for method, path in (("GET", "/"), ("POST", "/modal"), ("GET", "/"), ("POST", "/note"), ("POST", "/logout")):
        answers = [browser.send(method, path, NAVIGATION) for browser in (with_linkmw, without)]
        assert said_of_sessions(answers[0]) == said_of_sessions(answers[1]), path


def test_looking_at_a_marked_session_is_not_noticed(make, ada):
    native = make(mode="off").browser()
    native.post("/login")
    assert said_of_sessions(ada.get("/")) == said_of_sessions(native.get("/"))


def test_the_allow_list_is_asked_once_in_a_request(house, ada, monkeypatch):
    asked = []
    get = house.world.ports.sessions.get

    async def counting(sid):
        asked.append(sid)
        return await get(sid)

    monkeypatch.setattr(house.world.ports.sessions, "get", counting)
    for _ in range(5):
        ada.get("/")
    assert len(asked) == (0 if house.asks_nobody else 5)


def test_whatever_is_wrong_with_us_the_product_answers(house, ada, monkeypatch, caplog):
    async def broken(sid):
        raise RuntimeError("a defect of ours")

    monkeypatch.setattr(house.world.ports.sessions, "get", broken)
    assert ada.who == "ada"
    assert ("linkmw could not ask about a session" in caplog.text) is not house.asks_nobody


@pytest.mark.parametrize("marker", [[], ["only a sid"], "text", {"sid": 1}, [1, "x"], None, 7])
def test_what_is_no_marker_ends_nothing(make, marker):
    house = make()
    planted = marker
    if isinstance(house, FlaskHouse):
        house.app.add_url_rule("/plant", "plant", lambda: str(session.__setitem__("_linkmw", planted)))
    else:
        plant(house, planted)
    nobody = house.browser()
    nobody.post("/login")
    assert nobody.get("/plant").status == 200
    assert nobody.who == "bob"


def plant(house, marker):
    async def planting(request):
        request.session["_linkmw"] = marker
        return PlainTextResponse("planted")

    house.page("/plant", planting)


def test_a_websocket_of_an_ended_session_finds_nobody():
    house = StarletteHouse()
    ada = house.browser()
    ada.signs_in()
    assert house.says_to_a_websocket(ada) == "ada"
    house.log_out(account_id=ADA.account_id)
    assert house.says_to_a_websocket(ada) == "nobody"


def test_our_own_pages_see_nobody_in_an_ended_session(house, ada):
    """MIM-14: whose session has ended is not asked whether to be replaced."""
    house.log_out(account_id=ADA.account_id)
    house.world.clock.time += 1
    house.world.hub.claims = {**house.world.hub.claims, "sub": "23", "preferred_username": "bob"}
    ada.signs_in()
    assert ada.who == "bob"


@pytest.fixture(params=[FlaskHouse, ServerSideFlask])
def remembered(request):
    """Bob, signed in natively with a remember-me cookie, and then through linkmw."""
    house = request.param()
    browser = house.browser()
    browser.post("/login?remember=1")
    assert "remember_token" in browser.jar
    house.world.hub.claims = {**house.world.hub.claims, "sub": "23", "preferred_username": "bob"}
    return browser


def test_mim27_a_remember_me_cookie_goes_when_a_session_is_opened_through_a_link(remembered):
    """Two requests at once could else empty the session, and be signed in again by the cookie."""
    answer = remembered.signs_in()
    assert answer.cookies["remember_token"] == ""
    assert remembered.who == "bob"


def test_mim27_a_remember_me_cookie_does_not_sign_the_person_back_in(remembered):
    kept = remembered.jar["remember_token"]
    remembered.signs_in()
    remembered.jar["remember_token"] = kept
    remembered.house.log_out(account_id="23")
    assert remembered.who == "nobody"
    assert set(remembered.jar).isdisjoint(("session", "remember_token")), "a cookie was left"
    assert remembered.who == "nobody"


def test_mim27_no_remember_me_cookie_comes_of_a_session_opened_through_a_link(remembered):
    remembered.house.app.config["REMEMBER_COOKIE_REFRESH_EACH_REQUEST"] = True
    remembered.signs_in()
    assert "remember_token" not in remembered.jar
    assert remembered.who == "bob"
    assert "remember_token" not in remembered.jar
    remembered.house.log_out(account_id="23")
    assert remembered.who == "nobody"
    assert set(remembered.jar).isdisjoint(("session", "remember_token"))


def test_flask_blueprints_and_signals_see_the_session_as_the_view_does():
    from flask import Blueprint

    house = FlaskHouse()
    seen = []
    pages = Blueprint("pages", "pages", url_prefix="/pages")
    pages.before_request(lambda: seen.append(house.who()))
    pages.add_url_rule("/", "all", lambda: house.who())
    house.app.register_blueprint(pages)
    house.app.url_value_preprocessor(lambda endpoint, values: seen.append(house.who()))
    ada = house.browser()
    ada.signs_in()
    seen.clear()
    assert ada.get("/pages/").text == "ada"
    house.log_out(account_id=ADA.account_id)
    assert ada.get("/pages/").text == "nobody"
    assert seen == ["ada", "ada", "nobody", "nobody"]
    assert house.begun[-1] == "torn down"


def test_flask_extensions_find_the_session_interface_they_know():
    """Flask-Session is asked through its interface for a new session id."""
    from flask_session.cachelib import CacheLibSessionInterface

    house = ServerSideFlask()
    ada = house.browser()
    ada.signs_in()

    def regenerate():
        house.app.session_interface.regenerate(session)
        return "another id"

    house.app.add_url_rule("/regenerate", "regenerate", regenerate)
    old = ada.copied()
    assert isinstance(house.app.session_interface, CacheLibSessionInterface)
    assert ada.get("/regenerate").text == "another id"
    assert (ada.who, old.who) == ("ada", "nobody")
    house.log_out(account_id=ADA.account_id)
    assert ada.who == "nobody"


def test_flask_a_session_interface_may_be_replaced_under_way():
    house = FlaskHouse()
    ada = house.browser()
    ada.signs_in()
    house.app.session_interface = type(Flask.session_interface)()
    assert ada.who == "ada"
    house.log_out(account_id=ADA.account_id)
    assert ada.who == "nobody"


def test_an_application_without_linkmw_is_left_alone():
    house = PlainFlask()
    other = Flask("other")
    other.secret_key = "not a secret of anybody"
    other.add_url_rule("/", "start", lambda: "other")
    assert other.test_client().get("/").text == "other"
    assert house.browser().get("/").text == "hello"


def test_off_nothing_is_looked_at(make):
    house = make(mode="off")
    sid = "planted"
    assert house.listed() == 0
    nobody = house.browser()
    nobody.post("/login")
    assert nobody.who == "bob"
    assert nobody.get("/anew").text == "made anew"
    assert nobody.who == "bob", sid


def test_a_streamed_answer_of_a_standing_session_passes(house, ada):
    answer = ada.get("/stream")
    assert (answer.status, answer.text) == (200, "one, two, ada")


def test_the_loop_of_each_request_is_its_own():
    """Starlette's adapter is awaited in whatever loop the request is in."""
    house = StarletteHouse()
    ada = house.browser()
    ada.signs_in()
    for _ in range(2):
        assert asyncio.run(_who(house, ada)) == "ada"


async def _who(house, browser):
    cookies = "; ".join(f"{name}={value}" for name, value in browser.jar.items())
    answer = await house.asked(house.scope("http", "/who", {"cookie": cookies}, method="GET"), b"")
    return answer.text


def test_sc12_a_session_that_ended_is_nobodys_at_its_next_request(house, ada):
    assert ada.who == "ada"
    house.run(house.world.ports.sessions.end(the_sid(house)))
    assert ada.who == "nobody"
