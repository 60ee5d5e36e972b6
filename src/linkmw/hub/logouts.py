"""Products are told that a sign-in is over (OPS-8): at once, and ever more seldom until they have taken it.

Every hub process may run the loop; each logout goes to one of them. A logout is lost never, and told twice now and
then, which ends nothing more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from asyncio import Semaphore, Task
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from linkmw.errors import Unavailable
from linkmw.hub import place
from linkmw.hub.beside import Work
from linkmw.hub.ports import LOGOUT_SECONDS, Logout, LogoutItem, NewLink, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Client, Identity
from linkmw.oidc import logout_token

_log = logging.getLogger("linkmw.logout")

AT_ONCE = 4  # calls of one process that one product has under way
LOOKED_AT = 64  # rows in one look
HELD = 64  # logouts of one product that a process holds: what else is due for it stays in SQL (DS05)
RETRIES = (1, 2, 5, 10, 30, 60)  # seconds from one try to the next, then EVER_AFTER
EVER_AFTER = 300
SILENT_SECONDS = 1.0  # so long a product that did not answer is not asked again, whatever else it has to be told
STOP_SECONDS = 10  # for calls under way when the hub stops; what is cut off is told by another process, or later


async def tell(ports: Ports, identity: Identity, hub_sid: str = "") -> None:
    """Every product where `identity` has an account is going to be told.

    hub_sid: of the one session that is over; "" for every session of the person.
    """
    issued = [tenant for tenant in await ports.registry.tenants() if tenant.issuer == identity.issuer]
    clients = [client for tenant in issued for client in await ports.registry.clients_of(tenant.organization_id)]
    await ports.logouts.put_of(identity, [client.client_id for client in clients], hub_sid, ports.now())


async def of_before(ports: Ports, links: Sequence[NewLink]) -> None:
    """What linkmw opened for these accounts before they become this identity's ends at their products (LT02).

    Told before they are linked, so that nothing fails in between; of a second ago, for what the link itself opens
    begins in this very second and stands (RC11).
    """
    await ports.logouts.put([Logout(link.client_id, link.account.account_id) for link in links], ports.now() - 1)


def next_try(item: LogoutItem, now: int) -> int | None:
    """When a logout that was not taken is due again; None once it is too old."""
    due = now + (RETRIES[item.tries - 1] if item.tries <= len(RETRIES) else EVER_AFTER)
    return due if due <= item.created + LOGOUT_SECONDS else None


@dataclass(slots=True)
class _Lane:
    """One product's own queue: what it is slow at delays itself alone. silent_until: by the monotonic clock."""

    places: Semaphore = field(default_factory=lambda: Semaphore(AT_ONCE))
    silent_until: float = 0.0
    held: int = 0


class Delivery:
    """The loop of one process."""

    def __init__(self, ports: Ports, settings: HubSettings) -> None:
        self._ports = ports
        self._settings = settings
        self._lanes: dict[str, _Lane] = {}  # as many as there are products
        self._under_way: set[Task[None]] = set()
        self._room = asyncio.Event()  # a product that was full takes logouts again

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the block runs, products are told; at its end calls under way are finished, if that is quick."""
        try:
            async with Work("logouts", self._look, self._pause, _log, STOP_SECONDS).running():
                yield
        finally:
            if self._under_way:
                await asyncio.wait(self._under_way, timeout=STOP_SECONDS)

    async def _look(self) -> bool:
        return len(await self.begin()) == LOOKED_AT

    async def _pause(self) -> None:
        waits = [
            asyncio.ensure_future(self._ports.logouts.arrival(self._settings.outbox_seconds)),
            asyncio.ensure_future(self._room.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._room.clear()

    async def begin(self) -> list[Task[None]]:
        """What is due now is under way: its tasks."""
        full = [client_id for client_id, lane in self._lanes.items() if lane.held >= HELD]
        items = await self._ports.logouts.claim(self._ports.now(), LOOKED_AT, full)
        for item in items:
            self._lane(item).held += 1
        begun = [asyncio.create_task(self._tell(item)) for item in items]
        for task in begun:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return begun

    def _lane(self, item: LogoutItem) -> _Lane:
        return self._lanes.setdefault(item.logout.client_id, _Lane())

    async def _tell(self, item: LogoutItem) -> None:
        lane = self._lane(item)
        try:
            await self._in_lane(lane, item)
        finally:
            lane.held -= 1
            if lane.held == HELD // 2:  # from here on a look fills it up before it runs dry
                self._room.set()

    async def _in_lane(self, lane: _Lane, item: LogoutItem) -> None:
        async with lane.places:
            try:
                if time.monotonic() < lane.silent_until:
                    raise Unavailable(f"{item.logout.client_id} was silent a moment ago")
                await self._hand_in(item)
            except Exception as error:
                lane.silent_until = time.monotonic() + SILENT_SECONDS
                await self._put_off(item, str(error) if isinstance(error, Unavailable) else type(error).__name__)
            else:
                with suppress(Unavailable):  # then it is told once more when its claim ends
                    await self._ports.logouts.told(item.item_id)

    async def _hand_in(self, item: LogoutItem) -> None:
        client = await self._ports.registry.client(item.logout.client_id)
        if client is None:
            raise Unavailable(f"{item.logout.client_id} is not enabled")
        if place.logout_uri(client):
            await self._ports.products.log_out(client, await self._token(client, item))
            _log.info("logout %d was told to %s at try %d", item.item_id, client.client_id, item.tries)

    async def _token(self, client: Client, item: LogoutItem) -> str:
        """Made for this try: a product takes none that is older than two minutes, and each once."""
        claims = logout_token.claims_for(
            issuer=place.issuer(self._settings, client.client_id),
            audience=client.client_id,
            now=self._ports.now(),
            jti=self._ports.token(),
            subject=item.logout.account_id,
            sid=item.logout.hub_sid,
            happened=item.created,
        )
        return await self._ports.keys.sign(client.signing_algorithm, logout_token.TYP, claims)

    async def _put_off(self, item: LogoutItem, reason: str) -> None:
        due = next_try(item, self._ports.now())
        with suppress(Unavailable):
            await self._ports.logouts.failed(item.item_id, reason, due)
        outcome = "is given up" if due is None else "will be told again"
        _log.warning("logout %d %s after try %d: %s", item.item_id, outcome, item.tries, reason)
