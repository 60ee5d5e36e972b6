"""Guesses under a limit, in one process's memory: the same decisions as the scripts of `redis_tries`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from linkmw.gate.ports import FORGET_SECONDS, STOPPED_SECONDS, Limit


@dataclass(slots=True)
class _State:
    """since: when the window began. tries: in it. free: when the next is allowed. total: since the last success."""

    since: int
    tries: int = 0
    free: int = 0
    total: int = 0
    expires: int = 0
    parts: Counter[str] = field(default_factory=Counter)
    of_window: Counter[tuple[str, int]] = field(default_factory=Counter)  # by part and the window's beginning


class Tries:
    """`gate.ports.Tries` for one process."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._states: dict[tuple[str, str], _State] = {}
        self._lock = Lock()

    async def attempt(self, purpose: str, value: str, part: str, limit: Limit) -> int:
        now = self._now()
        with self._lock:
            self._states = {key: state for key, state in self._states.items() if state.expires > now}
            state = self._states.setdefault((purpose, value), _State(now))
            wait = _wait(state, limit, now)
            if wait == 0:
                _count(state, part, limit, now)
            return wait

    async def forgive(self, purpose: str, value: str, part: str, limit: Limit) -> None:
        with self._lock:
            state = self._states.get((purpose, value))
            if state is None or part not in state.parts:
                return
            state.tries -= state.of_window.pop((part, state.since), 0)
            state.total -= state.parts.pop(part)
            if state.tries < limit.tries:
                state.free = 0
            if state.total <= 0:
                del self._states[purpose, value]


def _wait(state: _State, limit: Limit, now: int) -> int:
    if limit.stop and state.total >= limit.stop:
        return state.expires - now
    return max(0, state.free - now)


def _count(state: _State, part: str, limit: Limit, now: int) -> None:
    if _is_over(state, limit, now):
        state.since, state.tries = now, 0
    state.tries += 1
    state.total += 1
    state.parts[part] += 1
    state.of_window[part, state.since] += 1
    state.free = 0
    if state.tries >= limit.tries:
        waits = limit.waits[: state.tries - limit.tries + 1]
        state.free = now + waits[-1] if waits else state.since + limit.seconds
    end = max(state.free + (FORGET_SECONDS if limit.waits else 0), state.since + limit.seconds)
    state.expires = now + STOPPED_SECONDS if limit.stop else end


def _is_over(state: _State, limit: Limit, now: int) -> bool:
    """Does a new window begin, or after long enough a new row of waits?"""
    if limit.waits and state.tries >= limit.tries:
        return now >= state.free + FORGET_SECONDS
    return now >= state.since + limit.seconds
