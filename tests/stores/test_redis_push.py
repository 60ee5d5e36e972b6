"""A real Redis that tells of ended sessions, and all that can keep it from telling: a yes never outlives the truth."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from tests.stores.servers import Server, until
from tests.stores.values import session

from linkmw.model import Session
from linkmw.run import run_now
from linkmw.stores import redis_push
from linkmw.stores.redis import GateStores, connect_blocking
from linkmw.stores.redis_gate import Sessions
from linkmw.stores.redis_push import TRUSTED_SECONDS, Listener, listener
from linkmw.stores.redis_shared import Keys


class Swallowing:
    """A TCP proxy. After `swallow` it takes what both sides say and hands nothing on: no side sees an end."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._swallows = threading.Event()
        self._open: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._server.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow(self) -> None:
        self._swallows.set()

    def close(self) -> None:
        for connection in (self._server, *self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                ends = self._server.accept()[0], socket.create_connection(("127.0.0.1", self._target))
                self._open += ends
                for one, other in (ends, ends[::-1]):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while said := one.recv(65536):
                if not self._swallows.is_set():
                    other.sendall(said)


class Process:
    """What one process has: its store, over a Redis of which it hears by `url`."""

    def __init__(self, server: Server, url: str = "", prefix: str = "") -> None:
        self.prefix = prefix or f"test-{secrets.token_hex(8)}:"
        self.listener = Listener(url or server.url, Keys(self.prefix, "s").hashed(b""), 0.5)
        self.memory = self.listener.memory
        self._commands = connect_blocking(server.url, timeout=5)
        self.sessions: Sessions = GateStores(self._commands, self.prefix, self.listener).sessions

    def opens(self, sid: str = "ada", seconds: int = 600) -> Session:
        opened = session(sid, expires=int(time.time()) + seconds)
        assert run_now(self.sessions.put(opened))
        return opened

    def remembers(self, sid: str = "ada") -> Session:
        """Once it has begun to hear of changes."""

        def asked_and_recalled() -> Session | None:
            assert run_now(self.sessions.get(sid)) is not None
            return self.sessions.recall(sid)

        found: Session = until(asked_and_recalled)
        return found

    def forgot(self, sid: str = "ada") -> None:
        """And no recall since then says anything else."""
        until(lambda: self.sessions.recall(sid) is None)
        assert run_now(self.sessions.get(sid)) is None
        assert self.sessions.recall(sid) is None

    def close(self) -> None:
        self.memory.asked = float("-inf")
        run_now(self._commands.close())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def raw(server: Server) -> Iterator[Any]:
    with redis.Redis(port=server.port) as raw:
        yield raw


@pytest.fixture
def here(server: Server) -> Iterator[Process]:
    process = Process(server)
    yield process
    process.close()


def test_g4_a_session_that_ends_elsewhere_is_forgotten_here(server: Server, here: Process) -> None:
    there = Process(server, prefix=here.prefix)
    opened = here.opens()
    assert here.remembers() == opened == there.remembers()
    run_now(there.sessions.end("ada"))
    assert there.sessions.recall("ada") is None
    here.forgot()
    there.close()


def test_g4_mim27_a_logout_of_the_account_is_heard_everywhere(server: Server, here: Process) -> None:
    there = Process(server, prefix=here.prefix)
    for sid in "abc":
        here.opens(sid)
        here.remembers(sid)
        there.remembers(sid)
    assert len(run_now(there.sessions.end_all(account_id="42", until=int(time.time())))) == 3
    for sid in "abc":
        assert there.sessions.recall(sid) is None
        here.forgot(sid)
    there.close()


@pytest.mark.parametrize("gone", ["expired", "evicted", "deleted", "FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC"])
def test_rf05_rf06_whatever_takes_a_session_out_of_redis_is_heard(here: Process, raw: Any, gone: str) -> None:
    here.opens()
    here.remembers()
    key = Keys(here.prefix, "s").of("ada")
    match gone.partition(" ")[0]:
        case "expired":
            raw.pexpire(key, 300)
            until(lambda: run_now(here.sessions.get("ada")) is None)  # kept again by each yes before
        case "evicted":
            raw.config_set("maxmemory-policy", "allkeys-random")
            raw.config_set("maxmemory", 1)
        case "deleted":
            raw.delete(key)
        case "FLUSHALL":
            raw.flushall(asynchronous="ASYNC" in gone)
        case "FLUSHDB":
            raw.flushdb()
    try:
        until(lambda: here.sessions.recall("ada") is None)
    finally:
        raw.config_set("maxmemory", 0)
        raw.config_set("maxmemory-policy", "noeviction")
    here.forgot()


def test_g4_a_session_that_was_replaced_is_asked_for(server: Server, here: Process) -> None:
    there = Process(server, prefix=here.prefix)
    here.opens()
    there.remembers()
    longer = here.opens(seconds=900)
    until(lambda: there.sessions.recall("ada") is None)
    assert there.remembers() == longer == here.remembers()
    there.close()


def test_g4_rf10_a_connection_that_was_cut_takes_all_that_was_remembered_with_it(
    here: Process, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.opens()
    here.remembers()
    monkeypatch.setattr(redis_push, "RETRY_SECONDS", 3600.0)  # nobody comes back meanwhile
    begun = here.memory.begin()
    raw.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    until(lambda: here.memory.begin() != begun)
    assert here.sessions.recall("ada") is None
    assert run_now(here.sessions.get("ada")) is not None  # asked, and not kept
    assert here.sessions.recall("ada") is None
    raw.delete(Keys(here.prefix, "s").of("ada"))
    assert run_now(here.sessions.get("ada")) is None


def test_g4_after_a_cut_it_is_listened_to_again(here: Process, raw: Any) -> None:
    here.opens()
    here.remembers()
    begun = here.memory.begin()
    raw.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    until(lambda: here.memory.begin() != begun)
    here.remembers()
    raw.delete(Keys(here.prefix, "s").of("ada"))
    here.forgot()


def test_g4_a_connection_that_is_swallowed_is_believed_for_half_a_second_at_most(server: Server, raw: Any) -> None:
    wire = Swallowing(server.port)
    here = Process(server, wire.url)
    here.opens()
    here.remembers()
    wire.swallow()
    begun = last = time.monotonic()
    raw.delete(Keys(here.prefix, "s").of("ada"))
    while (at := time.monotonic()) and here.sessions.recall("ada") is not None:  # as each request would ask
        last = at
    assert last - begun <= TRUSTED_SECONDS
    # Until it is heard again: what is asked for is not kept, however often.
    here.opens("bob")
    assert run_now(here.sessions.get("bob")) is not None
    assert here.sessions.recall("bob") is None
    here.close()
    wire.close()


def test_g4_a_redis_that_stands_still_is_not_believed_for_long(tmp_path: Path) -> None:
    server = Server(tmp_path)
    here = Process(server)
    here.opens()
    here.remembers()
    server.pause()
    until(lambda: here.sessions.recall("ada") is None)
    server.resume()
    here.remembers()
    here.close()
    server.stop()


def test_g4_what_was_read_while_it_ended_is_never_remembered(server: Server, here: Process, raw: Any) -> None:
    for number in range(30):
        sid, stop = f"ada-{number}", threading.Event()
        here.opens(sid)
        here.remembers(sid)
        for other in (f"last-{number}", f"after-{number}"):
            here.opens(other)
            here.remembers(other)

        def reads(sid: str = sid, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                here.sessions.recall(sid)
                run_now(here.sessions.get(sid))

        readers = [threading.Thread(target=reads) for _ in range(3)]
        for reader in readers:
            reader.start()
        raw.delete(Keys(here.prefix, "s").of(sid))
        # Told in order, but perhaps in one message, of which the listener is in the middle: the next comes after it.
        for other in (f"last-{number}", f"after-{number}"):
            raw.delete(Keys(here.prefix, "s").of(other))
            until(lambda other=other: here.sessions.recall(other) is None)
        stop.set()
        for reader in readers:
            reader.join()
        assert here.sessions.recall(sid) is None


RIGHTS = ("on", ">of-a-test", "~*", "-@all", "+@read", "+@write", "+@scripting", "+@connection", "-@dangerous")
REFUSING = {
    "no such channel": (*RIGHTS, "+subscribe"),
    "no such command": (*RIGHTS, "&*"),
    "no tracking": (*RIGHTS, "&*", "+subscribe", "-client"),
}


@pytest.mark.parametrize("refusing", REFUSING)
def test_g4_a_redis_that_may_not_tell_is_asked_each_time(
    server: Server, raw: Any, refusing: str, caplog: pytest.LogCaptureFixture
) -> None:
    raw.execute_command("ACL", "SETUSER", "product", "reset", *REFUSING[refusing])
    here = Process(server, server.url.replace("//", "//product:of-a-test@"))
    here.opens()
    assert here.sessions.recall("ada") is None
    until(lambda: "Redis is asked about each session" in caplog.text)
    assert "of-a-test" not in caplog.text
    assert run_now(here.sessions.get("ada")) is not None
    assert here.sessions.recall("ada") is None
    here.close()


def test_g4_a_user_of_redis_needs_one_command_and_one_channel_more(server: Server, raw: Any) -> None:
    raw.execute_command("ACL", "SETUSER", "product", "reset", *RIGHTS, "+subscribe", "&__redis__:invalidate")
    here = Process(server, server.url.replace("//", "//product:of-a-test@"))
    here.opens()
    here.remembers()
    raw.delete(Keys(here.prefix, "s").of("ada"))
    here.forgot()
    here.close()


@pytest.mark.parametrize(
    "options", ["?protocol=3", "?decode_responses=true", "?socket_timeout=90&health_check_interval=1"]
)
def test_g4_no_option_of_the_url_changes_how_it_is_listened(server: Server, raw: Any, options: str) -> None:
    here = Process(server, server.url + options)
    here.opens()
    here.remembers()
    raw.delete(Keys(here.prefix, "s").of("ada"))
    here.forgot()
    here.close()


def test_a_child_that_was_forked_hears_by_itself_and_knows_nothing_of_before(server: Server, here: Process) -> None:
    here.listener = listener(server.url, here.prefix, 0.5) or here.listener
    here.memory = here.listener.memory
    here.sessions = GateStores(here._commands, here.prefix, here.listener).sessions
    here.opens()
    here.remembers()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        outcome = b"failed"
        with suppress(BaseException):
            known = here.sessions.recall("ada") is not None
            here.remembers()
            run_now(here.sessions.end("ada"))
            outcome = b"knew it" if known else b"heard by itself"
        os.write(writing, outcome)
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with open(reading, "rb") as told:
        assert told.read() == b"heard by itself"
    here.forgot()


def test_when_nobody_asks_the_connection_is_given_back(
    here: Process, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.opens()
    here.remembers()
    assert here.listener._thread is not None
    monkeypatch.setattr(redis_push, "IDLE_SECONDS", 0.0)
    until(lambda: here.listener._thread is None)
    assert here.memory._fresh_until == 0.0
    monkeypatch.undo()
    here.remembers()


def test_rf07_where_there_are_many_servers_each_session_is_asked_about() -> None:
    assert listener("redis+cluster://127.0.0.1:1/", "linkmw:", 0.5) is None
    assert listener("redis+sentinel://127.0.0.1:1/service", "linkmw:", 0.5) is None


def test_one_process_listens_once_for_all_its_gates(server: Server) -> None:
    one, other = (listener(server.url, "linkmw:", 0.5) for _ in range(2))
    assert one is other is not None
    assert listener(server.url, "linkmw:shop:", 0.5) is not one
    assert one._thread is None  # nobody has asked yet
