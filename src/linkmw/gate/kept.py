"""One value that is asked for by one caller at a time and kept for a moment; a failure is kept as long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from linkmw.errors import LinkmwError
from linkmw.run import outcome_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[T]):
    value: T | LinkmwError
    until: float


class Kept(Generic[T]):
    """What `ask` said within the last `seconds`. clock: seconds, never set back (`time.monotonic`).

    For coroutines of an event loop and for threads that drive them with `run_now` alike. last: the last value that
    was no failure, however old.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], seconds: float, clock: Callable[[], float]) -> None:
        self.last: T | None = None
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()  # held for a few instructions, never across an await
        self._outcome: _Outcome[T] | None = None
        self._under_way: Future[_Outcome[T] | None] | None = None

    async def get(self) -> T:
        """The value. Raises the LinkmwError that asking ended in."""
        outcome = None
        while outcome is None:  # None: who asked was cancelled, or met a defect; it is our turn
            outcome = await self._present()
        if isinstance(outcome.value, LinkmwError):
            raise outcome.value
        return outcome.value

    async def _present(self) -> _Outcome[T] | None:
        with self._lock:
            if self._outcome is not None and self._clock() < self._outcome.until:
                return self._outcome
            ours = self._under_way is None
            under_way = self._under_way = self._under_way or Future()
        return await self._asked(under_way) if ours else await outcome_of(under_way)

    async def _asked(self, under_way: Future[_Outcome[T] | None]) -> _Outcome[T]:
        outcome: _Outcome[T] | None = None
        try:
            outcome = _Outcome(await self._answer(), self._clock() + self._seconds)
            self._outcome = outcome
            return outcome
        finally:
            self._under_way = None
            under_way.set_result(outcome)

    async def _answer(self) -> T | LinkmwError:
        try:
            self.last = value = await self._ask()
        except LinkmwError as error:
            return error
        return value
