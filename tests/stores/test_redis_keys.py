"""What stands in Redis: every key ends by itself and hides its secret, and a person signed in takes little room."""

from __future__ import annotations

import reprlib
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from tests.stores.servers import Server
from tests.stores.values import entry, flow, grant, hub_session, mail_proof, pending, proof_record, session, sign_in

from linkmw.gate.ports import ARMED, REFUSED_SECONDS, Arming, Limit, SignOutRecord
from linkmw.hub.ports import Confirmed, SignOut
from linkmw.run import run_now
from linkmw.stores.hub_sessions import OPENED_SECONDS
from linkmw.stores.redis import Commands, GateStores, HubStores, connect_blocking
from linkmw.stores.redis_shared import digest


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def commands(server: Server) -> Iterator[Commands]:
    commands = connect_blocking(server.url, timeout=5)
    yield commands
    run_now(commands.close())


@pytest.fixture
def raw(server: Server) -> Iterator[Any]:
    with redis.Redis(port=server.port) as raw:
        yield raw


def put_one_of_everything(commands: Commands) -> None:
    gate, hub = GateStores(commands, "linkmw:"), HubStores(commands, "linkmw-hub:")
    soon = int(time.time()) + 60
    for question in (
        gate.sign_ins.put("RAW-browser", sign_in("RAW-state"), 60),
        gate.sign_ins.put("RAW-browser", sign_in("RAW-state-2"), 60),
        gate.sign_ins.take("RAW-browser", "RAW-state"),
        gate.proofs.put("RAW-browser", proof_record("RAW-record"), 60),
        gate.sessions.put(session("RAW-sid", expires=soon)),
        gate.marks.first_use("totp", "RAW-code", 60),
        gate.marks.count("password", "RAW-name", 60),
        gate.marks.count("password", "RAW-name", 60),
        gate.tries.attempt("password", "RAW-name", "RAW-part", Limit(5, 60)),
        gate.entries.put("RAW-browser", entry("RAW-record"), 60),
        gate.sign_outs.put("RAW-browser", SignOutRecord("RAW-record", "hub-sid"), 60),
        gate.password_hashes.put("RAW-transaction", "RAW-hash", 60),
        gate.armings.put("RAW-browser", Arming("RAW-secret", "RAW-record", soon), 60),
        hub.sign_ins.put("RAW-browser", sign_in("RAW-state"), 60),
        hub.flows.put(flow("RAW-flow"), 60),
        hub.handles.put("RAW-handle", pending(), 60),
        hub.handles.take("RAW-handle", "orders"),
        hub.proof_codes.put("RAW-code", "flow", 60),
        hub.grants.put("RAW-code", grant(), 60),
        hub.grants.take("RAW-code"),
        hub.grants.put_token("RAW-token", "RAW-code", grant(), 60),
        hub.grants.put("RAW-code-2", grant(), 60),
        hub.sessions.put(hub_session("RAW-sid"), 60, soon),
        hub.sessions.get("RAW-sid", 60),
        hub.sessions.note_opened(hub_session().identity, "RAW-public", "RAW-client", 60),
        hub.sessions.put(hub_session("RAW-sid-2", "RAW-public", keycloak_sid="RAW-keycloak-sid"), 60, soon),
        hub.sessions.end_keycloak("https://id.example/realms/acme", "RAW-keycloak-sid-2"),
        hub.sign_outs.put("RAW-browser", SignOut("RAW-record", "orders", "https://orders.example/RAW"), 60),
        hub.mail_proofs.put("RAW-token", mail_proof("RAW-flow", ip="RAW-ip"), 60),
        hub.mail_proofs.confirm("RAW-flow", Confirmed("RAW@example.com", "RAW-hash"), 60),
    ):
        run_now(question)


def content(raw: Any, key: bytes) -> Any:
    readers = {b"string": raw.get, b"hash": raw.hgetall, b"zset": lambda key: raw.zrange(key, 0, -1)}
    return readers[raw.type(key)](key)


def test_rf08_every_key_has_an_expiry(commands: Commands, raw: Any) -> None:
    put_one_of_everything(commands)
    left = {key: raw.pttl(key) for key in raw.scan_iter()}
    assert len(left) == 29
    # What Keycloak's sessions opened, and which have ended, is known for longer than what they opened lasts.
    long = {name: milliseconds for name, milliseconds in left.items() if name.startswith(b"linkmw-hub:k")}
    assert len(long) == 3
    assert all(0 < milliseconds <= OPENED_SECONDS * 1000 for milliseconds in long.values())
    assert all(0 < milliseconds <= 60_000 for name, milliseconds in left.items() if name not in long)


def test_i9_no_key_and_no_content_holds_the_secret_it_is_found_by(commands: Commands, raw: Any) -> None:
    put_one_of_everything(commands)
    for key in raw.scan_iter():
        assert key.startswith((b"linkmw:", b"linkmw-hub:"))
        assert b"RAW" not in key
        assert "RAW" not in repr(content(raw, key))


