"""Guesses under a limit, in memory, over asyncio Redis and over blocking Redis alike (BF03 to BF05)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.stores.conftest import Stores
from tests.stores.values import entry

from linkmw.gate.ports import FORGET_SECONDS, STOPPED_SECONDS, Limit
from linkmw.run import run_now
from linkmw.stores.memory import GateMemory

FIVE = Limit(5, 300)


def attempt(stores: Stores, part: str = "ann", limit: Limit = FIVE, value: str = "ann") -> int:
    return stores.run(stores.gate.tries.attempt("password", value, part, limit))


def forgive(stores: Stores, part: str, limit: Limit = FIVE) -> None:
    stores.run(stores.gate.tries.forgive("password", "ann", part, limit))


def test_bf03_of_a_hundred_at_once_five_are_let_through(stores: Stores) -> None:
    waits = stores.together(lambda: stores.gate.tries.attempt("password", "ann", "ann", FIVE), times=100)
    assert waits.count(0) == 5
    assert {298 <= wait <= 300 for wait in waits if wait} == {True}


def test_bf03_limits_are_apart(stores: Stores) -> None:
    assert [attempt(stores) for _ in range(5)] == [0] * 5
    assert attempt(stores) > 0
    assert attempt(stores, value="bob") == 0
    assert stores.run(stores.gate.tries.attempt("code", "ann", "ann", FIVE)) == 0


def test_a_refused_try_is_not_counted_and_draws_nothing_out(stores: Stores) -> None:
    two = Limit(1, 2)
    assert attempt(stores, limit=two) == 0
    stores.comes_true(lambda: stores.gate.tries.attempt("password", "ann", "ann", two), 0)
    assert attempt(stores, limit=two) > 0


def test_bf04_what_is_forgiven_is_that_part_alone(stores: Stores) -> None:
    assert [attempt(stores, part) for part in ("ann", "an.n", "ann", "an.n", "ann")] == [0] * 5
    forgive(stores, "an.n")
    assert [attempt(stores, "an.n") == 0 for _ in range(3)] == [True, True, False]
    forgive(stores, "nobody's")
    assert attempt(stores) > 0
    forgive(stores, "ann")
    assert [attempt(stores) == 0 for _ in range(4)] == [True, True, True, False]


def test_a_counter_that_is_all_forgiven_is_gone(stores: Stores) -> None:
    waits = Limit(2, 300, (60,), stop=3)
    for _ in range(4):
        assert attempt(stores, limit=waits) == 0
        forgive(stores, "ann", waits)


class Years:
    """The memory store with a clock to move: for waits nobody sits through. The lockstep test holds Redis to it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000
        self.tries = GateMemory(lambda: self.now).tries

    def attempt(self, limit: Limit, part: str = "ann") -> int:
        return run_now(self.tries.attempt("password", "ann", part, limit))

    def forgive(self, limit: Limit, part: str) -> None:
        run_now(self.tries.forgive("password", "ann", part, limit))


def test_after_the_last_try_the_waits_grow_and_the_longest_stays() -> None:
    years, limit = Years(), Limit(5, 300, (60, 120, 240, 480, 900))
    assert [years.attempt(limit) for _ in range(5)] == [0] * 5
    for wait in (60, 120, 240, 480, 900, 900, 900):
        assert years.attempt(limit) == wait
        years.now += wait - 1
        assert years.attempt(limit) == 1
        years.now += 1
        assert years.attempt(limit) == 0


def test_after_half_a_day_without_a_try_the_waits_begin_with_the_shortest() -> None:
    years, limit = Years(), Limit(1, 300, (60, 120))
    assert years.attempt(limit) == 0
    years.now += 60 + FORGET_SECONDS - 1
    assert (years.attempt(limit), years.attempt(limit)) == (0, 120)
    years.now += 120 + FORGET_SECONDS
    assert (years.attempt(limit), years.attempt(limit)) == (0, 60)


def test_fewer_tries_than_allowed_are_forgotten_with_their_window() -> None:
    years = Years()
    for _ in range(20):
        assert [years.attempt(FIVE) for _ in range(4)] == [0] * 4
        years.now += 300


def test_at_the_stop_there_is_no_next_try_until_a_month_without_one() -> None:
    years, limit = Years(), Limit(5, 300, (60,), stop=8)
    for _ in range(8):
        years.now += 300
        assert years.attempt(limit) == 0
    years.now += STOPPED_SECONDS - 1
    assert years.attempt(limit) == 1
    years.now += 1
    assert years.attempt(limit) == 0


def test_bf04_a_success_takes_its_own_tries_off_the_stop_in_whichever_window_they_were() -> None:
    years, limit = Years(), Limit(2, 300, stop=4)
    for part in ("ann", "an.n", "ann"):
        assert years.attempt(limit, part) == 0
        years.now += 300
    years.forgive(limit, "ann")
    waits = []
    for _ in range(4):
        waits.append(years.attempt(limit, "an.n") > 0)
        years.now += 300
    assert waits == [False, False, False, True]


def test_an_old_try_that_is_forgiven_makes_no_room_in_the_present_window() -> None:
    years = Years()
    assert [years.attempt(FIVE, "ann") for _ in range(4)] == [0] * 4
    years.now += 300
    assert [years.attempt(FIVE, "an.n") for _ in range(4)] == [0] * 4
    years.forgive(FIVE, "ann")
    assert [years.attempt(FIVE, "an.n") == 0 for _ in range(2)] == [True, False]


def test_fc02_an_entry_is_its_browsers_own_and_is_dropped(stores: Stores) -> None:
    entries: Any = stores.gate.entries
    kept = replace(entry(), replaces="23")
    stores.run(entries.put("browser", kept, 60))
    stores.run(entries.drop("attacker", "record"))
    assert stores.run(entries.get("attacker", "record")) is None
    assert stores.run(entries.get("browser", "record")) == kept
    stores.run(entries.drop("browser", "record"))
    assert stores.run(entries.get("browser", "record")) is None
