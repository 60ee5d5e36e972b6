"""The gate over a real Redis that says no, is silent, or was written into: an honest page, nobody signed out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.gate.world import ADA, World, header, heading
from tests.stores.servers import Server, Wire, free_port

from linkmw.gate.build import build
from linkmw.http import PASS, Decorate
from linkmw.run import run_now
from linkmw.stores.redis import connect_blocking

SECONDS = 1.0  # RF01: the button is gone, or an honest 503 there, within a second
# How a Redis that takes connections says no, by its options.
SAYING = {
    "NOAUTH": ("--requirepass", "hush-hush"),
    "OOM": ("--maxmemory", "1"),
    "READONLY": ("--replicaof", "127.0.0.1", "1"),
    "MASTERDOWN": ("--replicaof", "127.0.0.1", "1", "--replica-serve-stale-data", "no"),
    "NOREPLICAS": ("--min-replicas-to-write", "1"),
    "CLUSTERDOWN": ("--cluster-enabled", "yes"),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """A Redis with these options, kept for the module."""
    started: dict[tuple[str, ...], Server] = {}

    def with_options(*options: str) -> Server:
        if options not in started:
            started[options] = Server(tmp_path_factory.mktemp("redis"), *options)
        return started[options]

    yield with_options
    for server in started.values():
        server.stop()


def over(world: World, url: str) -> World:
    """The same gate over this Redis."""
    built = build(replace(world.settings, redis_url=url), world.product, blocking=True)
    names = ("sign_ins", "proofs", "sessions", "marks", "tries", "entries", "ping")
    world.having(**{name: getattr(built, name) for name in names})
    return world


def refuses(world: World, path: str) -> None:
    """The answer is a 503 page of ours, in time, that takes no cookie away; the native session stands."""
    browser = world.browser()
    browser.signs_in_natively(ADA)
    kept = dict(browser.cookies)
    began = time.monotonic()
    answer = browser.get(path)
    assert time.monotonic() - began < SECONDS
    assert answer.status == 503
    assert heading(browser.page) == "Sign-in is not available right now"
    assert header(answer, "Retry-After")
    assert browser.cookies == kept
    assert browser.account == ADA.account_id


def looks_in(world: World) -> bool:
    """Does the login page get its button? In time, either way."""
    began = time.monotonic()
    answer = world.browser().get("/login")
    assert time.monotonic() - began < SECONDS
    assert answer is PASS or isinstance(answer, Decorate)
    return isinstance(answer, Decorate)


@pytest.mark.parametrize("saying", SAYING)
def test_rf01_i4_a_redis_that_says_no_is_an_honest_page_and_signs_nobody_out(
    world: World, served: Callable[..., Server], saying: str
) -> None:
    refuses(over(world, served(*SAYING[saying]).url), "/.linkmw/login")


ERRORS = (
    "-LOADING Redis is loading",
    "-BUSY a script",
    "-MOVED 1 127.0.0.1:1",
    "-ASK 1 127.0.0.1:1",
    "-TRYAGAIN later",
)
OUT_OF_REACH = {"refused": f"redis://127.0.0.1:{free_port()}/0", "no route": "redis://240.0.0.1:6379/0"}


@pytest.mark.parametrize("mode", ["silent", "garbage", "reset", *OUT_OF_REACH, *ERRORS])
def test_rf01_i11_a_redis_that_does_not_answer_is_an_honest_page_and_no_button(
    world: World, served: Callable[..., Server], mode: str
) -> None:
    wire = Wire(served().port)
    try:
        over(world, OUT_OF_REACH.get(mode, wire.url))
        wire.mode = mode if mode not in ("reset", *OUT_OF_REACH) else "pass"
        if mode == "reset":
            wire.lose_reply_to(b"", times=1000)
        refuses(world, "/.linkmw/login")
        assert not looks_in(world)
    finally:
        wire.close()


def test_rf01_a_redis_in_good_health_has_its_button(world: World, served: Callable[..., Server]) -> None:
    assert looks_in(over(world, served().url))


POISON = {
    "json bomb": b"[" * 100_000,
    "pickle": b"cos\nsystem\n(S'true'\ntR.",
    "another version": b'{"v":99,"state":"x"}',
    "nothing": b"",
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("poison", POISON)
def test_rf09_poison_in_redis_is_an_expired_sign_in_or_proof_and_never_a_crash(
    world: World, served: Callable[..., Server], poison: str
) -> None:
    server = served()
    over(world, server.url)
    commands = connect_blocking(server.url)

    def ask(*command: Any) -> Any:
        return run_now(commands._ask(*command, tries=1))

    def spoil() -> None:
        for key in ask("KEYS", "*"):
            kind = ask("TYPE", key)
            if kind == b"string":
                ask("SET", key, POISON[poison], "KEEPTTL")
            if kind == b"hash":
                for name in ask("HKEYS", key):
                    ask("HSET", key, name, POISON[poison])

    browser = world.browser()
    state = browser.starts()["state"]
    spoil()
    answer = browser.returns(state)
    assert (answer.status, browser.account) == (400, "")
    assert 'class="reference"' in browser.page

    browser.arrives()
    spoil()
    answer = browser.submit(username="ada", password="correct horse")
    assert (answer.status, browser.account) == (400, "")
    assert 'class="reference"' in browser.page
    ask("FLUSHDB")
