"""Does a native session that linkmw opened still stand? Asked on requests that use the session, so kept short.

The allow-list in Redis is the truth. What it said is remembered while it tells of every change by itself, else it is
asked each time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from linkmw import metrics
from linkmw.errors import Unavailable
from linkmw.model import Marker

if TYPE_CHECKING:
    from linkmw.gate.doors import Doors
    from linkmw.gate.ports import Sessions
    from linkmw.settings import Settings

SILENT_SECONDS = 0.5  # so long nobody waits for a Redis that has just kept somebody waiting


class Guard:
    """One for each process and event loop. It never raises: a Redis that is silent leaves sessions as they are.

    since: sessions that began before have ended, whatever the allow-list says.
    """

    def __init__(
        self,
        sessions: Sessions,
        now: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        doors: Doors | None = None,
        since: int = 0,
    ) -> None:
        self._sessions, self._recall = sessions, sessions.recall
        self._since = since
        self._doors = doors
        self._now = now
        self._monotonic = monotonic
        self._silent_until = 0.0  # until then nobody is asked, who would have to be waited for

    def knows(self, marker: Marker) -> bool:
        """Does the session stand for certain? Nobody is asked; False says nothing."""
        found = self._recall(marker.sid)
        if found is None or found.started < self._since:
            return False
        # What is recalled ends with its session: the clock, 0.15 µs, is asked only for a marker that ends before it.
        return marker.expires >= found.expires or marker.expires > self._now()

    def knows_in(self, session: Mapping[str, Any]) -> bool:
        """The same of a native session, by what its marker says: one call and no `Marker`, which is 0.15 µs less."""
        try:
            sid, expires = session[MARKER]
            found = self._recall(sid)
            if found is None or found.started < self._since:
                return False
            stands: bool = expires >= found.expires or expires > self._now()
            return stands
        except Exception:  # no marker, or none as adapters write it
            return False

    async def stands(self, marker: Marker) -> bool:
        """False once the session has ended, or is too old whatever Redis says."""
        return self.knows(marker) or await self.stands_when_asked(marker)

    async def stands_when_asked(self, marker: Marker) -> bool:
        """The same for whom `knows` has just said nothing: to hear that twice costs each request 1 µs."""
        if marker.expires <= self._now():
            return False
        if marker.sid.startswith(NATIVE):
            return self._doors is None or self._doors.stands(marker)
        if self._silent_until > self._monotonic():
            return True
        try:
            found = await self._sessions.get(marker.sid)
        except Unavailable:
            metrics.count(metrics.UNCHECKED)
            self._silent_until = self._monotonic() + SILENT_SECONDS
            return True
        return found is not None and found.started >= self._since

    def forget(self, sid: str) -> None:
        """The session is about to end here."""
        self._sessions.forget(sid)


def stands_while_off(settings: Settings, marker: Marker) -> bool:
    """Does a session of ours go on while linkmw is off? All do, but for those that were ended with it (DIS-10)."""
    return not settings.has_ended_sessions or marker.sid.startswith(NATIVE)


NATIVE = "native:"  # how the sid begins of a session that no link opened (P-5); the allow-list knows none of them
MARKER = "_linkmw"  # under which key of a native session its marker is: [sid, expires]


def marker_in(session: Mapping[str, Any]) -> Marker | None:
    """The marker in a native session; None in one that linkmw did not open."""
    try:
        sid, expires = session[MARKER]
        return _marker(sid, expires)
    except (KeyError, TypeError, ValueError, OverflowError):  # of an infinite number
        return None


@lru_cache(maxsize=1024)  # a session's is read several times in a request, and making one costs more than all else
def _marker(sid: object, expires: Any) -> Marker:
    return Marker(str(sid), int(expires))


Change = Literal["none", "signed_out", "marker_lost"]


def change(before: Marker | None, after: Marker | None, *, somebody: bool) -> Change:
    """What a request did to a marked session. somebody: does the session name anybody afterwards?

    "marker_lost": the application made its session anew without the marker: nothing could end it any more (PR13).
    A sign-in of the product's own drops the marker too, rightly: the adapter says "none" for those itself.
    """
    if before is None or after is not None:
        return "none"
    return "marker_lost" if somebody else "signed_out"
