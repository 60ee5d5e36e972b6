"""Guessing on the proof page: how often, by whom, and what a guess is answered (security.md, BF02 to BF10)."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gate.world import ADA, SITE, Browser, World, header, heading

from linkmw.errors import Unavailable
from linkmw.gate import routes
from linkmw.gate.build import build
from linkmw.gate.limits import Guess, may_try_password, same_name, same_network
from linkmw.gate.ports import Ports
from linkmw.http import Request, Response
from linkmw.model import Account
from linkmw.run import run_now

RIGHT = {"username": "ada", "password": "correct horse"}


class Visitor(Browser):
    """A browser at an address of its own."""

    def __init__(self, world: World, address: str = "192.0.2.7", identity: str = "ada") -> None:
        super().__init__(world)
        self.address = address
        self.identity = identity

    def send(self, request: Request) -> Any:
        return super().send(replace(request, client=self.address))

    def arrives(self, handle: str = "handle") -> Any:
        self.world.proof_arrives(handle, identity=self.identity)
        return self.follow(self.get(f"/.linkmw/prove?handle={handle}"))

    def guesses(self, username: str = "ada", password: str = "guess") -> int:
        return self.submit(username=username, password=password).status


def visitor(world: World, address: str = "192.0.2.7", identity: str = "ada") -> Visitor:
    made = Visitor(world, address, identity)
    made.arrives(f"of {address} {identity}")
    return made


# ---- per account


def test_bf03_the_sixth_password_for_an_account_waits_a_minute_and_says_so(world: World) -> None:
    person = visitor(world)
    assert [person.guesses() for _ in range(5)] == [422] * 5
    answer = person.submit(**RIGHT)
    assert (answer.status, header(answer, "Retry-After")) == (429, "60")
    assert "<strong>Too many tries.</strong> Wait a minute, then try again" in person.page
    assert len(world.product.asked) == 5
    assert person.account == ""
    world.clock.time += 59
    assert header(person.submit(**RIGHT), "Retry-After") == "1"
    world.clock.time += 1
    assert person.submit(**RIGHT).status == 200


def test_bf03_each_further_guess_makes_the_wait_longer_up_to_a_quarter_of_an_hour(world: World) -> None:
    person = visitor(world)
    for _ in range(5):
        person.guesses()
    waits = []
    for _ in range(7):
        waits.append(int(header(person.submit(username="ada", password="guess"), "Retry-After")))
        world.clock.time += waits[-1]
        person.arrives(f"after {len(waits)}")
        assert person.guesses() == 422
    assert waits == [60, 120, 240, 480, 900, 900, 900]
    person.guesses()
    assert "Wait 15 minutes" in person.page


def test_bf03_a_hundred_guesses_without_a_right_one_are_the_end_of_it_here() -> None:
    world = World(identity_tries=10_000)
    person = visitor(world)
    for _ in range(100):
        assert person.guesses() == 422
        world.clock.time += 900
        person.arrives(str(world.clock.time))
    asked = len(world.product.asked)
    assert person.submit(**RIGHT).status == 429
    assert "Wait 30 days" in person.page
    world.clock.time += 86_400
    person.arrives("the next day")
    assert person.submit(**RIGHT).status == 429
    assert len(world.product.asked) == asked


@pytest.mark.parametrize(
    "spelling", ["ADA", " ada", "ada ", "a.da", "a d a", "\uff41da", "ada\u00a0", "ªda", "ádà", "a\u200dda"]
)
def test_bf05_spellings_of_one_name_share_five_tries(world: World, spelling: str) -> None:
    person = visitor(world)
    assert [person.guesses(spelling) for _ in range(5)] == [422] * 5
    assert person.submit(**RIGHT).status == 429
    assert len(world.product.asked) == 5


@given(st.text())
def test_bf05_a_name_written_twice_over_is_the_same_name(name: str) -> None:
    assert same_name(same_name(name)) == same_name(name)
    assert same_name(name.upper().lower()) == same_name(name.lower())


def test_bf04_a_right_password_clears_that_account_and_no_other(world: World) -> None:
    attacker = visitor(world, "198.51.100.1", "eve")
    assert [attacker.guesses("bob") for _ in range(5)] == [422] * 5
    person = visitor(world)
    assert [person.guesses() for _ in range(4)] == [422] * 4
    assert person.submit(**RIGHT).status == 200
    again = visitor(world, "192.0.2.8", "grace")
    assert [again.guesses() for _ in range(5)] == [422] * 5
    assert again.submit(username="bob", password="b0b").status == 429


def test_bf04_the_owner_of_a_look_alike_account_does_not_clear_the_guesses_at_the_other(world: World) -> None:
    world.product.accounts["a.da"] = Account("66", "a.da")
    world.product.passwords["a.da"] = "the attacker's own"
    for number in range(4):
        attacker = visitor(world, "198.51.100.1", f"eve{number}")
        attacker.guesses("ada")
        assert attacker.submit(username="a.da", password="the attacker's own").status == 200
    attacker = visitor(world, "198.51.100.1", "mallory")
    assert attacker.guesses("ada") == 422
    assert attacker.guesses("ada") == 429
    assert [name for name, _ in world.product.asked].count("ada") == 5


# ---- per address


def test_bf04_a_right_password_clears_nothing_of_its_address(world: World) -> None:
    attacker = visitor(world, identity="eve")
    for number in range(9):
        assert attacker.guesses(f"user{number}") == 422
    person = visitor(world)  # somebody of the same office
    assert person.submit(**RIGHT).status == 200
    assert attacker.guesses("user9") == 422
    answer = attacker.submit(username="user10", password="guess")
    assert (answer.status, header(answer, "Retry-After")) == (429, "60")
    assert len(world.product.asked) == 11


def test_bf04_right_passwords_of_one_office_use_nothing_up() -> None:
    world = World()
    for number in range(30):
        person = visitor(world, identity=f"colleague{number}")
        assert person.submit(**RIGHT).status == 200


def test_bf09_a_walk_through_one_network_is_one_address(world: World) -> None:
    statuses = []
    for number in range(12):
        attacker = visitor(world, f"2001:db8:0:1::{number:x}", f"eve{number}")
        statuses.append(attacker.guesses(f"user{number}"))
    assert statuses == [422] * 10 + [429] * 2
    assert visitor(world, "2001:db8:0:2::1", "grace").guesses() == 422


def test_bf09_a_header_nobody_trusts_makes_no_new_address(world: World) -> None:
    attacker = visitor(world, identity="eve")
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', attacker.page))
    statuses = [
        attacker.post(
            "/.linkmw/prove", {**form, "username": f"user{n}", "password": "x"}, x_forwarded_for=f"10.0.0.{n}"
        ).status
        for n in range(12)
    ]
    assert statuses == [422] * 10 + [429] * 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "192.0.2.8", False),
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "", True),
        ("unix:", "", False),
    ],
)
def test_bf09_an_ipv6_visitor_is_a_64(one: str, other: str, same: bool) -> None:
    assert (same_network(one) == same_network(other)) is same


# ---- per identity


def test_bf02_one_identity_guesses_twenty_times_a_day_whatever_the_names_and_addresses(world: World) -> None:
    for number in range(20):
        assert visitor(world, f"192.0.2.{number}").guesses(f"user{number}") == 422
    last = visitor(world, "192.0.2.99")
    answer = last.submit(**RIGHT)
    assert (answer.status, header(answer, "Retry-After")) == (429, "86400")
    assert "Wait 24 hours" in last.page
    assert len(world.product.asked) == 20
    assert visitor(world, identity="grace").submit(**RIGHT).status == 200


def test_bf02_a_new_address_on_the_identity_is_no_new_identity(world: World) -> None:
    for number in range(20):
        guesser = Visitor(world, f"192.0.2.{number}")
        world.proof_arrives(f"{number}", identity="eve", email=f"eve{number}@acme.example")
        guesser.follow(guesser.get(f"/.linkmw/prove?handle={number}"))
        assert guesser.guesses(f"user{number}") == 422
    assert visitor(world, "192.0.2.99", "eve").guesses() == 429


def test_bc09_a_hub_that_makes_up_people_and_requests_gets_no_more_guesses_at_an_account(world: World) -> None:
    """The hub is in other hands: every request of its making, a new person and a new address each time."""
    answers = [visitor(world, f"198.51.{n}.1", f"made-up-{n}").guesses("ada") for n in range(12)]
    assert answers == [422] * 5 + [429] * 7
    assert len(world.product.asked) == 5
    assert world.hub.pushed == []


def test_bc09_what_the_hub_is_told_of_a_proof_holds_nothing_that_was_typed(world: World) -> None:
    assert visitor(world).submit(**RIGHT).status == 200
    (pushed,) = world.hub.pushed
    assert (pushed.account, pushed.amr) == (ADA, ("pwd",))
    assert RIGHT["password"] not in str([getattr(pushed, name) for name in pushed.__slots__])


def test_bf06_a_guesser_who_used_up_his_own_tries_does_not_use_up_the_victims(world: World) -> None:
    attacker = visitor(world, "198.51.100.1", "eve")
    for number in range(10):
        attacker.guesses(f"user{number}")
    assert [attacker.guesses("ada") for _ in range(50)] == [429] * 50
    assert visitor(world).submit(**RIGHT).status == 200


def test_a_guess_that_was_not_made_does_not_shorten_the_identitys_day(world: World) -> None:
    person = visitor(world)
    for number in range(40):
        person.guesses()
        world.clock.time += 6
        if number % 9 == 0:
            person.arrives(str(number))
    assert len(world.product.asked) < 20
    assert visitor(world, "192.0.2.9").guesses("bob") == 422


# ---- the native login


def test_bf06_the_native_login_is_not_locked(world: World) -> None:
    person = visitor(world)
    for _ in range(9):
        person.guesses()
    assert world.product.verify_password(Request("POST", "/login"), "ada", "correct horse") == ADA
    assert not isinstance(world.answer(Request("POST", "/login")), Response)


class LockingProduct:
    """Wraps the world's product in the lock-out that many have: six wrong ones, and the account is shut."""

    def __init__(self, product: Any) -> None:
        self._product = product
        self.wrong: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._product, name)

    def verify_password(self, request: Request, username: str, password: str) -> Account | None:
        if self.wrong[username] >= 6:
            return None
        account: Account | None = self._product.verify_password(request, username, password)
        self.wrong[username] += account is None
        return account


