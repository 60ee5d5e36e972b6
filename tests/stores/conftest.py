"""A real Redis for the session, and the stores over it in three ways: memory, asyncio, blocking."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.stores.servers import Server, until

from linkmw.run import run_now
from linkmw.stores.memory import GateMemory, HubMemory
from linkmw.stores.redis import GateStores, HubStores, connect, connect_blocking

AT_ONCE = 16


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Server(tmp_path_factory.mktemp("redis"))
    yield server.url
    server.stop()


class Clock:
    """Seconds that pass when the test says so, or really."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return int(time.time()) + self.ahead


class Stores:
    """Both halves' stores and a way to run their coroutines: alone, or sixteen at once."""

    def __init__(self, gate: Any, hub: Any, run: Callable[[Coroutine[Any, Any, Any]], Any], clock: Clock) -> None:
        self.gate = gate
        self.hub = hub
        self.run = run
        self.clock = clock
        self.prefix = ""

    def together(self, question: Callable[[], Coroutine[Any, Any, Any]], times: int = AT_ONCE) -> list[Any]:
        """The answers of `times` callers who all begin at the same moment."""
        start = threading.Barrier(times)

        def ask(_: int) -> Any:
            start.wait()
            return run_now(question())

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(ask, range(times)))

    def comes_true(self, question: Callable[[], Coroutine[Any, Any, Any]], wanted: Any) -> None:
        """Let time pass until `question` answers `wanted`."""
        until(lambda: self.run(question()) == wanted)


class AsyncStores(Stores):
    def together(self, question: Callable[[], Coroutine[Any, Any, Any]], times: int = AT_ONCE) -> list[Any]:
        async def all_of_them() -> list[Any]:
            return await asyncio.gather(*(question() for _ in range(times)))

        return self.run(all_of_them())


class MemoryStores(Stores):
    def comes_true(self, question: Callable[[], Coroutine[Any, Any, Any]], wanted: Any) -> None:
        self.clock.ahead += 3
        assert self.run(question()) == wanted


def _memory() -> Iterator[Stores]:
    clock = Clock()
    yield MemoryStores(GateMemory(clock), HubMemory(clock), run_now, clock)


def _blocking(url: str) -> Iterator[Stores]:
    commands = connect_blocking(url, timeout=5)
    yield _over(Stores, commands, run_now)
    run_now(commands.close())


def _asyncio(url: str) -> Iterator[Stores]:
    with asyncio.Runner() as runner:
        commands = connect(url, timeout=5)
        yield _over(AsyncStores, commands, runner.run)
        runner.run(commands.close())


def _over(kind: type[Stores], commands: Any, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> Stores:
    prefix = f"test-{uuid.uuid4().hex}:"
    stores = kind(GateStores(commands, prefix + "gate:"), HubStores(commands, prefix + "hub:"), run, Clock())
    stores.prefix = prefix
    return stores


# One server and a Cluster; `make test-clusters` has the rest.
WAYS = (
    "memory",
    "redis-async",
    "redis-blocking",
    "cluster-async",
    pytest.param("cluster-blocking", marks=pytest.mark.clusters),
    pytest.param("sentinel-async", marks=pytest.mark.clusters),
    pytest.param("sentinel-blocking", marks=pytest.mark.clusters),
)


@pytest.fixture(params=WAYS)
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """Both halves' stores, over everything that they may be over (RF07)."""
    where, _, client = request.param.partition("-")
    if where == "memory":
        yield from _memory()
        return
    url = url_of(where, request)
    yield from _asyncio(url) if client == "async" else _blocking(url)


def url_of(where: str, request: pytest.FixtureRequest) -> str:
    """The URL of that Redis, which is started when it is first asked for."""
    if where == "redis":
        return str(request.getfixturevalue("redis_url"))
    return str(request.getfixturevalue({"cluster": "redis_cluster", "sentinel": "redis_guarded"}[where]).url)
