"""One question for all who came while another was under way: each hears what is theirs, and nothing older."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from linkmw.errors import Unavailable
from linkmw.model import Session
from linkmw.stores.joined import Joined, Values
from linkmw.stores.redis import GateStores, connect
from linkmw.stores.redis_server import Server

VALUES: dict[bytes, bytes | None] = {b"a": b"1", b"b": b"2", b"gone": None}


class Source:
    """Answers by VALUES once it may; `asked`: the keys of each question."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[Sequence[bytes]] = []
        self.may = asyncio.Event()
        self.may.set()
        self._error = error

    async def read(self, keys: Sequence[bytes]) -> Values:
        self.asked.append(keys)
        found = [VALUES.get(key) for key in keys]
        await asyncio.sleep(0)
        await self.may.wait()
        if self._error:
            raise self._error
        return found


async def turns(number: int = 3) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def running(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))  # type: ignore[arg-type]


def test_g3_who_asks_while_a_question_is_under_way_shares_the_next() -> None:
    async def story() -> None:
        source = Source()
        source.may.clear()
        joined = Joined(source.read)
        first = asyncio.create_task(joined.get(b"a"))
        await turns()
        others = [asyncio.create_task(joined.get(key)) for key in (b"gone", b"b", b"a")]
        await turns()
        assert source.asked == [[b"a"]]
        source.may.set()
        assert await asyncio.gather(first, *others) == [b"1", None, b"2", b"1"]
        assert source.asked == [[b"a"], [b"gone", b"b", b"a"]]
        assert await joined.get(b"b") == b"2"
        assert source.asked[2:] == [[b"b"]]

    running(story)


def test_g3_who_comes_in_one_turn_of_the_loop_shares_a_question() -> None:
    async def story() -> None:
        source = Source()
        joined = Joined(source.read)
        answers = await asyncio.gather(*(joined.get(key) for key in (b"a", b"gone", b"b", b"a")))
        assert answers == [b"1", None, b"2", b"1"]
        assert source.asked == [[b"a", b"gone", b"b", b"a"]]

    running(story)


def test_g3_mim27_nobody_is_told_what_was_asked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        source = Source()
        source.may.clear()
        joined = Joined(source.read)
        before = asyncio.create_task(joined.get(b"a"))
        await turns()
        monkeypatch.setitem(VALUES, b"a", None)
        after = asyncio.create_task(joined.get(b"a"))
        await turns()
        source.may.set()
        assert (await before, await after) == (b"1", None)

    running(story)


def test_g3_what_cannot_be_said_is_said_to_each() -> None:
    async def story() -> None:
        joined = Joined(Source(Unavailable("Redis: TimeoutError")).read)
        answers = await asyncio.gather(*(joined.get(key) for key in (b"a", b"b", b"a")), return_exceptions=True)
        assert [type(answer) for answer in answers] == [Unavailable] * 3

    running(story)


def test_g3_a_reply_that_is_none_keeps_nobody_waiting() -> None:
    async def read(_keys: Sequence[bytes]) -> Values:
        await asyncio.sleep(0)
        return [b"1"]

    async def story() -> None:
        joined = Joined(read)
        answers = await asyncio.gather(*(joined.get(key) for key in (b"a", b"b", b"a")), return_exceptions=True)
        assert [type(answer) for answer in answers] == [ValueError] * 3
        assert await joined.get(b"a") == b"1"

    running(story)


@pytest.mark.parametrize("leaves", [0, 1, 2])
def test_g3_a_visitor_who_leaves_takes_no_others_answer(leaves: int) -> None:
    async def story() -> None:
        source = Source()
        source.may.clear()
        joined = Joined(source.read)
        asking = [asyncio.create_task(joined.get(b"b")) for _ in range(3)]
        await turns()
        leaving = asking.pop(leaves)
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving
        source.may.set()
        assert await asyncio.gather(*asking) == [b"2", b"2"]
        assert await joined.get(b"a") == b"1"

    running(story)


def test_g3_each_event_loop_asks_for_itself() -> None:
    """Whatever a loop has left behind that has ended."""
    source = Source()
    joined = Joined(source.read)

    async def left_behind() -> None:
        source.may.clear()
        asking = [asyncio.create_task(joined.get(b"a")) for _ in range(3)]
        await turns()
        assert not any(one.done() for one in asking)

    asyncio.run(left_behind())
    source.may = asyncio.Event()
    source.may.set()
    assert asyncio.run(joined.get(b"b")) == b"2"


def test_g3_a_question_that_was_cancelled_before_it_began_keeps_nobody_waiting() -> None:
    async def story() -> None:
        joined = Joined(Source().read)
        others = asyncio.all_tasks()
        left = asyncio.create_task(joined.get(b"a"))
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - others:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await left
        assert await joined.get(b"b") == b"2"

    running(story)


def test_g3_redis_is_asked_once_for_sixteen_sessions_of_a_moment(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, prefix = int(time.time()), f"{uuid.uuid4().hex}:"
    sids = [f"sid-{number}" for number in range(16)]
    asked: list[Any] = []
    ask = Server.ask

    async def noted(server: Server, *command: Any, **options: Any) -> Any:
        asked.append(command[0])
        return await ask(server, *command, **options)

    async def story() -> None:
        commands = connect(redis_url, timeout=5)
        sessions = GateStores(commands, prefix).sessions
        for sid in sids:
            assert await sessions.put(Session(sid, "17", "i" * 43, "h" * 43, now, now + 600))
        await sessions.end(sids[3])
        monkeypatch.setattr(Server, "ask", noted)
        found = await asyncio.gather(*(sessions.get(sid) for sid in sids))
        assert [one.sid if one else None for one in found] == [sid if sid != sids[3] else None for sid in sids]
        assert asked == ["MGET"]
        await commands.close()

    running(story)
