"""Answers kept for a second: the registry is read at every request and changes by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")

KEEP_SECONDS = 1.0  # no answer lives longer in a process (security.md, RF10)
_MOST = 4096  # answers; keys come from URLs, so strangers choose them


class Recent(Generic[T]):
    """Values by key, each at most a second old. "Nothing there" is an answer and is kept too; an error never is."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, T]] = {}

    async def get(self, key: str, load: Callable[[], Awaitable[T]]) -> T:
        """The kept value, else what `load` answers now."""
        found = self._kept.get(key)
        if found is not None and self._clock() - found[0] < KEEP_SECONDS:
            return found[1]
        started = self._clock()  # the answer is as old as its question
        value = await load()
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key] = (started, value)
        return value
