"""A Redis that loses replies, falls silent, refuses or talks nonsense: nobody loses a sign-in, nobody waits long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.stores.servers import Server, Wire, free_port, until
from tests.stores.values import flow, grant, hub_session, session, sign_in

from linkmw.errors import SettingsError, Unavailable
from linkmw.run import run_now
from linkmw.stores.redis import Commands, GateStores, HubStores, connect, connect_blocking
from linkmw.stores.redis_connections import Connections
from linkmw.stores.redis_server import MAX_CONNECTIONS

Run = Callable[[Coroutine[Any, Any, Any]], Any]
LATER = int(time.time()) + 3600


class Reached:
    """The stores through a wire."""

    def __init__(self, wire: Wire, commands: Commands, run: Run) -> None:
        self.wire = wire
        self.commands = commands
        self.run = run
        self.gate = GateStores(commands, f"{wire.port}:gate:")
        self.hub = HubStores(commands, f"{wire.port}:hub:")

    def seconds(self, question: Coroutine[Any, Any, Any]) -> float:
        """How long it took to say that Redis cannot say."""
        began = time.monotonic()
        with pytest.raises(Unavailable):
            self.run(question)
        return time.monotonic() - began


@pytest.fixture
def wire(redis_url: str) -> Iterator[Wire]:
    wire = Wire(int(redis_url.rpartition(":")[2].partition("/")[0]))
    yield wire
    wire.close()


@pytest.fixture(params=["async", "async by redis-py", "blocking"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The second where redis-py leaves no connection to us."""
    if request.param == "async by redis-py":
        monkeypatch.setattr(Connections, "take", _none)
    return request.param


async def _none(connections: Connections) -> None:
    connections.are_ours = False


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def open_commands(kind: str, url: str, runner: asyncio.Runner) -> tuple[Commands, Run]:
    return (connect_blocking(url), run_now) if kind == "blocking" else (connect(url), runner.run)


@pytest.fixture
def reached(wire: Wire, kind: str, runner: asyncio.Runner) -> Iterator[Reached]:
    commands, run = open_commands(kind, wire.url, runner)
    reached = Reached(wire, commands, run)
    # The scripts are known to the server and a connection stands, so that the lost reply is the one meant.
    run(reached.gate.sign_ins.put("warm", sign_in(), 60))
    run(reached.gate.sign_ins.take("warm", "state"))
    run(reached.gate.marks.first_use("warm", "up", 60))
    run(reached.gate.marks.count("warm", "up", 60))
    run(reached.hub.grants.put("warm", grant(), 60))
    run(reached.hub.grants.take("warm"))
    wire.seen = b""
    yield reached
    run(commands.close())


def test_i2_rf02_a_take_whose_reply_is_lost_still_gets_the_sign_in_and_nobody_else(reached: Reached) -> None:
    sign_ins = reached.gate.sign_ins
    reached.run(sign_ins.put("browser", sign_in(), 60))
    reached.wire.lose_reply_to(b"EVALSHA")
    assert reached.run(sign_ins.take("browser", "state")) == sign_in()
    assert reached.wire.cuts == 1
    assert reached.run(sign_ins.take("browser", "state")) is None


def test_rf02_a_take_that_never_hears_is_unavailable_and_the_sign_in_is_nobodys(reached: Reached) -> None:
    sign_ins = reached.gate.sign_ins
    reached.run(sign_ins.put("browser", sign_in(), 60))
    reached.wire.lose_reply_to(b"EVALSHA", times=2)
    with pytest.raises(Unavailable):
        reached.run(sign_ins.take("browser", "state"))
    assert reached.wire.cuts == 2
    assert reached.run(sign_ins.take("browser", "state")) is None


def test_i2_rf02_a_redeem_whose_reply_is_lost_is_no_second_use(reached: Reached) -> None:
    grants = reached.hub.grants
    reached.run(grants.put("code", grant(), 60))
    reached.wire.lose_reply_to(b"EVALSHA")
    assert reached.run(grants.take("code")) == grant()
    assert reached.wire.cuts == 1
    reached.run(grants.put_token("token", "code", grant(), 60))
    assert reached.run(grants.of_token("token")) == grant()


def test_i2_rf03_a_first_use_whose_reply_is_lost_is_still_the_first(reached: Reached) -> None:
    marks = reached.gate.marks
    reached.wire.lose_reply_to(b"EVALSHA")
    assert reached.run(marks.first_use("totp", "123456", 60)) is True
    assert reached.wire.cuts == 1
    assert reached.run(marks.first_use("totp", "123456", 60)) is False


def test_rf03_a_count_whose_reply_is_lost_has_counted_once(reached: Reached) -> None:
    marks = reached.gate.marks
    reached.wire.lose_reply_to(b"EVALSHA")
    with pytest.raises(Unavailable):
        reached.run(marks.count("password", "ann", 60))
    assert reached.run(marks.count("password", "ann", 60)) == 2