def test_bf06_our_limit_is_reached_before_the_products_own_lock_out(world: World) -> None:
    product = LockingProduct(world.product)
    world.having(product=product)
    for number in range(10):
        attacker = visitor(world, f"198.51.100.{number}", f"eve{number}")
        for _ in range(10):
            attacker.guesses()
    assert product.wrong["ada"] == 5
    assert product.verify_password(Request("POST", "/login"), "ada", "correct horse") == ADA


# ---- many at once, with a real Redis


def _post(world: World, person: Browser) -> Request:
    """The form that `person` looks at, filled in with a wrong password."""
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', person.page)
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "origin": SITE,
        "cookie": "; ".join(f"{name}={value}" for name, value in person.cookies.items()),
    }
    body = urlencode({**dict(hidden), "username": "ada", "password": "guess"}).encode()
    return Request("POST", "/.linkmw/prove", "", headers, body, client="192.0.2.7")


def _settle(statuses: list[int], world: World) -> None:
    assert Counter(statuses) == {422: 5, 429: 95}
    assert len(world.product.asked) == 5


@pytest.fixture
def redis_world(redis_server: str, request: pytest.FixtureRequest) -> World:
    patient = {"redis_timeout": 5.0}  # a hundred threads wait for each other; none of them gives Redis up
    limits = {"address_tries": 1000, "identity_tries": 1000}
    return World(redis_url=redis_server, redis_prefix=f"{request.node.name}:", **patient, **limits)


