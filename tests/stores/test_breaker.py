"""The breaker: one caller waits for a silent server, the others are told at once."""

from __future__ import annotations

import pytest

from linkmw.errors import Unavailable
from linkmw.stores.breaker import OPEN_SECONDS, Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def slow_failure(breaker: Breaker, clock: Clock) -> None:
    began = breaker.enter()
    clock.now += 0.5
    breaker.failed(began)


def test_rf01_a_slow_failure_turns_callers_away_for_two_seconds() -> None:
    clock = Clock()
    breaker = Breaker("Redis", 0.25, clock)
    slow_failure(breaker, clock)
    with pytest.raises(Unavailable):
        breaker.enter()
    clock.now += OPEN_SECONDS - 0.01
    with pytest.raises(Unavailable):
        breaker.enter()
    clock.now += 0.01
    assert breaker.enter() == clock.now


def test_rf01_one_caller_tries_for_all_and_its_answer_lets_everybody_in() -> None:
    clock = Clock()
    breaker = Breaker("Redis", 0.25, clock)
    slow_failure(breaker, clock)
    clock.now += OPEN_SECONDS
    breaker.enter()
    with pytest.raises(Unavailable):
        breaker.enter()
    breaker.answered()
    breaker.enter()
    breaker.enter()


def test_rf01_a_quick_failure_turns_nobody_away() -> None:
    clock = Clock()
    breaker = Breaker("Redis", 0.25, clock)
    breaker.failed(breaker.enter())
    assert breaker.enter() == clock.now


def test_rf01_a_server_that_refuses_after_it_was_silent_keeps_nobody_waiting() -> None:
    clock = Clock()
    breaker = Breaker("Redis", 0.25, clock)
    slow_failure(breaker, clock)
    clock.now += OPEN_SECONDS
    breaker.failed(breaker.enter())
    breaker.enter()
    breaker.enter()