def test_rf02_a_write_is_sent_once_and_a_read_twice(reached: Reached) -> None:
    reached.wire.lose_reply_to(b"SET")
    with pytest.raises(Unavailable):
        reached.run(reached.hub.flows.put(flow(), 60))
    assert reached.wire.seen.count(b"SET\r\n") == 1
    reached.wire.lose_reply_to(b"GET")
    assert reached.run(reached.hub.flows.get("flow")) == flow()
    assert reached.wire.seen.count(b"GET\r\n") == 2


TOGETHER: dict[str, Callable[[Reached], Coroutine[Any, Any, Any]]] = {
    "a session and its indexes": lambda reached: reached.gate.sessions.put(session("sid", expires=LATER)),
    "a hub session and its indexes": lambda reached: reached.hub.sessions.put(hub_session(), 600, LATER),
    "a token and its code": lambda reached: reached.hub.grants.put_token("token", "code", grant(), 60),
}


@pytest.mark.parametrize("what", TOGETHER)
def test_rf02_what_goes_together_is_one_round_trip_and_sent_once(what: str, reached: Reached) -> None:
    reached.run(reached.hub.grants.put("code", grant(), 60))
    reached.run(reached.commands._ask("SCRIPT", "FLUSH", tries=1))  # nobody has to know the scripts
    trips = reached.wire.trips
    reached.run(TOGETHER[what](reached))
    assert reached.wire.trips == trips + 1
    reached.wire.lose_reply_to(b"EVAL")
    with pytest.raises(Unavailable):
        reached.run(TOGETHER[what](reached))
    assert reached.wire.trips == trips + 2


def test_rf09_what_is_kept_is_any_octets_and_comes_back_as_it_was(reached: Reached) -> None:
    key, value = "ключ \r\n$3\r\n".encode(), bytes(range(256)) * 300 + b"\r\n*1\r\n"
    reached.run(reached.commands.put(key, value, 60))
    assert reached.run(reached.commands.get(key)) == value
    assert reached.run(reached.commands.get(key + b"x")) is None


def test_rf01_a_session_that_cannot_be_listed_is_none(reached: Reached) -> None:
    new = session("sid", expires=LATER)
    key = reached.gate.sessions._hub_sids._keys.of(new.hub_sid)
    reached.run(reached.commands._ask("LPUSH", key, "x", tries=1))
    reached.run(reached.commands._ask("EXPIRE", key, 60, tries=1))
    with pytest.raises(Unavailable):
        reached.run(reached.gate.sessions.put(new))


def answered(run: Run, question: Callable[[], Coroutine[Any, Any, Any]]) -> bool:
    try:
        run(question())
    except Unavailable:
        return False
    return True


def test_rf01_a_silent_redis_costs_half_a_second_once_and_is_believed_again(reached: Reached) -> None:
    reached.wire.mode = "silent"
    assert reached.seconds(reached.hub.flows.get("flow")) < 0.9
    for question in (reached.gate.sign_ins.take("browser", "state"), reached.commands.ping()):
        assert reached.seconds(question) < 0.4  # at once, and some for a busy machine
    reached.wire.mode = "pass"
    until(lambda: answered(reached.run, reached.commands.ping), 5)
    assert reached.run(reached.hub.flows.get("flow")) is None


def test_rf01_a_redis_that_forgot_the_scripts_while_it_was_silent_is_believed_again(reached: Reached) -> None:
    reached.run(reached.commands._ask("SCRIPT", "FLUSH", tries=1))
    reached.wire.mode = "silent"
    reached.seconds(reached.commands.ping())
    reached.wire.mode = "pass"
    until(lambda: answered(reached.run, lambda: reached.gate.marks.count("password", "ann", 60)), 5)
    assert reached.run(reached.gate.marks.count("password", "ann", 60)) == 2


def test_rf01_a_refusal_is_quick_and_forgotten_at_once(
    kind: str, runner: asyncio.Runner, tmp_path: Path, redis_url: str
) -> None:
    port = free_port()
    commands, run = open_commands(kind, f"redis://:hush@127.0.0.1:{port}/0", runner)
    began = time.monotonic()
    with pytest.raises(Unavailable) as refused:
        run(commands.ping())
    assert time.monotonic() - began < 0.5
    assert str(port) not in str(refused.value)
    assert refused.value.__cause__ is None
    server = Server(tmp_path, "--requirepass", "hush", port=port)
    assert run(commands.ping()) is True
    server.stop()
    run(commands.close())


