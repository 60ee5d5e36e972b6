"""Commands to whichever server keeps their key, through failovers and moved slots: Redis Cluster and Sentinel.

redis-py's own cluster clients sit on pools that do not wait, send a write again after a lost reply, sleep inside a
command, and close everybody's connections when one is lost (docs/decisions.md). So this walks the map itself, over the
same connections and time-outs as for one server: what it adds is whom to ask.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import NoScriptError, ReadOnlyError, ResponseError

from linkmw.errors import Unavailable
from linkmw.stores.redis_connections import Word
from linkmw.stores.redis_server import CANNOT_SAY, Command, Server, was_refused
from linkmw.stores.redis_slots import NoMap, Redirect, SlotMap, of_cluster, of_sentinel, redirect
from linkmw.stores.redis_url import Address

LEARN_SECONDS = 0.1  # between two looks at the map, however much goes wrong meanwhile
MAX_HOPS = 4  # servers asked for one command: one, and whom it, a newer map and a slot under way send us on to

Open = Callable[[Address], Server]


@dataclass(frozen=True, slots=True)
class Guide:
    """How the map is learned. seeds: who is asked first. owners_know: may those who keep the keys be asked as well?"""

    question: tuple[Word, ...]
    read: Callable[[Any, Address], SlotMap]
    seeds: tuple[Address, ...]
    owners_know: bool
    health: tuple[Word, ...] = ("PING",)
    healthy: bytes = b""

    def whom(self, found: SlotMap | None) -> Iterator[Address]:
        """Everybody who may know, in no order: no server is asked by all."""
        owners = found.owners() if found and self.owners_know else ()
        known = list(dict.fromkeys((*self.seeds, *owners)))
        yield from random.sample(known, len(known))


def cluster(seeds: tuple[Address, ...]) -> Guide:
    return Guide(
        ("CLUSTER", "SLOTS"), of_cluster, seeds, owners_know=True,
        health=("CLUSTER", "INFO"), healthy=b"cluster_state:ok",
    )  # fmt: skip


def sentinel(seeds: tuple[Address, ...], service: str) -> Guide:
    return Guide(("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service), of_sentinel, seeds, owners_know=False)


class Router:
    """The servers behind one URL. A command costs the wait for one silent server at most (RF01).

    patience: seconds after which a failure was a slow one. What is in doubt is learned anew by the next caller.
    """

    def __init__(
        self,
        guide: Guide,
        open_guide: Open,
        open_data: Open,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._guide = guide
        self._open_guide, self._open_data = open_guide, open_data
        self._guides: dict[Address, Server] = {}
        self._data: dict[Address, Server] = self._guides if guide.owners_know else {}
        self._patience = patience
        self._clock = clock
        self._map: SlotMap | None = None
        self._in_doubt = True
        self._learned = -LEARN_SECONDS

    async def ask(self, *command: Word, key: bytes = b"", tries: int) -> Any:
        """As `Server.ask`; whoever keeps `key` answers."""
        asked, asking = await self._owner(key), False
        for _ in range(MAX_HOPS):
            try:
                return await self._server(asked).ask(*command, tries=tries, asking=asking)
            except NoScriptError:  # the right server, and nothing is wrong with it
                raise
            except (*CANNOT_SAY, Unavailable) as error:
                self._in_doubt = True
                asked, asking = await self._instead(error, key, asked)
        raise Unavailable("Redis: sent from one server to the next")

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        """The replies, one asked for after the other, for each key may have another server; raises as `ask`."""
        return [await self.ask(*command.words, key=command.key, tries=command.tries) for command in commands]

    async def ping(self) -> None:
        """Everything has somebody who keeps it, who answers and says that all is well; raises as `ask`."""
        if not (await self._current()).is_whole:
            self._in_doubt = True
            raise Unavailable("Redis: some slots are nobody's")
        for said in await self.everywhere(*self._guide.health):
            if isinstance(said, bytes) and self._guide.healthy not in said:
                self._in_doubt = True
                raise Unavailable("Redis: the Cluster is down")

    async def everywhere(self, *command: Word) -> list[Any]:
        """The reply of everybody who keeps something; raises as `ask`."""
        found = await self._current()
        try:
            return [await self._server(owner).ask(*command, tries=2) for owner in found.owners()]
        except (*CANNOT_SAY, Unavailable):
            self._in_doubt = True
            raise

    async def close(self) -> None:
        for server in {*self._guides.values(), *self._data.values()}:
            await server.close()

    async def _owner(self, key: bytes) -> Address:
        owner = (await self._current()).owner(key)
        if owner is None:
            self._in_doubt = True
            raise Unavailable("Redis: nobody keeps that slot")
        return owner

    async def _instead(self, error: Exception, key: bytes, asked: Address) -> tuple[Address, bool]:
        """Who may be asked instead, and with ASKING or not. Raises the error when nobody may.

        A server that sends us on, refuses to write or does not listen has certainly not carried the command out.
        """
        sent_on = redirect(error, asked) if isinstance(error, ResponseError) else None
        if sent_on:
            self._note(sent_on)
            return sent_on.owner, not sent_on.for_good
        if isinstance(error, ReadOnlyError) or was_refused(error):
            owner = await self._owner(key)
            if owner != asked:
                return owner, False
        raise error

    def _note(self, sent_on: Redirect) -> None:
        if sent_on.for_good and self._map:
            self._map = self._map.with_moved(sent_on.slot, sent_on.owner)

    async def _current(self) -> SlotMap:
        """The map; a new one when the last is in doubt and nobody else is learning it. Raises Unavailable."""
        if self._map is None or (self._in_doubt and self._clock() - self._learned >= LEARN_SECONDS):
            self._learned, self._in_doubt = self._clock(), False  # claimed: others go by the old one meanwhile
            return await self._learn()
        return self._map

    async def _learn(self) -> SlotMap:
        began, reason = self._clock(), "nobody answers"
        for guide in self._guide.whom(self._map):
            try:
                found = self._guide.read(await self._server_of(guide).ask(*self._guide.question, tries=1), guide)
            except NoMap as error:
                reason = str(error)
            except (*CANNOT_SAY, Unavailable):
                if self._clock() - began >= self._patience:
                    break
            else:
                return self._believe(found)
        self._in_doubt = True
        raise Unavailable(f"Redis: {reason}")

    def _believe(self, found: SlotMap) -> SlotMap:
        self._map = found
        known = {*found.owners(), *self._guide.seeds}
        for gone in [address for address in self._data if address not in known]:
            del self._data[gone]
        return found

    def _server(self, address: Address) -> Server:
        return self._data.get(address) or self._data.setdefault(address, self._open_data(address))

    def _server_of(self, address: Address) -> Server:
        return self._guides.get(address) or self._guides.setdefault(address, self._open_guide(address))
