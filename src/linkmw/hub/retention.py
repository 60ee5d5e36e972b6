"""What the hub wrote down is forgotten in time: audit rows and mails long since sent, accounts that wait for nobody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from linkmw.errors import Unavailable
from linkmw.hub.beside import Work

_log = logging.getLogger("linkmw.retention")

Forget = Callable[[int], Awaitable[int]]  # drops what is from before that time; how much that was

LOOK_SECONDS = 3600.0
_DAY = 86400


@dataclass(frozen=True, slots=True)
class Retention:
    """Looks at its start and every hour. Several processes may do it at once: what is gone is gone."""

    forgets: Sequence[Forget]
    days: int
    now: Callable[[], int]
    every: float = LOOK_SECONDS

    def running(self) -> AbstractAsyncContextManager[None]:
        """While the block runs, old rows go; at its end a look that is under way is finished: its thread is in SQL."""
        return Work("retention", self._look, self._pause, _log).running()

    async def _look(self) -> bool:
        await self.look()
        return False

    async def _pause(self) -> None:
        await asyncio.sleep(self.every)

    async def look(self) -> None:
        """Drop what is older than `days`; what cannot be reached now is looked at next time."""
        before = self.now() - self.days * _DAY
        for forget in self.forgets:
            try:
                await forget(before)
            except Unavailable as error:
                _log.warning("old rows stay for now: %s", error)
