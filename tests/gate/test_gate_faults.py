"""Bad weather at every single question the gate asks: a whole proof and sign-in, and each call of it failing in turn.

The person is never somebody else, always gets a page with a reason, a reference that is in the log and a way on, and
with the weather over that way leads to the product; after a right password and code they are signed in at once.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Callable
from html import unescape
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from tests.gate.world import ADA, HUB, SECRET_160, SITE, World, heading, location

from linkmw.errors import Unavailable
from linkmw.gate.ports import Totp
from linkmw.gate.product_call import answering
from linkmw.http import PASS, Decorate, Request, Response
from linkmw.run import in_place

Way = Literal["away", "reply lost"]
PARTS = {
    "redis": ("sign_ins", "proofs", "sessions", "marks", "tries", "ping"),
    "hub": ("hub",),
    "product": ("product",),
}
_PART_OF = {port: part for part, ports in PARTS.items() for port in ports}
_NEVER_RAISE = {"hub.branding"}  # gate.ports.Hub: neutral while the hub has said nothing
FAILURES: dict[str, Callable[[], Exception]] = {
    "redis": lambda: Unavailable("Redis: ConnectionError"),
    "hub": lambda: Unavailable("the hub does not answer: ConnectError"),
    "product": lambda: sqlite3.OperationalError("database is locked"),  # as a framework says it
}


class Weather:
    """Counts the questions the gate asks; from the `strikes`-th on, the part that was asked is away until `clears`."""

    def __init__(self, strikes: int = 0, way: Way = "away") -> None:
        self.asked: list[str] = []
        self.struck = ""
        self._strikes = strikes
        self._way = way
        self._away = ""

    def over(self, world: World) -> None:
        names = [name for names in PARTS.values() for name in names if name != "ping"]
        changed = {name: _Port(self, name, getattr(world.ports, name)) for name in names}
        world.having(call=answering(in_place), ping=self._wrapped("ping", world.ports.ping), **changed)

    def clears(self) -> None:
        self._away = ""

    def begins(self, name: str) -> str:
        """The part that is away for this question, or ""; "lost" when it is asked and its answer gets lost."""
        self.asked.append(name)
        part = _PART_OF[name.partition(".")[0]]
        if name in _NEVER_RAISE:
            return ""
        if len(self.asked) == self._strikes:
            self.struck = name
            if self._way == "reply lost":
                return "lost"
            self._away = part
        return part if self._away == part else ""

    def _wrapped(self, name: str, question: Any) -> Any:
        failure = FAILURES[_PART_OF[name.partition(".")[0]]]

        async def asked(*arguments: Any, **named: Any) -> Any:
            fate = self.begins(name)
            answer = await question(*arguments, **named) if fate in ("", "lost") else None
            if fate:
                raise failure()
            return answer

        def asked_in_place(*arguments: Any, **named: Any) -> Any:
            fate = self.begins(name)
            answer = question(*arguments, **named) if fate in ("", "lost") else None
            if fate:
                raise failure()
            return answer

        return asked_in_place if name.startswith("product.") else asked


class _Port:
    def __init__(self, weather: Weather, name: str, port: Any) -> None:
        self._weather, self._name, self._port = weather, name, port

    def __getattr__(self, method: str) -> Any:
        return self._weather._wrapped(f"{self._name}.{method}", getattr(self._port, method))


class Journey:
    """Ada, who proves her account with password and code, does what the pages say, and does not give up."""

    def __init__(self, weather: Weather) -> None:
        self.weather, self.world = weather, World()
        self.world.product.factors["17"] = Totp(SECRET_160)
        weather.over(self.world)
        self.browser = self.world.browser()
        self.refused: list[str] = []
        self.was: list[str] = []  # whom the native session named on each of these pages
        self.linked = False
        self._state = ""
        self._handles = 0

    def goes(self) -> None:
        """To the page she wanted, signed in and linked."""
        self._opens_login_page()
        answer = self._starts()
        for _ in range(40):
            assert self.browser.account in ("", ADA.account_id)
            if location(answer) == "/orders" and self.linked:
                assert self.browser.account == ADA.account_id
                return
            answer = self._next(answer)
        raise AssertionError("round in circles")

    def _opens_login_page(self) -> None:
        answer = self.browser.get("/login")
        self.weather.clears()
        assert answer is PASS or isinstance(answer, Decorate)

    def _starts(self) -> Any:
        return self.browser.get("/.linkmw/login?next=/orders")

    def _next(self, answer: Any) -> Any:
        there = location(answer)
        if there.startswith(f"{HUB}/o/"):
            return self._at_hub(there)
        if there.startswith(f"{HUB}/proved"):
            self.linked = True
            return self.browser.returns(self._state, f"code{self._handles}")
        if there in ("/", "/login", "/orders"):
            return self._starts()
        if there or 'http-equiv="refresh"' in self.browser.page:
            return self.browser.follow(answer)
        return self._reads(answer)

    def _at_hub(self, there: str) -> Any:
        self._state = parse_qs(urlsplit(there).query)["state"][0]
        self._handles += 1
        if self.linked:
            return self.browser.returns(self._state, f"code{self._handles}")
        return self.browser.get(f"/.linkmw/prove?handle={self.world.proof_arrives(f'handle{self._handles}')}")

    def _reads(self, answer: Response) -> Any:
        page = self.browser.page
        if answer.status == 200 and 'class="reference"' not in page:
            return self._fills_in(page)
        assert answer.status in (200, 400, 409, 503), page
        assert heading(page)
        assert re.search(r'class="reference">\w{4}-\w{4}<', page)
        self.refused.append(page)
        self.was.append(self.browser.account)
        self.weather.clears()
        self.world.clock.time += 30  # a code that was used is not good twice
        ways = [unescape(way) for way in re.findall(r'<a class="button[^"]*" href="([^"]+)"', page)]
        assert any(not way.removeprefix(SITE).startswith("/.linkmw/") for way in ways), "no way without linkmw"
        return self.browser.get(ways[0].removeprefix(SITE))

    def _fills_in(self, page: str) -> Any:
        if 'name="password"' in page:
            return self.browser.submit(username="ada", password="correct horse")
        if 'name="code"' in page:
            return self.browser.submit(code=pyotp.TOTP(SECRET_160).at(self.world.clock()))
        assert "sign_out" in page, page
        return self.browser.submit(sign_out="1")


def journey(strikes: int = 0, way: Way = "away") -> Journey:
    journey = Journey(Weather(strikes, way))
    journey.goes()
    return journey


@pytest.mark.parametrize("way", ["away", "reply lost"])
def test_i4_i11_df01_rf01_kf04_whichever_question_fails_the_person_gets_on(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    asked = journey().weather.asked
    assert {name.partition(".")[0] for name in asked} == {*_PART_OF}
    for strikes, name in enumerate(asked, 1):
        if name in _NEVER_RAISE:
            continue
        caplog.clear()
        try:
            went = journey(strikes, way)
            assert went.weather.struck == name
            for page in went.refused:
                (reference,) = re.findall(r'class="reference">([\w-]+)<', page)
                assert reference in caplog.text
        except AssertionError as failed:
            raise AssertionError(f"{way} at question {strikes}, {name}: {failed}") from failed


@pytest.mark.parametrize("way", ["away", "reply lost"])
def test_df01_p05_a_push_that_fails_after_the_right_password_leaves_the_person_signed_in(way: Way) -> None:
    asked = journey().weather.asked
    went = journey(asked.index("hub.push_proof") + 1, way)
    assert [heading(page) for page in went.refused] == ["Your account is not linked yet"]
    assert went.was == [ADA.account_id]
    assert went.weather.asked.count("product.start_session") == 2  # the proof's, and the sign-in's that followed


@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("database is locked"), KeyError("secret of ada"), OSError()]
)
def test_i11_i9_whatever_the_products_adapter_raises_the_product_is_away(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def verify_password(_request: Request, _username: str, _password: str) -> None:
        raise error

    world = World()
    world.having(call=answering(in_place))
    world.product.verify_password = verify_password  # type: ignore[method-assign]
    browser = world.browser()
    browser.arrives()
    answer = browser.submit(username="ada", password="correct horse")
    assert answer.status == 503
    assert heading(browser.page) == "Sign-in is not available right now"
    assert "secret of ada" not in browser.page
    (line,) = [record.getMessage() for record in caplog.records if "unavailable" in record.getMessage()]
    assert type(error).__name__ in line
    assert "secret of ada" not in line
    assert "the product's verify_password failed" in caplog.text
