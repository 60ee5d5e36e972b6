"""An issuer's verification keys, kept: fetched seldom, by one caller at a time, and outliving the issuer's bad days."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from linkmw.errors import LinkmwError, TokenRejected
from linkmw.oidc.jose import KeySet

FRESH_SECONDS = 3600
STALE_SECONDS = 24 * 3600  # how long keys serve while their issuer does not answer
RETRY_SECONDS = 30  # between two fetches, when there are keys to go on with (TV10, DS03)

T = TypeVar("T")
# What came of a fetch; None when its caller was cancelled, or met a defect.
Outcome = KeySet | LinkmwError | None


@dataclass(frozen=True, slots=True)
class _Kept:
    keys: KeySet
    fetched: int


class KeyCache:
    """One issuer's keys. fetch: asks the issuer, raising LinkmwError when that fails. now: the clock.

    For coroutines of one event loop, and for threads that drive coroutines with `run_now`, alike.
    """

    def __init__(self, fetch: Callable[[], Awaitable[KeySet]], now: Callable[[], int]) -> None:
        self._fetch = fetch
        self._now = now
        self._lock = Lock()  # held for a few instructions, never across an await
        self._kept: _Kept | None = None
        self._next_try = 0  # this process's own throttle: it holds whatever store or issuer fails
        self._under_way: Future[Outcome] | None = None

    async def verified(self, check: Callable[[KeySet], T]) -> T:
        """What `check` answers for the issuer's keys, after one new look at them if it meets an unknown `kid` (TV10).

        Raises what `check` raises, and what `fetch` raised when there are no keys to go on with.
        """
        keys = await self.get()
        try:
            return check(keys)
        except TokenRejected as rejected:
            newer = await self.renewed() if rejected.code == "token_unknown_key" else keys
            if newer is keys:
                raise
        return check(newer)

    async def get(self) -> KeySet:
        """The keys: at most an hour old, or 24 hours while the issuer does not answer. Raises as `fetch` does.

        Who comes while older keys are being renewed goes on with those; without any, everybody waits for one fetch.
        """
        kept = self._kept
        if kept and self._now() - kept.fetched < FRESH_SECONDS:
            return kept.keys
        return await self._renewed(forced=False)

    async def renewed(self) -> KeySet:
        """The keys, asked for anew unless that was done within 30 s. Raises as `fetch` does when there are none."""
        return await self._renewed(forced=True)

    async def _renewed(self, *, forced: bool) -> KeySet:
        usable = self._usable()
        try:
            return await self._turn(forced=forced, needed=usable is None)
        except LinkmwError:
            if usable is None:
                raise
            return usable

    def _usable(self) -> KeySet | None:
        kept = self._kept
        return kept.keys if kept and self._now() - kept.fetched < STALE_SECONDS else None

    def _turn(self, *, forced: bool, needed: bool) -> Coroutine[Any, Any, KeySet]:
        """What this caller does: ask, wait for who is asking, or go on with the keys there are."""
        with self._lock:
            if self._under_way:
                return self._answer_to(self._under_way, forced) if forced or needed else self._as_kept()
            if not needed and self._now() < self._next_try:
                return self._as_kept()
            self._next_try = self._now() + RETRY_SECONDS
            self._under_way = Future()
            self._under_way.set_running_or_notify_cancel()  # one waiter that is cancelled takes nothing from the others
            return self._ask(self._under_way, forced)

    async def _as_kept(self) -> KeySet:
        assert self._kept is not None
        return self._kept.keys

    async def _ask(self, under_way: Future[Outcome], forced: bool) -> KeySet:
        outcome: Outcome = None
        try:
            outcome = keys = await self._fetch()
            self._kept = _Kept(keys, self._now())
            # What an unknown `kid` asked for, or what failed, holds back the next; a routine success does not,
            # since the issuer's key may change a second later.
            self._next_try = self._next_try if forced else 0
            return keys
        except LinkmwError as error:
            outcome = error
            raise
        finally:
            self._under_way = None
            under_way.set_result(outcome)

    async def _answer_to(self, under_way: Future[Outcome], forced: bool) -> KeySet:
        outcome = await _wait(under_way)
        if isinstance(outcome, LinkmwError):
            raise outcome
        return await self._renewed(forced=forced) if outcome is None else outcome


async def _wait(under_way: Future[Outcome]) -> Outcome:
    """Wait as this caller can: suspending in an event loop, blocking in a thread that has none."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return under_way.result()
    return await asyncio.wrap_future(under_way)
