"""Reads in one event loop, one question at a time: whoever comes in one turn of the loop shares a question.

And whoever comes while it is under way shares the next. A question takes tens of microseconds of CPU, and one about
many keys little more: where each request asks, a busy process asks once for many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

Values = Sequence[bytes | None]
Waiting = list[tuple[bytes, asyncio.Future[bytes | None]]]


@dataclass(slots=True)
class _Line:
    """One loop's. waiting: whom the next question is for; task: what asks, for a loop holds none."""

    waiting: Waiting = field(default_factory=list, repr=False)
    task: asyncio.Task[None] | None = None


class Joined:
    """For any number of loops. read: the values of these keys, in their order; what it raises, each caller raises."""

    def __init__(self, read: Callable[[Sequence[bytes]], Awaitable[Values]]) -> None:
        self._read = read
        self._lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Line] = WeakKeyDictionary()

    async def get(self, key: bytes) -> bytes | None:
        """The value as it is after this call began: nobody joins a question that has been asked already."""
        loop = asyncio.get_running_loop()
        line = self._lines.get(loop)
        if line is None:
            line = self._lines[loop] = _Line()
        found: asyncio.Future[bytes | None] = loop.create_future()
        line.waiting.append((key, found))
        if line.task is None or line.task.done():  # done: cancelled before it began
            line.task = loop.create_task(self._ask(line))  # begins when all have run who came in this turn of the loop
        return await found

    async def _ask(self, line: _Line) -> None:
        """For all who wait, but for visitors who have left; the next question is for who comes meanwhile."""
        waiting, line.waiting = [one for one in line.waiting if not one[1].done()], []
        try:
            values = await self._read([key for key, _ in waiting]) if waiting else ()
            answered = list(zip(waiting, values, strict=True))
        except Exception as error:
            for _, found in waiting:
                if not found.done():
                    found.set_exception(error)
        except BaseException:  # the loop is ending
            for _, found in waiting:
                found.cancel()
            raise
        else:
            for (_, found), value in answered:
                if not found.done():
                    found.set_result(value)
        finally:
            line.task = asyncio.create_task(self._ask(line)) if line.waiting else None
