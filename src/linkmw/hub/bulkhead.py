"""One product's slowness is its own: so many calls of this process are under way to it, and nobody queues (DS04)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from linkmw.errors import Unavailable

AT_ONCE = 16  # a product that answers in 50 ms is asked 320 times a second by each process


class Bulkhead:
    """How many calls each product has under way, in one event loop."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._under_way: Counter[str] = Counter()  # as many as there are products

    @contextmanager
    def place(self, client_id: str) -> Iterator[None]:
        """While the block runs, a call to that product is under way.

        Raises Unavailable at once when there are too many already: whoever waited would hold what others need.
        """
        if self._under_way[client_id] >= self._at_once:
            raise Unavailable(f"{client_id} is slow: {self._at_once} calls to it are under way")
        self._under_way[client_id] += 1
        try:
            yield
        finally:
            self._under_way[client_id] -= 1
