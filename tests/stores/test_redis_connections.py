"""Connections that redis-py leaves to us: what a broken Redis, a lost one and a visitor who leaves do to them."""

from __future__ import annotations

import asyncio
import gc
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import redis.asyncio
from redis import exceptions
from redis.exceptions import InvalidResponse, ResponseError
from tests.stores.servers import Server, Wire, free_port, until
from tests.test_tls import certificate

from linkmw.errors import Unavailable
from linkmw.stores.redis import Commands, connect
from linkmw.stores.redis_connections import Connection, Connections
from linkmw.stores.redis_server import LOST, AsyncLine

Story = Callable[[Wire, Commands], Awaitable[None]]


@pytest.fixture
def wire(redis_url: str) -> Iterator[Wire]:
    wire = Wire(urlsplit(redis_url).port or 0)
    yield wire
    wire.close()


def told(wire: Wire, story: Story, options: str = "", timeout: float = 5) -> None:
    """`story`, where two values are kept and the connection stands."""

    async def running() -> None:
        commands = connect(wire.url + options, timeout=timeout)
        while not await stands(wire, commands):  # on a busy machine half a second may be too short for that
            await asyncio.sleep(0.1)
        wire.seen = b""
        await story(wire, commands)
        await commands.close()

    asyncio.run(asyncio.wait_for(running(), 30))


async def stands(wire: Wire, commands: Commands) -> bool:
    try:
        for key, value in ((b"a", b"1"), (b"b", b"2")):
            await commands.put(b"%d:%b" % (wire.port, key), value, 60)
        return await get(wire, commands, b"a") == b"1"
    except Unavailable:
        return False


async def get(wire: Wire, commands: Commands, key: bytes) -> bytes | None:
    return await commands.get_joined(b"%d:%b" % (wire.port, key))


async def unavailable(wire: Wire, commands: Commands) -> str:
    with pytest.raises(Unavailable) as error:
        await get(wire, commands, b"a")
    assert str(wire.port) not in str(error.value)
    return str(error.value)


async def until_in_loop(condition: Callable[[], Any]) -> None:
    await asyncio.to_thread(until, condition)


def test_g3_values_go_over_one_connection_however_many_ask(wire: Wire) -> None:
    async def story(wire: Wire, commands: Commands) -> None:
        before = wire.accepted
        for _ in range(20):
            keys = (b"a", b"gone", b"b") * 5
            assert await asyncio.gather(*(get(wire, commands, key) for key in keys)) == [b"1", None, b"2"] * 5
        assert wire.accepted == before == 1
        assert wire.seen.count(b"MGET") == 20

    told(wire, story)


def test_g3_redis_py_leaves_its_connection_to_us(redis_url: str) -> None:
    async def story() -> None:
        connections = Connections(redis.asyncio.ConnectionPool.from_url(redis_url, protocol=2))
        connection = await connections.take()
        assert connection is not None
        assert await connection.ask([("MGET", b"gone", b"gone"), ("PING",)]) == [[None, None], b"PONG"]
        connections.give_back(connection)
        assert await connections.take() is connection
        connections.give_back(connection)
        await connections.close()
        assert connection.lost

    asyncio.run(story())


@pytest.mark.clusters  # needs a server that was built with TLS, as Debian's is
def test_g3_values_are_asked_for_over_tls(tmp_path: Path) -> None:
    pem, secure = str(certificate(tmp_path, "127.0.0.1")), free_port()
    tls = ("--tls-port", str(secure), "--tls-cert-file", pem, "--tls-key-file", pem, "--tls-auth-clients", "no")
    server = Server(tmp_path, *tls)

    async def story() -> None:
        commands = connect(f"rediss://127.0.0.1:{secure}/1?ssl_ca_certs={pem}", timeout=5)
        value = bytes(range(256)) * 400
        await commands.put(b"a", value, 60)
        with redis.Redis.from_url(server.url) as client:
            for _ in range(3):
                assert await asyncio.gather(*(commands.get_joined(key) for key in (b"a", b"gone"))) == [value, None]
                await asyncio.to_thread(client.client_kill_filter, _type="normal", skipme=True)
        await commands.close()

    asyncio.run(asyncio.wait_for(story(), 30))
    server.stop()


def test_g3_rf09_a_value_of_any_size_comes_whole(wire: Wire) -> None:
    async def story(wire: Wire, commands: Commands) -> None:
        values = {b"%d" % size: bytes(range(256)) * size for size in (0, 1, 4000)}
        for key, value in values.items():
            await commands.put(b"%d:%b" % (wire.port, key), value, 60)
        assert await asyncio.gather(*(get(wire, commands, key) for key in values)) == list(values.values())

    told(wire, story)


