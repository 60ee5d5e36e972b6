"""A Cluster whose slots move and whose masters die, Sentinels that name another: nobody waits, nothing is guessed."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from redis.crc import key_slot
from redis.exceptions import ResponseError
from tests.stores.clusters import FAILOVER_SECONDS, PASSWORD, SERVICE, Cluster, Guarded, Node, ask
from tests.stores.conftest import url_of
from tests.stores.servers import Wire, free_port, until
from tests.stores.test_redis_keys import put_one_of_everything
from tests.stores.values import session, sign_in
from tests.test_tls import certificate

from linkmw.errors import Unavailable
from linkmw.run import run_now
from linkmw.stores.hub_sessions import OPENED_SECONDS
from linkmw.stores.redis import Commands, GateStores, connect, connect_blocking

NOBODYS = next(key for key in (b"%d" % number for number in count()) if key_slot(key) > 16_000)
WITHIN = 1.0  # RF01: what cannot be said is said within a second
Run = Callable[[Coroutine[Any, Any, Any]], Any]


class Reached:
    """Commands of one kind, and how to run them."""

    def __init__(self, url: str, client: str, runner: asyncio.Runner) -> None:
        self.commands: Commands = connect(url) if client == "async" else connect_blocking(url)
        self.run: Run = runner.run if client == "async" else run_now
        self.stores = GateStores(self.commands, f"test-{uuid.uuid4().hex}:")

    def get(self, key: bytes) -> bytes | None:
        return self.run(self.commands.get(key))

    def put(self, key: bytes, value: bytes) -> None:
        self.run(self.commands.put(key, value, 600))

    def says(self, question: Callable[[], Any]) -> Any:
        """What is answered, or Unavailable; within a second either way."""
        began = time.monotonic()
        try:
            return question()
        except Unavailable as error:
            return type(error)
        finally:
            assert time.monotonic() - began < WITHIN

    def answers(self) -> bool:
        return self.says(lambda: self.run(self.commands.ping())) is True

    def copied(self, key: bytes) -> None:
        """The replica has it, too: its master answers for what this connection has written."""
        assert self.run(self.commands._ask("WAIT", 1, 400, key=key, tries=1)) == 1


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def reach(runner: asyncio.Runner) -> Iterator[Callable[[str, str], Reached]]:
    opened: list[Reached] = []

    def reach(url: str, client: str) -> Reached:
        opened.append(Reached(url, client, runner))
        return opened[-1]

    yield reach
    for one in opened:
        one.run(one.commands.close())


@pytest.fixture(params=["async", "blocking"])
def client(request: pytest.FixtureRequest) -> str:
    return request.param


def names_of(cluster: Cluster) -> dict[int, bytes]:
    """For each master a key that it keeps."""
    found: dict[int, bytes] = {}
    while len(found) < len(cluster.masters()):
        key = f"test-{uuid.uuid4().hex}".encode()
        found.setdefault(cluster.owner(key), key)
    return found


# --- slots that move ---------------------------------------------------------------------------------


def test_rf01_rf07_a_slot_is_followed_while_it_moves_and_when_it_has(
    redis_cluster: Cluster, reach: Callable[..., Reached], client: str
) -> None:
    reached = reach(redis_cluster.url, client)
    own = uuid.uuid4().hex
    here, late = f"{{{own}}}here".encode(), f"{{{own}}}late".encode()
    slot, source = key_slot(here), redis_cluster.owner(here)
    target = next(port for port in redis_cluster.masters() if port != source)
    source_id, target_id = (ask(port, "CLUSTER", "MYID") for port in (source, target))
    reached.put(here, b"before")

    ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
    ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
    assert reached.get(here) == b"before"
    ask(source, "MIGRATE", "127.0.0.1", target, here, 0, 1000)
    assert reached.get(here) == b"before"  # ASK
    reached.put(late, b"on its way")
    marks = reached.stores.marks
    assert reached.run(marks.count("password", own, 60)) == 1

    for port in (target, source, *(port for port in redis_cluster.masters() if port not in (source, target))):
        ask(port, "CLUSTER", "SETSLOT", slot, "NODE", target_id)
    assert [reached.get(here), reached.get(late)] == [b"before", b"on its way"]  # MOVED
    assert ask(target, "CLUSTER", "COUNTKEYSINSLOT", slot) == 2
    assert reached.answers()


def test_rf07_one_node_that_lives_is_enough_to_find_them_all(
    redis_cluster: Cluster, reach: Callable[..., Reached], client: str
) -> None:
    alive = redis_cluster.masters()[0]
    reached = reach(f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{alive},127.0.0.1:{free_port()}/", client)
    for key in names_of(redis_cluster).values():
        reached.put(key, b"x")
        assert reached.get(key) == b"x"


def test_rf01_a_cluster_that_does_not_have_everything_is_away(tmp_path: Path, reach: Callable[..., Reached]) -> None:
    node = Node(tmp_path / "alone")
    try:
        reached = reach(f"redis+cluster://127.0.0.1:{node.port}/", "async")
        assert not reached.answers()
        assert reached.says(lambda: reached.get(b"foo")) is Unavailable
        ask(node.port, "CLUSTER", "ADDSLOTSRANGE", 0, 16_000)  # but for the last few
        assert not reached.answers()
        assert reached.says(lambda: reached.get(NOBODYS)) is Unavailable
        ask(node.port, "CLUSTER", "ADDSLOTSRANGE", 16_001, 16_383)
        until(lambda: reached.says(lambda: reached.get(NOBODYS)) is None)  # learned without a ping
        assert reached.answers()
        reached.put(b"foo", b"bar")
        assert reached.get(b"foo") == b"bar"
    finally:
        node.stop()


def test_rf02_rf03_in_a_cluster_too_a_write_is_sent_once_and_a_read_twice(
    tmp_path: Path, reach: Callable[..., Reached], client: str
) -> None:
    port = free_port()
    wire = Wire(port)  # the node says that it is to be found there
    node = Node(tmp_path / "alone", port, more=("--cluster-announce-port", str(wire.port)))
    try:
        ask(port, "CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
        reached = reach(f"redis+cluster://127.0.0.1:{port}/", client)
        until(reached.answers)
        reached.put(b"foo", b"before")
        for word, question, times in (
            (b"SET", lambda: reached.put(b"foo", b"lost"), 1),
            (b"GET", lambda: reached.get(b"foo"), 2),
        ):
            wire.seen = b""
            wire.lose_reply_to(word, times=2)
            assert reached.says(question) is Unavailable
            assert wire.seen.count(word + b"\r\n") == times
        wire.lose_reply_to(b"nothing")
        assert reached.get(b"foo") == b"lost"  # it was carried out
        sign_ins = reached.stores.sign_ins
        reached.run(sign_ins.put("browser", sign_in(), 60))
        reached.run(sign_ins.take("browser", "another"))  # the script is known
        wire.lose_reply_to(b"EVALSHA")
        assert reached.run(sign_ins.take("browser", "state")) == sign_in()
        assert wire.cuts == 1
        assert reached.run(sign_ins.take("browser", "state")) is None
    finally:
        wire.close()
        node.stop()


@pytest.mark.clusters  # needs a server that was built with TLS, as Debian's is
def test_rf07_a_cluster_is_reached_over_tls_by_who_trusts_its_certificate(
    tmp_path: Path, reach: Callable[..., Reached], client: str
) -> None:
    pem, secure = str(certificate(tmp_path, "127.0.0.1")), free_port()
    tls = ("--tls-port", str(secure), "--tls-cert-file", pem, "--tls-key-file", pem, "--tls-ca-cert-file", pem)
    node = Node(tmp_path / "alone", more=(*tls, "--tls-auth-clients", "no", "--tls-cluster", "yes"))
    try:
        ask(node.port, "CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
        reached = reach(f"rediss+cluster://127.0.0.1:{secure}/?ssl_ca_certs={pem}", client)
        until(reached.answers)
        reached.put(b"foo", b"bar")
        assert reached.get(b"foo") == b"bar"
        assert not reach(f"rediss+cluster://127.0.0.1:{secure}/", client).answers()
        assert not reach(f"redis+cluster://127.0.0.1:{secure}/", client).answers()
    finally:
        node.stop()


# --- masters that die --------------------------------------------------------------------------------

BOTH = [
    ("cluster", "async"),
    ("sentinel", "blocking"),
    pytest.param(("cluster", "blocking"), marks=pytest.mark.clusters),
    pytest.param(("sentinel", "async"), marks=pytest.mark.clusters),
]


@pytest.mark.parametrize("way", BOTH, ids="-".join)
def test_rf01_rf04_a_master_dies_and_what_it_kept_goes_on_at_its_replica(
    way: tuple[str, str], request: pytest.FixtureRequest, reach: Callable[..., Reached]
) -> None:
    where, client = way
    reached = reach(url_of(where, request), client)
    others: dict[int, bytes] = {}
    if where == "cluster":
        servers: Any = request.getfixturevalue("redis_cluster")
        others = names_of(servers)
        dying, key = others.popitem()
    else:
        servers = request.getfixturevalue("redis_guarded")
        dying, key = servers.master(), b"test-of-the-master"
    for other in others.values():
        reached.put(other, b"elsewhere")
    reached.put(key, b"before")
    reached.copied(key)

    servers.kill(dying)
    assert reached.says(lambda: reached.get(key)) is Unavailable  # never "not found" (I4)
    assert reached.says(lambda: reached.put(key, b"lost")) is Unavailable
    assert [reached.get(other) for other in others.values()] == [b"elsewhere"] * len(others)
    assert not reached.answers()
    until(lambda: servers.took_over(dying), FAILOVER_SECONDS)
    until(reached.answers)
    assert reached.get(key) == b"before"
    reached.put(key, b"after")
    assert reached.get(key) == b"after"

    servers.bring_back(dying)
    assert reached.get(key) == b"after"
    reached.run(reached.stores.sign_ins.put("browser", sign_in(), 60))
    assert reached.run(reached.stores.sign_ins.take("browser", "state")) == sign_in()


def test_rf01_who_asks_first_after_a_failover_notices_nothing(
    redis_cluster: Cluster, reach: Callable[..., Reached]
) -> None:
    """Nobody has asked meanwhile: a write that found nobody to connect to goes to whoever took over."""
    reached = reach(redis_cluster.url, "blocking")
    dying, key = names_of(redis_cluster).popitem()
    reached.put(key, b"before")
    redis_cluster.kill(dying)
    until(lambda: redis_cluster.took_over(dying), FAILOVER_SECONDS)
    reached.put(key, b"after")
    assert reached.get(key) == b"after"
    redis_cluster.bring_back(dying)


@pytest.mark.parametrize("client", ["async", pytest.param("blocking", marks=pytest.mark.clusters)])
def test_rf01_a_silent_master_costs_half_a_second_once_and_the_others_nothing(
    redis_cluster: Cluster, reach: Callable[..., Reached], client: str
) -> None:
    reached = reach(redis_cluster.url, client)
    others = names_of(redis_cluster)
    silent, key = others.popitem()
    for name in (key, *others.values()):
        reached.put(name, b"x")
    redis_cluster.nodes[silent].pause()
    try:
        assert reached.says(lambda: reached.get(key)) is Unavailable
        began = time.monotonic()
        assert reached.says(lambda: reached.get(key)) is Unavailable
        assert time.monotonic() - began < 0.4  # it is left alone; whoever is asked for the map may not be silent, too
        assert [reached.get(other) for other in others.values()] == [b"x"] * len(others)
        until(lambda: redis_cluster.took_over(silent), FAILOVER_SECONDS)
        until(reached.answers)
        assert reached.get(key) in (b"x", None)  # what was not copied yet is lost with its master (B6)
    finally:
        redis_cluster.nodes[silent].resume()
        until(redis_cluster.is_whole, FAILOVER_SECONDS)
    assert reached.answers()


# --- Sentinels ---------------------------------------------------------------------------------------


def test_rf07_a_sentinel_that_is_not_there_is_passed_over_and_a_service_nobody_knows_is_away(
    redis_guarded: Guarded, reach: Callable[..., Reached], client: str
) -> None:
    alive = f"127.0.0.1:{free_port()},127.0.0.1:{redis_guarded.sentinels[0].port}"
    reached = reach(f"redis+sentinel://{alive}/{SERVICE}?sentinel_password={PASSWORD}", client)
    assert reached.answers()
    for url in (
        f"redis+sentinel://{alive}/another?sentinel_password={PASSWORD}",
        f"redis+sentinel://{alive}/{SERVICE}?sentinel_password=wrong",
        f"redis+sentinel://{alive}/{SERVICE}",
        f"redis+sentinel://127.0.0.1:{free_port()}/{SERVICE}?sentinel_password={PASSWORD}",
    ):
        assert not reach(url, client).answers()


@pytest.mark.clusters
def test_rf01_a_sentinel_that_names_a_replica_is_not_believed_for_long(
    redis_guarded: Guarded, reach: Callable[..., Reached], client: str
) -> None:
    """The master was demoted behind our back, by hand: what it refuses to write goes to whoever is master now."""
    reached = reach(redis_guarded.url, client)
    reached.put(b"test-demoted", b"before")
    before = redis_guarded.master()
    until(lambda: demoted(redis_guarded), FAILOVER_SECONDS)
    until(lambda: redis_guarded.took_over(before), FAILOVER_SECONDS)
    until(lambda: reached.says(lambda: reached.put(b"test-demoted", b"after")) is None)
    assert reached.get(b"test-demoted") == b"after"
    until(lambda: ask(before, "ROLE")[0] == b"slave", FAILOVER_SECONDS)
    until(lambda: len(ask(redis_guarded.master(), "ROLE")[2]) == 1, FAILOVER_SECONDS)


def demoted(guarded: Guarded) -> bool:
    """Not before that Sentinel knows of a replica to promote: it looks for them every ten seconds."""
    try:
        ask(guarded.sentinels[0].port, "SENTINEL", "FAILOVER", SERVICE, password=PASSWORD)
    except ResponseError as said:
        if not str(said).startswith("NOGOODSLAVE"):
            raise
        return False
    return True


DEPLOYING = (Path(__file__).resolve().parents[2] / "docs" / "deploying.md").read_text()
_ROW = re.compile(r"^\| (the servers that keep data|the Sentinels) \| `(.*)` \|$", re.MULTILINE)
ALLOWED = {where: rules.replace("\\|", "|").split() for where, rules in _ROW.findall(DEPLOYING)}


def test_rf12_a_user_who_may_do_what_the_page_says_can_do_everything_and_ends_nothing(
    redis_cluster: Cluster, redis_guarded: Guarded
) -> None:
    for port in (*redis_cluster.nodes, *redis_guarded.servers):
        ask(port, "ACL", "SETUSER", "hub", "on", ">of-the-hub", *ALLOWED["the servers that keep data"], "~linkmw:*")
    for one in redis_guarded.sentinels:
        rules = ("on", ">of-the-watch", *ALLOWED["the Sentinels"])
        ask(one.port, "ACL", "SETUSER", "watch", *rules, password=PASSWORD)
    sentinels = redis_guarded.url.partition("?")[0].replace("://", "://hub:of-the-hub@")
    for url in (
        redis_cluster.url.replace("://", "://hub:of-the-hub@"),
        f"{sentinels}?sentinel_username=watch&sentinel_password=of-the-watch",
    ):
        commands = connect_blocking(url)
        put_one_of_everything(commands)
        assert run_now(commands.ping()) is True
        for reads in (("INFO", "memory"), ("TIME",), ("SCAN", 0)):
            assert run_now(commands.everywhere(*reads))
        for ends in (("KEYS", "*"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("MODULE", "LIST"), ("ACL", "LIST")):
            with pytest.raises(Unavailable, match="NoPermission"):
                run_now(commands.everywhere(*ends))
        run_now(commands.close())
    redis_cluster.flush()
    ask(redis_guarded.master(), "FLUSHALL")


# --- what is kept, and where -------------------------------------------------------------------------


def test_rf08_every_key_in_a_cluster_has_an_expiry_and_they_are_spread(redis_cluster: Cluster) -> None:
    redis_cluster.flush()
    commands = connect_blocking(redis_cluster.url)
    put_one_of_everything(commands)
    left = redis_cluster.keys()
    assert len(left) == 29
    assert all(0 < milliseconds <= OPENED_SECONDS * 1000 for milliseconds in left.values())
    assert len({redis_cluster.owner(key) for key in left}) > 1
    redis_cluster.flush()
    run_now(commands.close())


@pytest.mark.parametrize("where", ["redis", "cluster"])
def test_rf10_what_one_process_ends_no_other_still_has(where: str, request: pytest.FixtureRequest) -> None:
    """Nothing is cached in a process: neither by us nor by redis-py, which would ask for CLIENT TRACKING."""
    url, prefix = url_of(where, request), f"test-{uuid.uuid4().hex}:"
    one, other = connect_blocking(url), connect_blocking(url)
    kept = session("sid", expires=int(time.time()) + 60)
    here, there = GateStores(one, prefix).sessions, GateStores(other, prefix).sessions
    for _ in range(20):
        run_now(here.put(kept))
        assert run_now(there.get("sid")) == kept
        run_now(here.end("sid"))
        assert run_now(there.get("sid")) is None
    for commands in (one, other):
        run_now(commands.close())


def test_rf10_no_connection_asks_to_be_told_of_changes(redis_url: str) -> None:
    wire = Wire(int(redis_url.rpartition(":")[2].partition("/")[0]))
    commands = connect_blocking(wire.url)
    run_now(commands.get(b"test"))
    assert b"GET" in wire.seen
    assert b"TRACKING" not in wire.seen
    run_now(commands.close())
    wire.close()