def test_rf01_a_restarted_redis_is_used_at_once(kind: str, runner: asyncio.Runner, tmp_path: Path) -> None:
    first = Server(tmp_path)
    commands, run = open_commands(kind, first.url, runner)
    stores = GateStores(commands, "test:")
    run(stores.sign_ins.put("browser", sign_in(), 60))

    def restart() -> Server:
        first.stop()
        return Server(tmp_path, port=first.port)

    second = runner.run(asyncio.to_thread(restart))  # the loop lives on meanwhile, as it does in a product
    run(stores.sign_ins.put("browser", sign_in(), 60))  # a write, by a connection that died; scripts unknown again
    assert run(stores.sign_ins.take("browser", "state")) == sign_in()
    second.stop()
    run(commands.close())


def test_rf01_nonsense_is_unavailable(reached: Reached) -> None:
    reached.wire.mode = "garbage"
    for question in (reached.hub.flows.get("flow"), reached.gate.marks.count("a", "b", 60), reached.commands.ping()):
        with pytest.raises(Unavailable):
            reached.run(question)
    reached.wire.mode = "pass"
    assert reached.run(reached.commands.ping()) is True


@pytest.mark.parametrize(
    "options",
    [
        ("--requirepass", "hush-hush"),
        ("--maxmemory", "1"),
        ("--replicaof", "127.0.0.1", "1"),
        ("--min-replicas-to-write", "1"),
    ],
    ids=["NOAUTH", "OOM", "READONLY", "NOREPLICAS"],
)
def test_rf01_a_redis_that_will_not_is_unavailable(
    options: tuple[str, ...], kind: str, runner: asyncio.Runner, tmp_path: Path
) -> None:
    server = Server(tmp_path, *options)
    commands, run = open_commands(kind, f"redis://:wrong-password@127.0.0.1:{server.port}/0", runner)
    stores, hub = GateStores(commands, "test:"), HubStores(commands, "test:")
    for question in (
        stores.sign_ins.put("browser", sign_in(), 60),
        stores.marks.first_use("totp", "raw-secret", 60),
        stores.marks.count("password", "raw-secret", 60),
        stores.sessions.put(session("raw-secret", expires=int(time.time()) + 60)),
        hub.flows.put(flow("raw-secret"), 60),
    ):
        with pytest.raises(Unavailable) as refused:
            run(question)
        assert not {"wrong-password", "raw-secret", "hush-hush"} & set(str(refused.value).split())
    server.stop()
    run(commands.close())


def test_rf01_a_key_of_another_type_is_unavailable(reached: Reached) -> None:
    reached.run(reached.hub.flows.put(flow(), 60))
    key = reached.hub.flows._keys.of("flow")
    reached.run(reached.commands.drop(key))
    reached.run(reached.commands._ask("LPUSH", key, "x", tries=1))
    reached.run(reached.commands._ask("EXPIRE", key, 60, tries=1))
    with pytest.raises(Unavailable):
        reached.run(reached.hub.flows.get("flow"))


def test_rf11_a_cancelled_caller_leaves_its_reply_to_nobody(wire: Wire) -> None:
    async def story() -> None:
        commands = connect(wire.url, timeout=5)
        await commands.put(b"cancel:a", b"a", 60)
        await commands.put(b"cancel:b", b"b", 60)
        wire.flowing.clear()
        asked = asyncio.create_task(commands.get(b"cancel:a"))
        await asyncio.to_thread(until, lambda: b"GET" in wire.seen)  # sent, and by now waiting for its reply
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        wire.flowing.set()
        assert [await commands.get(b"cancel:b") for _ in range(5)] == [b"b"] * 5
        await commands.close()

    asyncio.run(story())


def test_rf11_each_event_loop_has_connections_of_its_own(redis_url: str) -> None:
    commands = connect(redis_url)
    for _ in range(3):
        with asyncio.Runner() as runner:
            assert runner.run(commands.ping()) is True
            runner.run(commands.close())


def test_rf11_a_crowd_shares_a_bounded_number_of_connections(wire: Wire) -> None:
    async def crowd() -> None:
        commands = connect(wire.url, timeout=5)
        answers = await asyncio.gather(*(commands.ping() for _ in range(300)), return_exceptions=True)
        assert {answer if answer is True else type(answer) for answer in answers} <= {True, Unavailable}
        assert True in answers
        await commands.close()

    asyncio.run(crowd())
    assert wire.accepted <= MAX_CONNECTIONS


@pytest.mark.parametrize("url", ["", "localhost", "http://localhost", "redis://:pa/ss@localhost:x"])
def test_cf05_an_unreadable_url_is_a_setting_that_is_wrong_and_is_not_quoted(url: str) -> None:
    for opening in (connect, connect_blocking):
        with pytest.raises(SettingsError) as wrong:
            opening(url)
        assert "pa" not in str(wrong.value).replace("password", "")