@pytest.mark.parametrize("kept", [0, 1, 5, 9])
def test_g3_rf02_a_reply_that_is_lost_or_cut_is_asked_for_again(wire: Wire, kept: int) -> None:
    async def story(wire: Wire, commands: Commands) -> None:
        wire.lose_reply_to(b"MGET", kept=kept)
        assert await get(wire, commands, b"b") == b"2"
        assert (wire.cuts, wire.seen.count(b"MGET")) == (1, 2)
        wire.lose_reply_to(b"MGET", times=2, kept=kept)
        await unavailable(wire, commands)
        assert wire.cuts == 2
        assert await get(wire, commands, b"b") == b"2"

    told(wire, story)


def test_g3_rf01_a_silent_redis_costs_half_a_second_once(wire: Wire) -> None:
    async def story(wire: Wire, commands: Commands) -> None:
        wire.mode = "silent"
        began = time.monotonic()
        assert await unavailable(wire, commands) == "Redis: TimeoutError"
        assert time.monotonic() - began >= 0.45
        assert await unavailable(wire, commands) == "Redis did not answer a moment ago"
        assert wire.seen.count(b"MGET") == 1

    told(wire, story, timeout=0.5)


def test_g3_rf11_a_late_answer_is_nobodys(wire: Wire) -> None:
    async def story(wire: Wire, commands: Commands) -> None:
        line = AsyncLine(wire.url, 0.5)
        a, b = (b"%d:%b" % (wire.port, key) for key in (b"a", b"b"))
        assert await answered(line, a) == [[b"1"]]
        wire.flowing.clear()
        with pytest.raises(TimeoutError):
            await line.send([("MGET", a)])
        wire.flowing.set()
        assert await answered(line, b) == [[b"2"]]
        await line.close()

    told(wire, story)


async def answered(line: AsyncLine, key: bytes) -> list[Any]:
    """Once the machine is quick enough for so short a patience."""
    end = time.monotonic() + 10
    while True:
        try:
            return await line.send([("MGET", key)])
        except LOST:
            assert time.monotonic() < end


ERRORS = {  # how it is called, and which number of connections was opened for that and for the next answer
    "-LOADING Redis is loading the dataset in memory": ("BusyLoadingError", 2),
    "-MOVED 3999 127.0.0.1:6381": ("ResponseError", 0),
    "-NOPERM this user has no permissions to run the 'mget' command": ("NoPermissionError", 0),
    "-NOAUTH Authentication required.": ("AuthenticationError", 2),
    "garbage": ("InvalidResponse", 1),
}


@pytest.mark.parametrize("said", ERRORS)
def test_g3_rf01_whatever_else_redis_says_is_unavailable_and_forgotten_at_once(wire: Wire, said: str) -> None:
    async def story(wire: Wire, commands: Commands) -> None:
        name, opened = ERRORS[said]
        before, wire.mode = wire.accepted, said
        assert await unavailable(wire, commands) == f"Redis: {name}"
        wire.mode = "pass"
        assert await get(wire, commands, b"b") == b"2"
        assert wire.accepted == before + opened

    told(wire, story)


def test_g3_rf01_a_refusal_is_quick_and_forgotten_at_once(tmp_path: Path) -> None:
    port = free_port()

    async def story() -> None:
        commands = connect(f"redis://:hush@127.0.0.1:{port}/3", timeout=5)
        with pytest.raises(Unavailable) as refused:
            await commands.get_joined(b"a")
        assert str(refused.value) == "Redis: ConnectionError"
        server = await asyncio.to_thread(Server, tmp_path, "--requirepass", "hush", port=port)
        await commands.put(b"a", b"1", 60)  # by redis-py, in the same database
        assert await commands.get_joined(b"a") == b"1"
        await asyncio.to_thread(server.stop)
        server = await asyncio.to_thread(Server, tmp_path, "--requirepass", "hush", port=port)
        assert await commands.get_joined(b"a") is None  # over a connection that had died
        await asyncio.to_thread(server.stop)
        await commands.close()

    asyncio.run(asyncio.wait_for(story(), 30))


def test_g3_rf01_a_connection_that_redis_closes_is_opened_again(wire: Wire, redis_url: str) -> None:
    async def story(wire: Wire, commands: Commands) -> None:
        with redis.Redis.from_url(redis_url) as client:
            for _ in range(3):
                await asyncio.to_thread(client.client_kill_filter, _type="normal", skipme=True)
                assert await get(wire, commands, b"b") == b"2"

    told(wire, story)


