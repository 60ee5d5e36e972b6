"""The loop that sends what was committed to the outbox. Every hub process may run one; each mail goes to one of them.

A mail is lost never, and doubled only if the process dies, or SQL stays away, between the server's "taken" and our
note of it. Then the repeat has the same Message-ID.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field

from linkmw.errors import Unavailable
from linkmw.hub.beside import Work
from linkmw.hub.ports import Mail, Outbox, OutboxItem

_log = logging.getLogger("linkmw.mail")

Send = Callable[[Mail, str, int], None]  # mail, reference, now; raises Unavailable

AT_ONCE = 4  # mails of one process under way, each in a thread with a connection of its own
# Seconds from one try to the next; five days in all, then the mail is given up (RFC 5321, 4.5.4.1).
RETRIES = (60, 300, 1800, 7200, 21600, 43200, 86400, 86400, 86400, 86400)
STOP_SECONDS = 30  # for what is under way when the hub stops
_NOTES = 60  # tries to note that a mail was taken: better a minute of patience than the mail twice


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the loop works with. every: seconds from an empty look to the next."""

    outbox: Outbox
    send: Send
    now: Callable[[], int]
    every: float
    # Threads of its own: a mail server that hangs must not take those that SQL is asked in.
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "linkmw-mail"))

    def running(self) -> AbstractAsyncContextManager[None]:
        """While the block runs, mails go out; at its end those under way are finished, as far as that is possible."""
        return Work("outbox", self._look, self._pause, _log, STOP_SECONDS).running()

    async def _look(self) -> bool:
        return await self.deliver() == AT_ONCE

    async def _pause(self) -> None:
        await asyncio.sleep(self.every)

    async def deliver(self) -> int:
        """Send what is due now, a handful at most; how many that were."""
        items = await self.outbox.claim(self.now(), AT_ONCE)
        await asyncio.gather(*map(self._send, items))
        return len(items)

    async def _send(self, item: OutboxItem) -> None:
        try:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self.threads, self.send, item.mail, item.reference, self.now())
        except Exception as error:
            reason = str(error) if isinstance(error, Unavailable) else type(error).__name__
            await self._put_off(item, reason)
        else:
            await self._note(item)
            _log.info("mail %d (%s) was sent", item.item_id, item.mail.kind)

    async def _put_off(self, item: OutboxItem, reason: str) -> None:
        wait = next(iter(RETRIES[item.tries - 1 :]), None)
        with suppress(Unavailable):  # then it is due again when its claim ends
            await self.outbox.failed(item.item_id, reason, None if wait is None else self.now() + wait)
        outcome = "is given up" if wait is None else f"waits {wait} s"
        _log.warning("mail %d (%s) %s after try %d: %s", item.item_id, item.mail.kind, outcome, item.tries, reason)

    async def _note(self, item: OutboxItem) -> None:
        for _ in range(_NOTES):
            try:
                return await self.outbox.sent(item.item_id, self.now())
            except Unavailable:
                await asyncio.sleep(self.every)
        _log.error("mail %d was sent, but SQL does not take note: it may be sent once more", item.item_id)
        return None
