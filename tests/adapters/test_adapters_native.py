"""The native proof in Flask and Starlette applications, whatever keeps their sessions (PR04, PR05)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlencode

import flask
import flask_login
import pytest
from starlette.responses import PlainTextResponse, RedirectResponse
from tests.adapters import session_houses
from tests.adapters.session_houses import HOUSES, NAVIGATION, Answer, Browser, FlaskHouse, House, PlainFlask, load
from tests.gate.world import BOB, SITE

PRESSED = {**NAVIGATION, "origin": SITE, "accept": "text/html", "referer": f"{SITE}/login"}
SCRIPT = {**session_houses.SCRIPT, "origin": SITE, "referer": f"{SITE}/login"}


@dataclass
class Visitor(Browser):
    page: str = ""

    def submits(self, page: str) -> Answer:
        action = re.search(r'<form method="post" action="([^"]+)"', page)
        assert action, page
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        headers = {**PRESSED, "cookie": cookies, "content-type": "application/x-www-form-urlencoded"}
        answer = self.house.call("POST", unescape(action[1]), urlencode(fields).encode(), headers)
        for name, value in answer.cookies.items():
            self.jar[name] = value
        self.jar = {name: value for name, value in self.jar.items() if value}
        return answer

    def arms(self) -> Answer:
        """Up to the product's own login."""
        self.house.world.proof_arrives()
        arrived = self.get("/.linkmw/prove?handle=handle")
        page = self.get(arrived.one("location"))
        answer = self.submits(page.text)
        assert (answer.status, answer.one("location")) == (303, "/login"), answer
        return answer

    def logs_in(self, path: str = "/login", headers: dict[str, str] = PRESSED) -> bool:
        """Does it go on into the flow by that?"""
        answer = self.post(path, headers)
        self.page = answer.text
        return "/.linkmw/go?record=" in answer.text


@pytest.fixture(params=HOUSES)
def house(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> House:
    kind = HOUSES[request.param]
    if issubclass(kind, FlaskHouse):
        monkeypatch.setitem(session_houses.HOOKS, "is_complete", lambda: not flask.session.get("half"))
    else:
        monkeypatch.setitem(session_houses.HOOKS, "is_complete", lambda connection: not connection.session.get("half"))
    house = kind(proof="native")
    _pages(house)
    return house


def _pages(house: House) -> None:
    """`/login/half` names Bob, whose code is missing; `/login/code` takes it."""
    if isinstance(house, FlaskHouse):

        def half() -> Any:
            flask.session.clear()
            house.enter(BOB.account_id)
            flask.session["half"] = True
            return flask.redirect("/login/code")

        def code() -> str:
            flask.session.pop("half")
            return "welcome"

        house.app.add_url_rule("/login/half", "half", half, methods=["POST"])
        house.app.add_url_rule("/login/code", "code", code, methods=["POST"])
        return

    async def half_awaited(request: Any) -> Any:
        request.session.update(member=BOB.account_id, half=True)
        return RedirectResponse("/login/code", 303)

    async def code_awaited(request: Any) -> Any:
        request.session.pop("half")
        return PlainTextResponse("welcome")

    house.page("/login/half", half_awaited)  # type: ignore[attr-defined]
    house.page("/login/code", code_awaited)  # type: ignore[attr-defined]


@pytest.fixture
def visitor(house: House) -> Visitor:
    return Visitor(house)


def proven(house: House) -> list[str]:
    return [proof.account.account_id for proof in house.world.hub.pushed]


def goes_on(visitor: Visitor) -> Answer:
    record = visitor.page.partition("/.linkmw/go?record=")[2].partition('"')[0]
    return visitor.get(f"/.linkmw/go?record={record}")


def test_pr05_the_products_own_sign_in_is_the_proof_and_its_session_stands(house: House, visitor: Visitor) -> None:
    visitor.arms()
    assert visitor.logs_in()
    assert visitor.who == "bob"
    assert goes_on(visitor).one("location").endswith("/proved?code=proof-code-1")
    assert proven(house) == [BOB.account_id]


def test_pr04_half_a_sign_in_is_none_until_its_second_factor_is_shown(house: House, visitor: Visitor) -> None:
    visitor.arms()
    assert not visitor.logs_in("/login/half")
    visitor.get("/who", PRESSED)
    assert visitor.who == "bob"
    assert visitor.logs_in("/login/code")
    goes_on(visitor)
    assert proven(house) == [BOB.account_id]


def test_pr05_half_a_sign_in_of_before_is_dropped_when_the_proof_is_armed(house: House, visitor: Visitor) -> None:
    visitor.post("/login/half")
    visitor.get("/note")
    visitor.arms()
    assert visitor.who == "nobody"
    assert visitor.get("/note").text == "1"  # nothing at all is left of it


def test_pr18_a_scripts_sign_in_keeps_its_answer_and_the_next_page_goes_on(house: House, visitor: Visitor) -> None:
    visitor.arms()
    assert not visitor.logs_in(headers=SCRIPT)
    assert visitor.page == "welcome, bob"
    answer = visitor.get("/who", PRESSED)
    assert "/.linkmw/go?record=" in answer.text


def test_mim12_who_is_signed_in_already_is_asked_and_proves_nothing_by_signing_in_again(
    house: House, visitor: Visitor
) -> None:
    visitor.arms()
    visitor.post("/modal")
    assert not visitor.logs_in()
    assert not visitor.logs_in("/login/again")
    assert proven(house) == []


def test_pr05_no_sign_in_elsewhere_and_none_that_another_site_sent(house: House, visitor: Visitor) -> None:
    visitor.arms()
    assert not visitor.logs_in("/modal", {**PRESSED, "referer": f"{SITE}/"})
    visitor.get("/logout")
    cross = {**PRESSED, "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert not visitor.logs_in(headers=cross)
    assert proven(house) == []


def test_pr04_a_remember_me_cookie_is_no_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """It signs in whoever posts anything: before the view, and with a session that is not fresh."""
    monkeypatch.setitem(session_houses.HOOKS, "is_complete", lambda: True)
    house = FlaskHouse(proof="native")

    def remembered() -> str:
        flask_login.login_user(load(BOB.account_id), fresh=False)
        return "welcome back"

    house.app.add_url_rule("/login/remembered", "remembered", remembered, methods=["POST"])
    visitor = Visitor(house)
    visitor.post("/login?remember=1")
    token = visitor.jar["remember_token"]
    visitor.jar.clear()
    visitor.arms()
    assert not visitor.logs_in("/login/remembered")
    assert visitor.who == "bob"
    visitor.jar.pop("session")
    visitor.jar["remember_token"] = token
    assert not visitor.logs_in()
    assert proven(house) == []


def test_pr04_an_application_that_cannot_tell_names_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is_complete" not in session_houses.HOOKS
    house = PlainFlask(proof="native", signed_in_path="/account")
    house.app.add_url_rule("/account", "account", lambda: ("", 302 if flask.session.get("half") else 200))
    _pages(house)
    visitor = Visitor(house)
    visitor.arms()
    assert not visitor.logs_in("/login/half")
    visitor.get("/logout")
    assert visitor.logs_in()
    other = Visitor(house)
    other.arms()
    assert not other.logs_in("/login/half")
    assert other.logs_in("/login/code")


def test_an_application_without_a_way_to_check_passwords_is_proven_natively_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(session_houses.HOOKS, "verify_password")
    monkeypatch.setitem(session_houses.HOOKS, "is_complete", lambda: True)
    visitor = Visitor(PlainFlask())
    visitor.arms()
    assert visitor.logs_in()
