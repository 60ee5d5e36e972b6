"""Work that runs beside the requests: a look at what is due, a pause, the next look, until the hub stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from linkmw.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Work:
    """One such loop.

    name: what the log calls it. look: deals with what is due; True when more may be. pause: ends when it is time for
    the next look; cancelled when the hub stops. stop_seconds: how long a look may then still take, None for as long as
    it does.
    """

    name: str
    look: Callable[[], Awaitable[bool]]
    pause: Callable[[], Awaitable[object]]
    log: logging.Logger
    stop_seconds: float | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the block runs, so does the loop; at its end a look that is under way is finished, if it can be."""
        stop = asyncio.Event()
        loop = asyncio.create_task(self._until(stop), name=f"linkmw {self.name}")
        try:
            yield
        finally:
            stop.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(loop, self.stop_seconds)

    async def _until(self, stop: asyncio.Event) -> None:
        stopped = asyncio.ensure_future(stop.wait())
        while not stop.is_set():
            if not await self._look():
                pause = asyncio.ensure_future(self.pause())
                await asyncio.wait((pause, stopped), return_when=asyncio.FIRST_COMPLETED)
                pause.cancel()

    async def _look(self) -> bool:
        """As `look`; what cannot be read is looked at again."""
        try:
            return await self.look()
        except Unavailable as error:
            self.log.warning("the %s cannot be read: %s", self.name, error)
        except Exception:
            self.log.exception("the %s stumbled", self.name)  # it goes on: others must not wait for a defect
        return False
