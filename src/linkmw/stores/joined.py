"""Reads that several callers in one event loop ask for at the same moment: one question to Redis for all of them.

A question takes redis-py a hundred microseconds of CPU, and one about many keys little more. So where each request
asks, a busy process asks once for all the requests its loop has at hand, and an idle one loses a turn of its loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

Values = Sequence[bytes | None]


@dataclass(slots=True, eq=False)
class _Batch:
    """Who waits for one question, which is asked in the next turn of the loop."""

    loop: asyncio.AbstractEventLoop
    waiting: list[tuple[bytes, asyncio.Future[bytes | None]]] = field(default_factory=list, repr=False)
    task: asyncio.Task[None] | None = None  # held by each who waits: a loop holds none


class Joined:
    """For any number of loops. read: the values of these keys, in their order; what it raises, each caller raises."""

    def __init__(self, read: Callable[[Sequence[bytes]], Awaitable[Values]]) -> None:
        self._read = read
        self._next: _Batch | None = None

    async def get(self, key: bytes) -> bytes | None:
        """The value as it is after this call began: nobody joins a question that has been asked already."""
        loop, batch = asyncio.get_running_loop(), self._next
        if batch is None or batch.loop is not loop:
            batch = self._next = _Batch(loop)
            batch.task = loop.create_task(self._ask(batch))
        found: asyncio.Future[bytes | None] = loop.create_future()
        batch.waiting.append((key, found))
        return await found

    async def _ask(self, batch: _Batch) -> None:
        if self._next is batch:
            self._next = None
        try:
            values = await self._read([key for key, _ in batch.waiting])
            answered = list(zip(batch.waiting, values, strict=True))
        except Exception as error:
            for _, found in batch.waiting:
                if not found.done():
                    found.set_exception(error)
            return
        except BaseException:  # the loop is ending
            for _, found in batch.waiting:
                found.cancel()
            raise
        for (_, found), value in answered:
            if not found.done():  # a visitor who has left
                found.set_result(value)
