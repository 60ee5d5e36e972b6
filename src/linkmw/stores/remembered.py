"""Gate sessions that this process has asked for, kept while it is certain to hear of their end.

Redis says which keys were written, have expired or were evicted (`redis_push`); here is what follows from that. A yes
is good only as long as the word of Redis is fresh, so that a connection that has gone silent unnoticed keeps no ended
session alive (docs/decisions.md).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from linkmw.model import Session

KEPT_MANY = 10_000  # sessions at most: some hundred bytes each
KEPT_SECONDS = 30.0  # then Redis is asked anyway: not all that an operator does is told (SWAPDB)


class _Kept(NamedTuple):
    session: Session
    key: bytes
    until: float  # of the monotonic clock; never after the session's own end


class Remembered:
    """For any number of threads. wake: called by whoever finds nothing fresh here; must neither block nor raise."""

    def __init__(
        self,
        wake: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._wake = wake
        self._clock = clock
        self._now = now
        self.asked = clock()  # when somebody last wanted to know
        self.restart()

    def restart(self) -> None:
        """Nothing is known, and nobody holds the lock: at first, and in a process that was just forked."""
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._sids: dict[bytes, str] = {}
        self._fresh_until = 0.0
        self._changes = 0  # every word of Redis, and every time that one may have been missed

    def recall(self, sid: str) -> Session | None:
        """The session, if it stands for certain; None says nothing: ask Redis."""
        self.asked = now = self._clock()
        if now >= self._fresh_until:
            self._wake()
            return None
        found = self._kept.get(sid)
        return found.session if found is not None and now < found.until else None

    def begin(self) -> int:
        """What to hand to `keep`, taken before Redis is asked: what is read while something changes is not kept."""
        return self._changes

    def keep(self, key: bytes, session: Session, begun: int) -> None:
        """Redis has said so; not kept if that may be over already."""
        now = self._clock()
        if now >= self._fresh_until:
            return
        until = now + min(KEPT_SECONDS, session.expires - self._now())
        with self._lock:
            if begun != self._changes or now >= self._fresh_until or until <= now:
                return
            if len(self._kept) >= KEPT_MANY and session.sid not in self._kept:
                oldest = next(iter(self._kept))
                del self._sids[self._kept.pop(oldest).key]
            self._kept[session.sid] = _Kept(session, key, until)
            self._sids[key] = session.sid

    def fresh(self, until: float) -> None:
        """What Redis said is believed until then, if it does not say otherwise."""
        self._fresh_until = until

    def changed(self, keys: Iterable[bytes]) -> None:
        """Redis says that these are not what they were."""
        with self._lock:
            self._changes += 1
            for key in keys:
                sid = self._sids.pop(key, None)
                if sid is not None:
                    del self._kept[sid]

    def all_changed(self) -> None:
        """Redis says that everything is gone, or may have said something that was not heard."""
        with self._lock:
            self._changes += 1
            self._kept.clear()
            self._sids.clear()

    def lost(self) -> None:
        """Nothing is heard any more."""
        self._fresh_until = 0.0
        self.all_changed()
