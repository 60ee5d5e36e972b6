"""Bad weather at every single question the hub asks: a sign-in with a new link, and each call of it failing in turn.

The person ends on a page with a reason, a reference that is in the log and a way on; once the weather is over that way
leads to the product, the account is linked once, and the mails say so once.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields
from html import unescape
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.hub.world import ADA, HUB, SETTINGS, Person, Prepared, World, form_of, query_of

from linkmw.errors import Unavailable
from linkmw.hub.app import build_app
from linkmw.hub.ports import Ports

Way = Literal["away", "reply lost"]

PARTS = {
    "redis": ("sign_ins", "flows", "handles", "proof_codes", "grants", "sessions", "marks"),
    "sql": ("links", "registry", "keys", "audit"),
    "keycloak": ("provider",),
}
_NEVER_RAISE = {"audit.write"}  # hub.ports.Audit: a failure is logged and stops nothing
_PART_OF = {port: part for part, ports in PARTS.items() for port in ports}


class Weather:
    """Counts the questions the hub asks; from the `strikes`-th on, the part that was asked is away until `clears`."""

    def __init__(self, strikes: int = 0, way: Way = "away") -> None:
        self.asked: list[str] = []
        self.struck = ""
        self._strikes = strikes
        self._way = way
        self._away = ""

    def over(self, ports: Ports) -> Ports:
        """The same ports, out in this weather."""
        kept = {item.name: getattr(ports, item.name) for item in fields(ports)}
        return Ports(**{name: _Port(self, name, port) if name in _PART_OF else port for name, port in kept.items()})

    def clears(self) -> None:
        self._away = ""

    async def call(self, name: str, question: Any, *arguments: Any, **named: Any) -> Any:
        self.asked.append(name)
        part = _PART_OF[name.partition(".")[0]]
        if len(self.asked) == self._strikes and name not in _NEVER_RAISE:
            self.struck = name
            if self._way == "reply lost":
                await question(*arguments, **named)
                raise Unavailable("the reply was lost")
            self._away = part
        if self._away == part:
            if name in _NEVER_RAISE:
                return None
            raise Unavailable(f"{part} is away")
        return await question(*arguments, **named)


class _Port:
    def __init__(self, weather: Weather, name: str, port: Any) -> None:
        self._weather, self._name, self._port = weather, name, port

    def __getattr__(self, method: str) -> Any:
        question = getattr(self._port, method)

        async def asked(*arguments: Any, **named: Any) -> Any:
            return await self._weather.call(f"{self._name}.{method}", question, *arguments, **named)

        return asked


class Journey:
    """One person who links account 7, does what the pages say, and does not give up."""

    def __init__(self, world: World, weather: Weather) -> None:
        self.world, self.weather = world, weather
        world.ports = weather.over(world.ports)
        world.app = build_app(world.ports, SETTINGS)
        self.person: Person = world.person()
        self.refused: list[Any] = []

    def goes(self) -> str:
        """To the account the product is told in the end."""
        answer = self.person.get(self.world.authorize_url())
        for _ in range(30):
            if answer.status_code != 303:
                answer = self._reads(answer)
                continue
            there = answer.headers["location"]
            if there.startswith("https://orders.example/.linkmw/callback"):
                if found := self._enters(there):
                    return found
                answer = self.person.get(self.world.authorize_url())
                continue
            answer = self._follows(there)
        raise AssertionError("the person goes round in circles")

    def _follows(self, there: str) -> Any:
        if there.startswith("https://kc.example"):
            there = self.world.keycloak.signs_in(there, ADA, self.world.clock())
        if there.startswith("https://orders.example/.linkmw/prove"):
            return self._proves(there)
        return self.person.get(there.removeprefix(HUB))

    def _proves(self, there: str) -> Any:
        """What the gate does, and what it shows when the hub cannot: start again, or try again."""
        asked = self.world.back_channel("/proof-requests", {"handle": query_of(there)["handle"]})
        if not self._answered(asked):
            return self.person.get(self.world.authorize_url())
        for _ in range(3):
            pushed = self.world.push(asked.json()["transaction"])
            if self._answered(pushed):
                return self.person.get(f"/proved?code={pushed.json()['code']}")
            if pushed.status_code != 503:
                return self.person.get(self.world.authorize_url())
        raise AssertionError("the push never came through")

    def _enters(self, there: str) -> str:
        """The gate at its callback; "" when it has to offer another try."""
        if "error" in query_of(there):
            return ""
        redeemed = self.world.redeem(there)
        return "7" if self._answered(redeemed) else ""

    def _answered(self, reply: Any) -> bool:
        self.weather.clears()
        if reply.status_code == 200:
            return True
        assert reply.status_code in (400, 404, 503), reply.text
        assert set(reply.json()) == {"error"}
        self.refused.append(reply)
        return False

    def _reads(self, page: Any) -> Any:
        assert page.status_code < 500 or page.status_code == 503, page.text
        if "Your accounts are linked" in page.text:
            return self.person.post("/continue", form_of(page.text, "/continue"), referer=str(page.url))
        self.weather.clears()
        if page.status_code == 200 and 'class="reference"' not in page.text:
            return self.person.get(self.world.authorize_url())  # the manager: people know the way to their product
        self.refused.append(page)
        return self._way_on(page)

    def _way_on(self, page: Any) -> Any:
        assert re.search(r'class="reference">\w{4}-\w{4}<', page.text), page.text
        ways = [unescape(link) for link in re.findall(r'<a class="button[^"]*" href="([^"]+)"', page.text)]
        assert ways, f"no way on: {page.text}"
        if ways[0].startswith("https://orders.example"):  # its gate begins a sign-in
            return self.person.get(self.world.authorize_url())
        return self.person.get(ways[0].removeprefix(HUB))


@pytest.fixture
def worlds(prepared: Prepared, tmp_path: Path) -> Iterator[Any]:
    """New worlds, as many as a test asks for."""
    with ExitStack() as opened:
        numbers = count()
        yield lambda: opened.enter_context(prepared.world(tmp_path / f"hub{next(numbers)}.db"))


def questions(world: World) -> list[str]:
    weather = Weather()
    assert Journey(world, weather).goes() == "7"
    return weather.asked


@pytest.mark.parametrize("way", ["away", "reply lost"])
def test_i4_df01_kf01_rf01_whichever_question_fails_the_person_gets_on_and_is_linked_once(
    worlds: Any, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    asked = questions(worlds())
    assert {name.partition(".")[0] for name in asked} >= {"sign_ins", "flows", "links", "provider", "registry"}
    for strikes, name in enumerate(asked, 1):
        if name in _NEVER_RAISE:
            continue
        world, weather = worlds(), Weather(strikes, way)
        caplog.clear()
        journey = Journey(world, weather)
        try:
            assert journey.goes() == "7"
            assert weather.struck
            assert world.links() == ["orders/7"]
            assert len(world.mails()) == 2
            for page in journey.refused:
                for reference in re.findall(r'class="reference">([\w-]+)<', page.text):
                    assert reference in caplog.text
        except AssertionError as failed:
            raise AssertionError(f"{way} at question {strikes}, {name}: {failed}") from failed