def _over_redis(world: World, *, blocking: bool) -> Ports:
    built = build(world.settings, world.product, blocking=blocking)
    return replace(built, hub=world.hub)


def test_bf03_of_a_hundred_threads_at_limit_5_five_reach_the_product(redis_world: World) -> None:
    world = redis_world
    world.ports = replace(_over_redis(world, blocking=True), now=world.clock)
    person = visitor(world)
    post, gate = _post(world, person), Barrier(100)

    def attempt(_: int) -> int:
        gate.wait()
        answer = world.answer(post)
        assert isinstance(answer, Response)
        return answer.status

    with ThreadPoolExecutor(100) as pool:
        _settle(list(pool.map(attempt, range(100))), world)


def test_bf03_of_a_hundred_tasks_at_limit_5_five_reach_the_product(redis_world: World) -> None:
    world = redis_world
    memory = world.ports
    person = visitor(world)
    post = _post(world, person)

    async def all_of_them() -> list[int]:
        ports = replace(_over_redis(world, blocking=False), now=world.clock, proofs=memory.proofs)
        answers = await asyncio.gather(*(routes.answer(ports, world.settings, post) for _ in range(100)))
        return [answer.status for answer in answers if isinstance(answer, Response)]

    _settle(asyncio.run(all_of_them()), world)


