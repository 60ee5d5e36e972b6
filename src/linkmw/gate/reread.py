"""A request's body that was read in part and is read again, from its first byte, by the product. Standard library only.

What came first is in memory, the rest is still at the server: a body is never held whole (security.md, HT14, DS02).
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class _Reread(io.RawIOBase):
    """The bytes that were read, then those that follow, `left` of them at most."""

    def __init__(self, seen: bytes, rest: Any, left: int) -> None:
        self._seen = io.BytesIO(seen)
        self._rest = rest
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, into: WriteableBuffer) -> int:
        view = memoryview(into).cast("B")
        # Never past the announced end: there a server's input may wait for what no client will send.
        data = self._seen.read(len(view)) or self._rest.read(min(len(view), self._left))
        self._left -= len(data)
        view[: len(data)] = data
        return len(data)


def reread(seen: bytes, rest: Any, length: int = sys.maxsize) -> io.BufferedReader:
    """`seen`, then what `rest` still gives, as one `wsgi.input` (PEP 3333) of `length` bytes at most."""
    return io.BufferedReader(_Reread(seen, rest, length))
