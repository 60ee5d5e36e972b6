"""Many at once, again and again: ten rounds of each race in every run, two hundred by `make races`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

MANY = 16
SHORT = 10
ROUNDS = int(os.environ.get("RACE_ROUNDS", SHORT))
_SHOWN = 20  # rounds from one line of progress to the next

NUMBERS = count(1)  # of accounts, people, codes: each round has its own, whatever the rounds before left


def rounds(what: str, most: int = ROUNDS) -> Iterator[str]:
    """A name of its own for each round."""
    for number in range(1, most + 1):
        yield str(next(NUMBERS))
        if most > SHORT and number % _SHOWN == 0:
            print(f"  {what}: {number} of {most} rounds", flush=True)


def at_once(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each of `works` answers or raises, all begun at the same moment in threads of their own."""
    barrier = threading.Barrier(len(works))

    def one(work: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(one, works))