@pytest.mark.parametrize("with_it", [True, False])
def test_g3_rf11_what_comes_unasked_is_nobodys_answer(*, with_it: bool) -> None:
    """One reply more than was asked for, with the right one or after it; whoever asks next would take it for theirs."""
    may, closed = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(65536):
            if b"MGET" in said:
                writer.write(b"*1\r\n$1\r\n1\r\n")
                if not with_it:
                    await may.wait()
                writer.write(b"*1\r\n$1\r\nx\r\n")
            else:
                writer.write(b"+OK\r\n" * said.count(b"SETINFO"))
        writer.close()
        closed.set()

    async def story() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        commands = connect(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", timeout=5)
        for _ in range(2):
            may.clear()
            closed.clear()
            if with_it:
                with pytest.raises(Unavailable):
                    await commands.get_joined(b"a")
            else:
                assert await commands.get_joined(b"a") == b"1"
            may.set()
            await closed.wait()
        await commands.close()
        server.close()

    asyncio.run(asyncio.wait_for(story(), 30))


def test_g3_rf11_who_does_not_wait_leaves_the_answer_to_nobody(wire: Wire) -> None:
    async def story(wire: Wire, commands: Commands) -> None:
        line = AsyncLine(wire.url, 5)
        keys = [b"%d:%b" % (wire.port, key) for key in (b"a", b"b")]
        assert await line.send([("MGET", *keys)]) == [[b"1", b"2"]]
        wire.seen = b""
        wire.flowing.clear()
        asked = asyncio.create_task(line.send([("MGET", keys[0])]))
        await until_in_loop(lambda: b"MGET" in wire.seen)
        both = asyncio.create_task(line.send([("MGET", keys[1], keys[0])]))
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        wire.flowing.set()
        assert await both == [[b"2", b"1"]]
        for _ in range(3):
            assert await line.send([("MGET", keys[1])]) == [[b"2"]]
        await line.close()

    told(wire, story)


def test_g3_a_redis_py_that_leaves_no_connection_to_us_asks_itself(wire: Wire) -> None:
    async def story(wire: Wire, commands: Commands) -> None:
        before = wire.accepted
        for _ in range(3):
            answers = await asyncio.gather(*(get(wire, commands, key) for key in (b"a", b"gone", b"b")))
            assert answers == [b"1", None, b"2"]
        assert wire.accepted == before
        assert wire.seen.count(b"MGET") == 3

    told(wire, story, "?protocol=3")


def test_rf11_a_connection_that_redis_py_reads_otherwise_is_not_ours(redis_url: str) -> None:
    async def story(client: redis.Redis) -> None:
        connections = Connections(redis.asyncio.ConnectionPool.from_url(redis_url, protocol=3))
        before = len(client.client_list())
        assert await connections.take() is None
        assert not connections.are_ours
        await until_in_loop(lambda: len(client.client_list()) == before)

    with redis.Redis.from_url(redis_url) as client:
        asyncio.run(story(client))


@contextmanager
def nothing_is_left_open() -> Iterator[None]:
    """Not even for the collector to close, which would say so."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(one.message) for one in said if issubclass(one.category, ResourceWarning)] == []


def test_rf11_what_was_lost_is_closed(wire: Wire, redis_url: str) -> None:
    async def story(wire: Wire, commands: Commands) -> None:
        with redis.Redis.from_url(redis_url) as client:
            for _ in range(3):
                await asyncio.to_thread(client.client_kill_filter, _type="normal", skipme=True)
                assert await get(wire, commands, b"b") == b"2"

    with nothing_is_left_open():
        told(wire, story)


def test_rf11_a_connection_that_could_not_be_opened_in_time_is_closed() -> None:
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass
        writer.close()
        closed.set()

    async def story() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        commands = connect(f"redis://:hush@127.0.0.1:{server.sockets[0].getsockname()[1]}/0", timeout=0.3)
        with pytest.raises(Unavailable):
            await commands.get(b"a")
        await closed.wait()
        await commands.close()
        server.close()

    with nothing_is_left_open():
        asyncio.run(asyncio.wait_for(story(), 30))


def test_g3_rf11_each_event_loop_has_its_own_and_gives_it_back(wire: Wire, redis_url: str) -> None:
    commands = connect(wire.url, timeout=5)
    with redis.Redis.from_url(redis_url) as client, warnings.catch_warnings():
        warnings.simplefilter("error")
        before = len(client.client_list())
        for turn in range(1, 4):
            with asyncio.Runner() as runner:
                assert runner.run(get(wire, commands, b"a")) is None
                assert runner.run(get(wire, commands, b"a")) is None
                assert wire.accepted == turn
                runner.run(commands.close())
                assert runner.run(get(wire, commands, b"a")) is None  # whoever asks after that opens it again
                runner.run(commands.close())
            wire.accepted = turn
        gc.collect()
        until(lambda: len(client.client_list()) == before)


class Transport(asyncio.Transport):
    """What redis-py opened, with nobody behind it."""

    def get_protocol(self) -> asyncio.BaseProtocol:
        return asyncio.Protocol()

    def set_protocol(self, _protocol: asyncio.BaseProtocol) -> None: ...

    def write(self, _data: Any) -> None: ...

    def abort(self) -> None: ...


class Opened:
    def pack_commands(self, _commands: Any) -> list[bytes]:
        return []

    async def disconnect(self, *, nowait: bool = False) -> None: ...


async def read(pieces: list[bytes], number: int) -> list[Any] | None:
    """The replies to so many commands, if these pieces are all that comes; None while some of it is missing."""
    connection = Connection(Opened(), Transport())
    asking = asyncio.create_task(connection.ask([("PING",)] * number))
    await asyncio.sleep(0)
    for piece in pieces:
        connection.data_received(piece)
    done, _ = await asyncio.wait([asking], timeout=0)
    if not done:
        asking.cancel()
    return asking.result() if done else None


OCTETS = bytes(range(256))
SAID = b"*3\r\n$-1\r\n$0\r\n\r\n$4\r\n\r\n\r\n\r\n" + b":7\r\n-ERR no\r\n+OK\r\n" + b"$256\r\n" + OCTETS + b"\r\n*0\r\n"


def test_rf09_any_octets_are_read_as_they_are_however_they_come() -> None:
    async def story() -> None:
        for pieces in ([SAID], [SAID[at : at + 1] for at in range(len(SAID))]):
            values, number, error, status, octets, nothing = await read(pieces, 6) or []
            assert (values, number, status, octets, nothing) == ([None, b"", b"\r\n\r\n"], 7, b"OK", OCTETS, [])
            assert isinstance(error, ResponseError)
            assert str(error) == "ERR no"
        for cut in range(1, len(SAID)):
            assert await read([SAID[:cut]], 6) is None
            assert len(await read([SAID[:cut], SAID[cut:]], 6) or []) == 6

    asyncio.run(story())


def test_rf01_an_error_that_is_no_text_is_an_error_too() -> None:
    [error] = asyncio.run(read([b"-OOM \xff\r\n"], 1)) or []
    assert type(error) is exceptions.OutOfMemoryError


def test_rf11_a_reply_after_the_last_one_ends_the_connection_and_is_nobodys() -> None:
    async def story() -> None:
        connection = Connection(Opened(), Transport())
        asking = asyncio.create_task(connection.ask([("PING",)]))
        await asyncio.sleep(0)
        connection.data_received(b"+PONG\r\n")
        connection.data_received(b"+OK\r\n")
        assert await asking == [b"PONG"]
        assert connection.lost

    asyncio.run(story())


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"x",
        b"\r\n",
        b"*2\r\nx",
        b"$x\r\n",
        b"$-2\r\n",
        b"*-2\r\n",
        b":one\r\n",
        b"+OK\r\nx",
        b"+OK\r\n+OK\r\n",
        b"-ERR one\r\n-ERR two\r\n",
    ],
)
def test_rf01_what_is_no_reply_or_one_too_many_is_none(said: bytes) -> None:
    with pytest.raises(InvalidResponse):
        asyncio.run(read([said], 1))


@pytest.mark.parametrize(
    ("word", "kind"),
    {
        "CLUSTERDOWN": exceptions.ClusterDownError,
        "LOADING": exceptions.BusyLoadingError,
        "MASTERDOWN": exceptions.MasterDownError,
        "NOAUTH": exceptions.AuthenticationError,
        "NOPERM": exceptions.NoPermissionError,
        "NOSCRIPT": exceptions.NoScriptError,
        "OOM": exceptions.OutOfMemoryError,
        "READONLY": exceptions.ReadOnlyError,
        "WRONGTYPE": ResponseError,
    }.items(),
)
def test_rf01_what_redis_says_instead_is_the_error_that_redis_py_has_for_it(word: str, kind: type[Exception]) -> None:
    async def story() -> list[Any] | None:
        return await read([f"-{word} of it\r\n".encode()], 1)

    if issubclass(kind, exceptions.ConnectionError):  # another connection may be better
        with pytest.raises(kind):
            asyncio.run(story())
        return
    [error] = asyncio.run(story()) or []
    assert type(error) is kind


@pytest.mark.parametrize("said", ["+OK", "*0", "*2\r\n$-1\r\n$-1", "*1\r\n:1", "*1\r\n-ERR no", "*1\r\n*0"])
def test_g3_rf01_what_are_no_values_is_unavailable(wire: Wire, said: str) -> None:
    async def story(wire: Wire, commands: Commands) -> None:
        wire.mode = said
        assert await unavailable(wire, commands) == "Redis: ValueError"
        wire.mode = "pass"
        assert await get(wire, commands, b"b") == b"2"

    told(wire, story)
