"""A dump of Redis, without the cookies, states and codes that browsers hold, is worth nothing (SC07)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from tests.stores.servers import Server
from tests.stores.values import entry, flow, grant, hub_session, pending, proof_record, sign_in

from linkmw.model import Account
from linkmw.run import run_now
from linkmw.stores.redis import GateStores, HubStores, connect_blocking
from linkmw.stores.sealed import seal, unseal

COOKIE, STATE, CODE = "cookie-of-ada", "state-of-ada", "code-of-ada"
# What the values hold that a thief could use, or that says whose they are.
WORTH_HAVING = (
    *("nonce", "verifier", "transaction", "challenge", "csrf", "public-sid", "one-time-code", "flow"),
    *(
        "ann",
        "ann@acme.example",
        "ann@example.com",
        "/orders",
        "https://id.example",
        "7c0a0d3e",
        "browser-hash",
        "flow",
    ),
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.stop()


def everything(raw: Any) -> bytes:
    """All keys and all they hold."""
    readers = {b"string": raw.get, b"hash": raw.hgetall, b"zset": lambda key: raw.zrange(key, 0, -1)}
    return b"\n".join(key + repr(readers[raw.type(key)](key)).encode() for key in raw.scan_iter())


def test_sc07_a_dump_holds_neither_secrets_nor_names(server: Server) -> None:
    commands = connect_blocking(server.url, timeout=5)
    gate, hub = GateStores(commands, "linkmw:"), HubStores(commands, "linkmw-hub:")
    for question in (
        gate.sign_ins.put(COOKIE, sign_in(STATE), 60),
        gate.proofs.put(COOKIE, proof_record("record", account=Account("42", "ann"), code="one-time-code"), 60),
        gate.entries.put(COOKIE, entry("record"), 60),
        hub.sign_ins.put(COOKIE, sign_in(STATE), 60),
        hub.flows.put(flow("id-of-a-flow"), 60),
        hub.handles.put("handle", pending(), 60),
        hub.proof_codes.put(CODE, "flow", 60),
        hub.grants.put(CODE, grant(), 60),
        hub.grants.put_token("token", CODE, grant(), 60),
        hub.sessions.put(hub_session(COOKIE), 60, 2_000_000_000),
    ):
        run_now(question)
    with redis.Redis(port=server.port) as raw:
        dump = everything(raw)
        assert raw.dbsize() >= 9
    for word in (*WORTH_HAVING, COOKIE, STATE, CODE):
        assert word.encode() not in dump, word
    assert run_now(hub.proof_codes.take(CODE)) == "flow"  # with the code it is all there
    run_now(commands.close())


@given(st.binary(max_size=300), st.lists(st.text(max_size=50), min_size=1, max_size=3))
def test_sc07_a_record_opens_with_what_it_is_found_by_and_nothing_else(value: bytes, found_by: list[str]) -> None:
    sealed = seal(value, *found_by)
    assert len(sealed) == len(value) + 28
    assert unseal(sealed, *found_by) == value
    for other in ([*found_by, ""], found_by[1:] or ["x" * 60], ["x", *found_by], ["".join(found_by) + "x"]):
        assert unseal(sealed, *other) is None
    assert unseal(sealed[:-1], *found_by) is None
    assert unseal(bytes([sealed[0] ^ 1]) + sealed[1:], *found_by) is None


@pytest.mark.parametrize("poison", [b"", b"x", b"x" * 27, b"x" * 28, b'{"v":1}'])
def test_rf09_what_was_never_sealed_is_no_record(poison: bytes) -> None:
    assert unseal(poison, "cookie") is None
    assert unseal(None, "cookie") is None


def test_kf05_a_record_that_an_older_version_sealed_opens() -> None:
    sealed = bytes.fromhex("000102030405060708090a0bf0aca306705d7ec30b62d6599639a24cc37f1372c0")
    assert unseal(sealed, "cookie", "state") == b"value"
