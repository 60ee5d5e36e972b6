"""A Redis of the same machine, by its socket: `unix://` of docs/deploying.md, for everything that talks to Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.stores.servers import Server
from tests.stores.test_redis_push import Process

from linkmw.run import run_now
from linkmw.stores.redis import Commands, connect, connect_blocking


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("redis")
    server = Server(folder, "--unixsocket", "r.sock")  # beside its `--dir`: a path of a socket has 107 octets at most
    server.url = f"unix://{folder / 'r.sock'}?db=0"
    yield server
    server.stop()


async def kept(commands: Commands, key: bytes) -> list[bytes | None]:
    await commands.put(key, b"here", 60)
    found = [await commands.get(key), await commands.get_joined(key)]
    await commands.close()
    return found


def test_both_clients_keep_and_find_a_value(server: Server) -> None:
    assert run_now(kept(connect_blocking(server.url, timeout=5), b"a")) == [b"here"] * 2
    assert asyncio.run(kept(connect(server.url, timeout=5), b"b")) == [b"here"] * 2


def test_g4_it_tells_of_a_session_that_ends_elsewhere(server: Server) -> None:
    here = Process(server)
    elsewhere = Process(server, prefix=here.prefix)
    here.opens()
    here.remembers()
    run_now(elsewhere.sessions.end("ada"))
    here.forgot()
    for one in (here, elsewhere):
        one.close()
