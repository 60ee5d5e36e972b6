"""Many at once at a gate's own flows, over one Redis and over a Cluster; and at the keys that it fetches."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest
from tests.gate.test_gate_cluster import over
from tests.gate.test_gate_guessing import Visitor, visitor
from tests.gate.world import ADA, SECRET_160, Browser, FakeProduct, World, location
from tests.races.racing import MANY, NUMBERS, at_once, rounds

from linkmw.gate.ports import Totp
from linkmw.http import Headers, Request
from linkmw.hub.build import new_token
from linkmw.model import Marker
from linkmw.oidc.jose import KeySet
from linkmw.oidc.keys import KeyCache
from linkmw.run import run_now


@pytest.fixture(params=["redis", "cluster"])
def new_world(request: pytest.FixtureRequest) -> Callable[[], World]:
    """Makes a gate with nobody in it, over the same Redis."""
    one = request.param == "redis"
    url = request.getfixturevalue("redis_server") if one else request.getfixturevalue("redis_cluster").url
    name = request.node.name
    first = over(World(redis_prefix=f"races {name}:"), url)
    kept = {port: getattr(first.ports, port) for port in KEPT}

    def new() -> World:
        world = World()
        world.product = Rows(passwords=world.product.passwords)
        world.having(**kept, product=world.product, token=new_token)
        return world

    return new


class Rows(FakeProduct):
    """Names no session twice, and to each thread the one that it began."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._begun = threading.local()

    def start_session(self, request: Request, account_id: str, marker: Marker | None) -> Headers:
        self._begun.name = new_token()
        self.sessions[self._begun.name] = (account_id, marker)
        return (("Set-Cookie", f"session={self._begun.name}; Path=/; HttpOnly"),)

    def end_session(self, request: Request) -> Headers:
        self.sessions.pop(self._begun.name, None)
        return ()

    def reference(self, request: Request) -> str:
        return str(self._begun.name)


KEPT = ("sign_ins", "proofs", "sessions", "marks", "tries", "entries", "sign_outs", "ping")


def copies(person: Browser, many: int = MANY) -> list[Browser]:
    """So many tabs of that browser, each at its page."""
    tabs = [person.world.browser() for _ in range(many)]
    for tab in tabs:
        tab.cookies, tab.page = dict(person.cookies), person.page
    return tabs


def strangers(world: World) -> list[Visitor]:
    """Each with an identity and an address of their own, at the proof page."""
    numbers = [next(NUMBERS) for _ in range(MANY)]
    return [visitor(world, f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", f"person {n}") for n in numbers]


def named(world: World, name: str) -> World:
    """The hub says who signs in: an account and a hub session of this round's own."""
    account = replace(ADA, account_id=name, username=f"ada{name}")
    world.product.accounts, world.product.passwords = {account.username: account}, {account.username: "correct horse"}
    world.hub.claims = {"sub": name, "sid": f"hub-sid-{name}", "iat": world.clock()}
    return world


def test_rc03_of_sixteen_returns_with_one_state_one_begins_a_session(new_world: Callable[[], World]) -> None:
    for name in rounds("RC03 at the gate"):
        world = named(new_world(), name)
        person = world.browser()
        state = person.starts()["state"]
        tabs = copies(person)
        answers = at_once([partial(tab.returns, state, f"code {name}") for tab in tabs])
        assert len(world.hub.redeemed) == 1
        assert len(world.product.sessions) == 1
        assert [location(answer) for answer in answers].count("/orders") == 1
        assert sum(tab.account == name for tab in tabs) == 1


def test_rc04_of_sixteen_proofs_with_one_code_one_is_taken(new_world: Callable[[], World]) -> None:
    """The code is good for half a minute; whoever read it over a shoulder is too late."""
    for name in rounds("RC04 at the gate"):
        world = named(new_world(), name)
        world.product.factors = {name: Totp(SECRET_160)}
        people = strangers(world)
        for person in people:
            person.follow(person.submit(username=f"ada{name}", password="correct horse"))
        code = pyotp.TOTP(SECRET_160).at(world.clock())
        at_once([partial(person.submit, code=code) for person in people])
        assert sum(person.account == name for person in people) == 1
        assert len(world.hub.pushed) == 1


def test_rc08_while_it_is_switched_off_a_redeem_begins_a_session_or_leads_to_the_native_login(
    new_world: Callable[[], World],
) -> None:
    for name in rounds("RC08 at the gate"):
        world, off = named(new_world(), name), [False]
        world.having(is_over=lambda off=off: off[0])
        people = [world.browser() for _ in range(MANY - 1)]
        states = [person.starts()["state"] for person in people]
        late = world.browser()
        state = late.starts()["state"]
        works: list[Any] = [partial(p.returns, one) for p, one in zip(people, states, strict=True)]
        works.insert(MANY // 2, partial(off.__setitem__, 0, True))
        answers = [answer for answer in at_once(works) if answer is not None]
        led = Counter(location(answer) for answer in answers)
        assert led["/orders"] + led["/login"] == MANY - 1
        assert len(world.product.sessions) == led["/orders"] == sum(person.account == name for person in people)
        assert location(late.returns(state)) == "/login"
        assert len(world.product.sessions) == led["/orders"]


def test_rc11_of_fifteen_sign_ins_and_their_logout_at_once_none_is_left_signed_in(
    new_world: Callable[[], World],
) -> None:
    """Whoever was written down before the hub's token came ends, whoever comes later is refused."""
    for name in rounds("RC11 at the gate"):
        world = named(new_world(), name)
        people = [world.browser() for _ in range(MANY - 1)]
        states = [person.starts()["state"] for person in people]
        world.hub.calls[name] = {"sub": name, "sid": f"hub-sid-{name}", "iat": world.clock(), "jti": name}
        form = {"content-type": "application/x-www-form-urlencoded"}
        told = Request("POST", "/.linkmw/logout", "", form, urlencode({"logout_token": name}).encode())
        works: list[Any] = [partial(p.returns, one) for p, one in zip(people, states, strict=True)]
        works.insert(MANY // 2, partial(world.answer, told))
        answers = at_once(works)
        assert answers[MANY // 2].status == 200
        assert world.product.sessions == {}
        assert {answer.status for answer in answers} <= {200, 303, 400}


def test_rc13_of_sixteen_guesses_at_the_boundary_exactly_what_is_left_reaches_the_product(
    new_world: Callable[[], World],
) -> None:
    for name in rounds("RC13 at the gate"):
        world = named(new_world(), name)
        people = strangers(world)
        answers = at_once([partial(p.submit, username=f"ada{name}", password="guess") for p in people])
        assert Counter(answer.status for answer in answers) == {422: 5, 429: MANY - 5}
        assert len(world.product.asked) == 5


class Issuer:
    """Keys that are fetched; how often."""

    def __init__(self) -> None:
        self.asked = 0
        self.cache = KeyCache(self.fetch, lambda: 0)

    async def fetch(self) -> KeySet:
        self.asked += 1
        return KeySet(())

    async def fetched(self) -> KeySet:
        return await self.cache.get()


def test_rc15_of_sixteen_threads_and_sixteen_tasks_one_fetches_the_keys() -> None:
    for _ in rounds("RC15"):
        issuer = Issuer()
        assert len(at_once([lambda issuer=issuer: run_now(issuer.fetched())] * MANY)) == MANY
        assert issuer.asked == 1
        issuer = Issuer()

        async def crowd(issuer: Issuer = issuer) -> None:
            await asyncio.gather(*(issuer.fetched() for _ in range(MANY)))

        asyncio.run(crowd())
        assert issuer.asked == 1
