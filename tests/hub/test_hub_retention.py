"""The hub forgets beside its work, and stops without leaving any of it behind."""

from __future__ import annotations

import asyncio

from linkmw.hub.retention import Retention


def test_a_look_under_way_is_finished_before_the_connections_are_closed() -> None:
    done: list[int] = []

    async def story() -> None:
        begun = asyncio.Event()

        async def forget(before: int) -> int:
            begun.set()
            for _ in range(5):  # SQL is at work in a thread
                await asyncio.sleep(0)
            done.append(before)
            return 0

        async with Retention([forget], days=1, now=lambda: 100_000).running():
            await begun.wait()
        assert done == [100_000 - 86_400]

    asyncio.run(story())
