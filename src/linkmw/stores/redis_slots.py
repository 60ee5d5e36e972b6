"""Who keeps which key: a Cluster's 16,384 slots, or the one master that Sentinels name. Decisions only."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from redis.crc import key_slot
from redis.exceptions import AskError, MovedError

from linkmw.stores.redis_url import Address

SLOTS = 16_384


class NoMap(ValueError):
    """The server that was asked cannot say who keeps what."""


@dataclass(frozen=True, slots=True)
class SlotMap:
    """Owners by slot. ranges: first slot, last slot, owner; ascending. moved: what was said of single slots since."""

    ranges: tuple[tuple[int, int, Address], ...]
    moved: Mapping[int, Address] = field(default_factory=dict)

    def owner(self, key: bytes) -> Address | None:
        """Who keeps `key`; None when nobody does."""
        slot = key_slot(key)
        if slot in self.moved:
            return self.moved[slot]
        before = bisect_right(self.ranges, slot, key=lambda found: found[0]) - 1
        return self.ranges[before][2] if before >= 0 and slot <= self.ranges[before][1] else None

    def owners(self) -> tuple[Address, ...]:
        """Everybody who keeps something, each once."""
        return tuple(dict.fromkeys((*(owner for *_, owner in self.ranges), *self.moved.values())))

    @property
    def is_whole(self) -> bool:
        """Does every slot have an owner?"""
        return sum(last - first + 1 for first, last, _ in self.ranges) == SLOTS

    def with_moved(self, slot: int, owner: Address) -> SlotMap:
        """The same, but for one slot."""
        return replace(self, moved={**self.moved, slot: owner})


def of_cluster(reply: Any, asked: Address) -> SlotMap:
    """What CLUSTER SLOTS says: [first, last, [host, port, …] of the master, its replicas …] for each range.

    A node that does not know its own host leaves it empty: it is the one that was asked. Raises NoMap.
    """
    try:
        return SlotMap(tuple(sorted(_ranges(reply, asked))))
    except (TypeError, ValueError, IndexError, AttributeError):
        raise NoMap("CLUSTER SLOTS") from None


def _ranges(reply: Any, asked: Address) -> Iterator[tuple[int, int, Address]]:
    for first, last, master, *_ in reply:
        yield int(first), int(last), _address(master[0], master[1], asked)


def of_sentinel(reply: Any, asked: Address) -> SlotMap:
    """What SENTINEL GET-MASTER-ADDR-BY-NAME says: [host, port]; nothing for a name it does not know. Raises NoMap."""
    try:
        return SlotMap(((0, SLOTS - 1, _address(reply[0], reply[1], asked)),))
    except (TypeError, ValueError, IndexError, AttributeError):
        raise NoMap("no Sentinel knows that service") from None


@dataclass(frozen=True, slots=True)
class Redirect:
    """A server's word that somebody else has the slot: for good (MOVED), or for this key already (ASK)."""

    slot: int
    owner: Address
    for_good: bool


def redirect(error: Exception, asked: Address) -> Redirect | None:
    """What a server's error says of who has the slot; None when it speaks of something else.

    Before redis-py 6 these errors have no class of their own outside its cluster clients, and keep their first word.
    Without a host it is another port of the server that was asked.
    """
    words = str(error).split()
    if isinstance(error, AskError):
        words.insert(0, "MOVED" if isinstance(error, MovedError) else "ASK")
    match words:
        case [("MOVED" | "ASK") as kind, slot, where]:
            host, _, port = where.rpartition(":")
            if slot.isdigit() and port.isdigit():
                return Redirect(int(slot), _address(host.strip("[]"), port, asked), for_good=kind == "MOVED")
    return None


def _address(host: Any, port: Any, asked: Address) -> Address:
    name = host.decode() if isinstance(host, bytes) else host or ""
    if not isinstance(name, str):
        raise TypeError("not a host")
    return (name if name not in ("", "?") else asked[0]), int(port)
