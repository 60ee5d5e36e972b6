"""TV10, TV27, DS03, RC15, KF01: an issuer's keys, kept."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from linkmw.errors import TokenRejected, Unavailable
from linkmw.oidc.jose import KeySet, verify_signature
from linkmw.oidc.keys import KeyCache
from linkmw.run import run_now

FRESH_SECONDS, STALE_SECONDS, RETRY_SECONDS = 3600, 86_400, 30


class Issuer:
    """An issuer with a clock: what it answers, how often it was asked."""

    def __init__(self, *answers: KeySet | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.now = 1_800_000_010  # with low bits set: what is added to it is no other word for `or`
        self.cache = KeyCache(self.fetch, lambda: self.now)

    async def fetch(self) -> KeySet:
        self.asked += 1
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def sets(count: int) -> list[KeySet]:
    return [KeySet(()) for _ in range(count)]


DOWN = Unavailable("the issuer does not answer")


def test_keys_are_fetched_once_an_hour():
    old, new = sets(2)
    issuer = Issuer(old, new)
    assert [run_now(issuer.cache.get()) for _ in range(5)] == [old] * 5
    issuer.now += FRESH_SECONDS - 1
    assert run_now(issuer.cache.get()) is old
    assert issuer.asked == 1
    issuer.now += 1
    assert run_now(issuer.cache.get()) is new
    assert issuer.asked == 2


def test_kf01_keys_outlive_an_issuer_that_is_down_for_a_day():
    issuer = Issuer(keys := KeySet(()), DOWN)
    run_now(issuer.cache.get())
    issuer.now += STALE_SECONDS - 1
    assert run_now(issuer.cache.get()) is keys
    assert run_now(issuer.cache.renewed()) is keys
    for later in (1, 2):
        issuer.now += later
        with pytest.raises(Unavailable):
            run_now(issuer.cache.get())


def test_kf01_a_key_set_that_cannot_be_read_is_an_issuer_that_is_down():
    issuer = Issuer(keys := KeySet(()), TokenRejected("not a key set", code="key_set_malformed"))
    run_now(issuer.cache.get())
    issuer.now += FRESH_SECONDS
    assert run_now(issuer.cache.get()) is keys


def test_ds03_an_issuer_that_is_down_is_not_asked_by_every_visitor():
    issuer = Issuer(KeySet(()), DOWN)
    run_now(issuer.cache.get())
    issuer.now += FRESH_SECONDS
    for _ in range(100):
        run_now(issuer.cache.get())
    assert issuer.asked == 2
    issuer.now += RETRY_SECONDS
    run_now(issuer.cache.get())
    assert issuer.asked == 3


def test_without_any_keys_each_caller_asks_so_that_a_return_is_noticed_at_once():
    issuer = Issuer(DOWN, DOWN, keys := KeySet(()))
    for _ in range(2):
        with pytest.raises(Unavailable):
            run_now(issuer.cache.get())
    assert run_now(issuer.cache.get()) is keys


def verified(issuer: Issuer, token: str) -> dict[str, object]:
    def check(keys: KeySet) -> dict[str, object]:
        return verify_signature(token, keys, algorithms=frozenset({"RS256"}), types=frozenset({"jwt"}))

    return run_now(issuer.cache.verified(check))


def test_tv27_conf_signing_key_rotation_just_before_signing(forge, stranger):
    issuer = Issuer(forge.keys, stranger.keys)
    assert verified(issuer, forge.token({"a": 1})) == {"a": 1}
    assert verified(issuer, stranger.token({"a": 2})) == {"a": 2}  # the new key, at its very first use
    assert issuer.asked == 2
    with pytest.raises(TokenRejected):
        verified(issuer, forge.token({"a": 1}))  # the old key is gone


def test_tv10_a_kid_nobody_has_is_one_look_and_then_a_refusal(forge, stranger):
    issuer = Issuer(forge.keys)
    token = stranger.token({})
    for _ in range(50):
        with pytest.raises(TokenRejected) as caught:
            verified(issuer, token)
        assert caught.value.code == "token_unknown_key"
    assert issuer.asked == 2  # the first fetch, and one for the unknown kid
    issuer.now += RETRY_SECONDS - 1
    with pytest.raises(TokenRejected):
        verified(issuer, token)
    assert issuer.asked == 2
    issuer.now += 1
    with pytest.raises(TokenRejected):
        verified(issuer, token)
    assert issuer.asked == 3


def test_tv10_the_throttle_holds_while_the_issuer_is_down(forge, stranger):
    issuer = Issuer(forge.keys, DOWN)
    for _ in range(50):
        with pytest.raises(TokenRejected):
            verified(issuer, stranger.token({}))
        assert verified(issuer, forge.token({})) == {}
    assert issuer.asked == 2


def test_tv10_only_an_unknown_kid_is_worth_a_look(forge, stranger):
    issuer = Issuer(forge.keys)
    for token in (stranger.token({}, kid=forge.key.kid), "x", forge.token({}, alg="none")):
        with pytest.raises(TokenRejected):
            verified(issuer, token)
    assert issuer.asked == 1


# ---- at once


class Slow(Issuer):
    """Answers when told to, in an event loop."""

    def __init__(self, *answers: KeySet | Exception) -> None:
        super().__init__(*answers)
        self.go = asyncio.Event()

    async def fetch(self) -> KeySet:
        await self.go.wait()
        return await super().fetch()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_rc15_coroutines_share_one_fetch():
    async def story() -> None:
        issuer = Slow(keys := KeySet(()))
        callers = [asyncio.create_task(issuer.cache.get()) for _ in range(16)]
        await settle()
        issuer.go.set()
        assert await asyncio.gather(*callers) == [keys] * 16
        assert issuer.asked == 1

    asyncio.run(story())


def test_rc15_coroutines_share_one_failure():
    async def story() -> None:
        issuer = Slow(DOWN)
        callers = [asyncio.create_task(issuer.cache.get()) for _ in range(16)]
        await settle()
        issuer.go.set()
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
        assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
        assert issuer.asked == 1

    asyncio.run(story())


def test_rf11_who_is_cancelled_takes_nothing_from_the_others():
    async def story() -> None:
        issuer = Slow(keys := KeySet(()))
        callers = [asyncio.create_task(issuer.cache.get()) for _ in range(4)]
        await settle()
        callers[0].cancel()  # the one who asks
        callers[1].cancel()  # one who waits
        await settle()
        issuer.go.set()
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
        assert [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes] == [True, True, False, False]
        assert outcomes[2:] == [keys, keys]

    asyncio.run(story())


def test_rf11_a_waiter_that_is_cancelled_does_not_cancel_the_fetch():
    async def story() -> None:
        issuer = Slow(keys := KeySet(()))
        asking, waiting, patient = [asyncio.create_task(issuer.cache.get()) for _ in range(3)]
        await settle()
        waiting.cancel()
        await settle()
        issuer.go.set()
        assert await asyncio.gather(asking, patient) == [keys, keys]
        assert issuer.asked == 1

    asyncio.run(story())


def test_rc14_while_keys_are_renewed_old_ones_serve_and_an_unknown_kid_waits():
    async def story() -> None:
        old, new = sets(2)
        issuer = Slow(old, new)
        issuer.go.set()
        await issuer.cache.get()
        issuer.go.clear()
        issuer.now += FRESH_SECONDS
        asking = asyncio.create_task(issuer.cache.get())
        await settle()
        assert await issuer.cache.get() is old
        waiting = asyncio.create_task(issuer.cache.renewed())
        await settle()
        assert not waiting.done()
        issuer.go.set()
        assert await asking is new
        assert await waiting is new
        assert issuer.asked == 2

    asyncio.run(story())


def test_rc15_threads_without_a_loop_share_one_fetch():
    started, go, keys = Event(), Event(), KeySet(())
    asked = []

    async def fetch() -> KeySet:
        asked.append(1)
        started.set()
        assert go.wait(10)
        return keys

    cache = KeyCache(fetch, lambda: 0)
    with ThreadPoolExecutor(16) as pool:
        first = pool.submit(run_now_get, cache)
        assert started.wait(10)
        gate = Barrier(16)
        others = [pool.submit(run_now_get, cache, gate) for _ in range(15)]
        gate.wait(10)
        go.set()
        assert [done.result(10) for done in (first, *others)] == [keys] * 16
    assert len(asked) == 1


def run_now_get(cache: KeyCache, gate: Barrier | None = None) -> KeySet:
    if gate:
        gate.wait(10)
    return run_now(cache.get())


def test_a_defect_in_the_fetch_leaves_nobody_waiting():
    issuer = Issuer(ZeroDivisionError(), keys := KeySet(()))
    with pytest.raises(ZeroDivisionError):
        run_now(issuer.cache.get())
    assert run_now(issuer.cache.get()) is keys
