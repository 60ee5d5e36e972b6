"""The hub over a real Redis that somebody has written into, or that is lost: a page, and the way to begin again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.hub.world import ADA, SETTINGS, World
from tests.stores.servers import Server

from linkmw.hub.app import build_app
from linkmw.run import run_now
from linkmw.stores.redis import HubStores, connect, connect_blocking

POISON = {
    "json bomb": b"[" * 100_000,
    "pickle": b"cos\nsystem\n(S'true'\ntR.",
    "another version": b'{"v":99,"state":"x"}',
    "nothing": b"",
    "binary": bytes(range(256)),
}
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def redis_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Server(tmp_path_factory.mktemp("redis"))
    yield server.url
    server.stop()


@pytest.fixture
def ask(redis_at: str) -> Iterator[Ask]:
    commands = connect_blocking(redis_at, timeout=30)
    yield lambda *command: run_now(commands._ask(*command, tries=1))
    run_now(commands._ask("FLUSHDB", tries=1))
    run_now(commands.close())


@pytest.fixture
def real(world: World, redis_at: str) -> World:
    """The same hub over a real Redis."""
    stores = HubStores(connect(redis_at, timeout=30), "hub:")
    names = ("sign_ins", "flows", "handles", "proof_codes", "grants", "sessions", "marks")
    world.ports = replace(world.ports, **{name: getattr(stores, name) for name in names})
    world.app = build_app(world.ports, SETTINGS)
    return world


def spoil(ask: Ask, poison: bytes) -> None:
    for key in ask("KEYS", "*"):
        kind = ask("TYPE", key)
        if kind == b"string":
            ask("SET", key, poison, "KEEPTTL")
        for name in ask("HKEYS", key) if kind == b"hash" else ():
            ask("HSET", key, name, poison)


def refused(answer: Any) -> None:
    assert answer.status_code == 400, answer.text
    assert 'class="reference"' in answer.text


@pytest.mark.parametrize("poison", POISON)
def test_rf09_poison_in_redis_ends_the_flow_with_a_page_and_the_next_one_works(
    real: World, ask: Ask, poison: str
) -> None:
    person = real.person()
    to_keycloak = person.get(real.authorize_url())
    spoil(ask, POISON[poison])
    refused(person.get(real.keycloak.signs_in(to_keycloak.headers["location"], ADA, real.clock())))

    answer = real.sign_in(person)
    spoil(ask, POISON[poison])
    handle = answer.headers["location"].partition("handle=")[2]
    assert real.back_channel("/proof-requests", {"handle": handle}).json() == {"error": "unknown_handle"}

    transaction = real.ask_proof(real.sign_in(person))
    code = real.push(transaction).json()["code"]
    spoil(ask, POISON[poison])
    refused(person.get(f"/proved?code={code}"))
    assert real.push(transaction).json() == {"error": "unknown_transaction"}
    assert real.links() == []

    assert real.link(person).status_code == 303
    assert real.links() == ["orders/7"]


def test_rf01_a_redis_that_lost_everything_in_mid_flow_is_a_page_and_the_next_flow_works(real: World, ask: Ask) -> None:
    person = real.person()
    code = real.push(real.ask_proof(real.sign_in(person))).json()["code"]
    ask("FLUSHDB")
    refused(person.get(f"/proved?code={code}"))
    assert real.link(person).status_code == 303
    assert real.links() == ["orders/7"]
