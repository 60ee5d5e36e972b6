"""One product that serves several hosts, each with settings of its own: whose gate a request comes to (P-4).

The Host header chooses among the hosts that are configured, and says nothing else (HT09, UM08). Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from linkmw.gate.in_force import InForce

Gate = TypeVar("Gate", covariant=True)


class Gates(Generic[Gate]):
    """A gate for each host with settings of its own, and one for all others. A shell makes it in its constructor."""

    def __init__(self, in_force: InForce, made: Callable[[InForce], Gate]) -> None:
        self._others = made(in_force.at(None))
        self._own = {host: made(in_force.at(host)) for host, _ in in_force.settings.hosts}

    def of(self, host: str) -> Gate:
        """The gate for a request with this Host header; "" for one that has none."""
        return self._own.get(name_in(host), self._others)

    def __iter__(self) -> Iterator[Gate]:
        yield self._others
        yield from self._own.values()


def name_in(host: str) -> str:
    """The name in a Host header: without port, in lower case, and without the dot that may end it.

    "Shop.example.com.:8000" is that host to browsers and frameworks, so its doors are those of shop.example.com.
    """
    return host.strip().partition(":")[0].lower().removesuffix(".")
