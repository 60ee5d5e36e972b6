"""What an adapter file said of cookies that came before, where the same cookies are always the same session.

Nothing follows from it but which session the allow-list is asked about, in each request: whether the cookies are good
is for the application to say, which sees them as they came.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable

from linkmw.model import Marker

KEPT_MANY = 10_000  # at most: some hundred bytes each
KEPT_SECONDS = 30.0  # then the file is asked anyway


class Markers:
    """By a hash of the whole Cookie header, so that no cookie is kept. For any number of threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[bytes, tuple[Marker, float]] = {}

    def of(self, header: str) -> Marker | None:
        """None says nothing: ask the file."""
        found = self._kept.get(_hashed(header))
        return found[0] if found is not None and self._clock() < found[1] else None

    def keep(self, header: str, marker: Marker) -> None:
        hashed, until = _hashed(header), self._clock() + KEPT_SECONDS
        with self._lock:
            self._kept.pop(hashed, None)  # so that the oldest are the first
            if len(self._kept) >= KEPT_MANY:
                del self._kept[next(iter(self._kept))]
            self._kept[hashed] = marker, until


def _hashed(header: str) -> bytes:
    return hashlib.sha256(header.encode("utf-8", "surrogatepass")).digest()