def test_rf08_a_logout_is_kept_for_an_hour_and_sweeps_what_is_older(commands: Commands, raw: Any) -> None:
    sessions, now = GateStores(commands, "linkmw:").sessions, int(time.time())
    for until in range(now - 10, now):
        run_now(sessions.end_all(account_id="42", until=until))
    key = b"linkmw:a" + digest("42")
    assert raw.zrange(key, 0, -1, withscores=True) == [(b"!", now - 1 + REFUSED_SECONDS)]
    assert raw.expiretime(key) == now - 1 + REFUSED_SECONDS
    raw.zadd(key, {b"!": now - 1})
    assert run_now(sessions.put(session("sid", expires=now + 60))) is True
    assert raw.zrange(key, 0, -1) == [digest("sid")]


def test_rf08_nothing_is_left_when_everything_has_ended(commands: Commands, raw: Any) -> None:
    sessions = GateStores(commands, "linkmw:").sessions
    run_now(sessions.put(session("sid", expires=int(time.time()) + 60)))
    assert raw.dbsize() == 3
    run_now(sessions.end("sid"))
    assert raw.dbsize() == 0


def test_sessions_are_found_by_account_and_hub_session(commands: Commands, raw: Any) -> None:
    sessions = GateStores(commands, "linkmw:").sessions
    soon = int(time.time()) + 60
    one, two = session("one", expires=soon), session("two", expires=soon + 60)
    run_now(sessions.put(two))
    run_now(sessions.put(one))
    assert set(raw.zrange(b"linkmw:a" + digest("42"), 0, -1)) == {digest("one"), digest("two")}
    assert raw.zrange(b"linkmw:h" + digest(two.hub_sid), 0, -1) == [digest("two")]
    assert raw.expiretime(b"linkmw:a" + digest("42")) == soon + 60
    run_now(sessions.end("two"))
    assert raw.zrange(b"linkmw:a" + digest("42"), 0, -1) == [digest("one")]


@pytest.mark.parametrize("poison", [b"", b"pickle", b'{"v":9}', b"[" * 1000], ids=reprlib.repr)
def test_rf09_poison_in_redis_is_nothing_found(commands: Commands, raw: Any, poison: bytes) -> None:
    put_one_of_everything(commands)
    for key in list(raw.scan_iter()):
        if raw.type(key) == b"string":
            raw.set(key, poison, ex=60)
        elif raw.type(key) == b"hash":
            raw.hset(key, mapping=dict.fromkeys(raw.hgetall(key), poison))
    gate, hub = GateStores(commands, "linkmw:"), HubStores(commands, "linkmw-hub:")
    for question in (
        gate.sign_ins.take("RAW-browser", "RAW-state-2"),
        gate.proofs.get("RAW-browser", "RAW-record"),
        gate.sign_outs.get("RAW-browser", "RAW-record"),
        gate.password_hashes.take("RAW-transaction"),
        gate.armings.get("RAW-browser", ARMED),
        gate.sessions.get("RAW-sid"),
        hub.sign_ins.take("RAW-browser", "RAW-state"),
        hub.flows.get("RAW-flow"),
        hub.handles.take("RAW-handle", "orders"),
        hub.proof_codes.take("RAW-code"),
        hub.grants.take("RAW-code-2"),
        hub.grants.of_token("RAW-token"),
        hub.sessions.get("RAW-sid", 60),
        hub.sign_outs.take("RAW-browser", "RAW-record"),
    ):
        assert run_now(question) is None


def sizes(commands: Commands, raw: Any, native: str) -> tuple[float, float]:
    """Bytes for each person signed in: all of it, and the record alone."""
    people = 4095  # three keys each, and three for the first: the server's tables are just full, not just doubled
    sessions = GateStores(commands, "linkmw:").sessions
    soon = int(time.time()) + 600
    run_now(sessions.put(session("warm", expires=soon)))
    before = raw.info("memory")["used_memory"]
    for person in range(people):
        one = session(f"sid-{person}", expires=soon, account_id=str(10_000 + person))
        run_now(sessions.put(replace(one, native=native)))
    whole = (raw.info("memory")["used_memory"] - before) / people
    own = sum(raw.memory_usage(key, samples=0) for key in raw.scan_iter(b"linkmw:s*")) / (people + 1)
    return whole, own + 56  # performance.md, section 5: what the two dictionaries add to MEMORY USAGE


def test_g7_a_person_signed_in_takes_256_bytes_and_740_with_the_indexes(commands: Commands, raw: Any) -> None:
    whole, own = sizes(commands, raw, "")
    assert (whole <= 600, own <= 256) == (True, True)


def test_g7_the_name_of_a_native_session_takes_64_bytes_more(commands: Commands, raw: Any) -> None:
    whole, own = sizes(commands, raw, secrets.token_urlsafe(60))
    assert (whole <= 664, own <= 320) == (True, True)


def test_g8_a_product_loads_nothing_of_the_hub() -> None:
    script = (
        "import sys; from linkmw.stores.redis import GateStores, connect\n"
        "sys.exit(any(name.startswith('linkmw.hub') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_store_that_is_none_is_an_attribute_error() -> None:
    from linkmw.stores import redis as stores

    with pytest.raises(AttributeError):
        _ = stores.Nothing