# ---- the store is away


class Silent:
    """A store that cannot say."""

    async def attempt(self, *_: object) -> int:
        raise Unavailable("Redis: TimeoutError")

    forgive = attempt


def test_bf10_a_silent_counter_refuses_with_503_and_asks_nobody(world: World) -> None:
    person = visitor(world)
    world.having(tries=Silent())
    answer = person.submit(**RIGHT)
    assert (answer.status, heading(person.page)) == (503, "Sign-in is not available right now")
    assert int(header(answer, "Retry-After")) > 0
    assert 'href="/login"' in person.page
    assert world.product.asked == []
    assert not isinstance(world.answer(Request("POST", "/login")), Response)


# ---- known and unknown names


def _what_is_seen(answer: Response) -> tuple[int, tuple[tuple[str, str], ...], str]:
    page = re.sub(r'value="[^"]*"|handle=[^"]*|\w+@acme\.example|\w{4}-\w{4}(?=</span>)', "", answer.body.decode())
    return answer.status, answer.headers, page


def test_bf07_a_known_and_an_unknown_name_are_answered_alike_to_the_last_wait(world: World) -> None:
    known = visitor(world, "192.0.2.1", "one")
    unknown = visitor(world, "192.0.2.2", "two")
    for _ in range(7):
        answers = [
            known.submit(username="ada", password="guess"),
            unknown.submit(username="eva", password="guess"),
        ]
        seen = [_what_is_seen(answer) for answer in answers]
        assert seen[0] == seen[1]
    assert Counter(name for name, _ in world.product.asked) == {"ada": 5, "eva": 5}


def test_bc12_an_account_that_is_shut_is_answered_as_a_wrong_password(world: World) -> None:
    """An adapter names nobody for it; the page does not tell it from any other."""
    world.product.passwords.pop("bob")
    person = visitor(world)
    assert person.submit(username="bob", password="b0b").status == 422
    assert "That username and password don’t match." in person.page


# ---- from everywhere at once


def test_bf01_ten_thousand_passwords_from_a_thousand_addresses_are_a_hundred_at_most(world: World) -> None:
    """Each address has tries of its own, the account has not; at one guess a minute this is a week."""
    let_through = 0
    for number in range(10_000):
        guess = Guess("ada", f"2001:db8:{number % 1000:x}::1", f"identity {number % 1000}", f"try {number}")
        let_through += not run_now(may_try_password(world.ports, world.settings, guess))
        world.clock.time += 60
    assert 5 <= let_through <= 100


def test_bf01_at_once_they_are_five_and_each_address_is_told_to_wait(world: World) -> None:
    statuses = Counter()
    for number in range(60):
        person = visitor(world, f"198.51.{number}.7", f"identity {number}")
        statuses[person.guesses()] += 1
    assert statuses == {422: 5, 429: 55}
    assert len(world.product.asked) == 5
    owner = visitor(world, "192.0.2.1", "ada herself")
    owner.get("/.linkmw/prove")
    world.clock.time += 900
    owner.arrives("later")
    assert owner.submit(**RIGHT).status == 200  # nobody is shut out for good by others


def test_bf11_a_guessed_state_or_record_is_answered_alike_and_leaves_nothing(world: World) -> None:
    person = world.browser()
    person.starts()
    for url in ("/.linkmw/callback?code=x&state={}", "/.linkmw/prove?record={}", "/.linkmw/prove?handle={}"):
        answers = set()
        for guess in ("A" * 43, "short", "x" * 200):
            answer = person.get(url.format(guess))
            said = person.page.partition("<main")[2].partition("</main>")[0]
            answers.add((answer.status, re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}", "", said)))
        assert len(answers) == 1, url
    assert world.product.sessions == {}
