"""A breaker: a server that keeps its callers waiting is left alone for a while (security.md, section 3: 2 s)."""

from __future__ import annotations

import time
from collections.abc import Callable

from linkmw.errors import Unavailable

OPEN_SECONDS = 2.0


class Breaker:
    """Opened by a failure that cost time, so that only the first caller of a silent server waits for it.

    A refusal costs nothing and opens nothing: the server is noticed the moment it is back. While open, callers are
    turned away at once; after `OPEN_SECONDS` one of them tries for all.
    """

    def __init__(self, of: str, slow_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._of, self._slow_seconds = of, slow_seconds
        self._clock = clock
        self._open = False
        self._until = 0.0

    def enter(self) -> float:
        """When this call began. Raises Unavailable while the breaker is open."""
        now = self._clock()
        if self._open:
            if now < self._until:
                raise Unavailable(f"{self._of} did not answer a moment ago")
            self._until = now + OPEN_SECONDS
        return now

    def waited(self, began: float) -> bool:
        """Has the call that began at `began` been waited for? Then asking once more would be waiting once more."""
        return self._clock() - began >= self._slow_seconds

    def failed(self, began: float) -> None:
        """The call that began at `began` got no answer; soon, or after a wait."""
        self._open = self.waited(began)
        self._until = self._clock() + OPEN_SECONDS

    def answered(self) -> None:
        """The server answered, whatever it said."""
        self._open = False
