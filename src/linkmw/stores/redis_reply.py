"""MGET as it is sent, and what Redis replies to it, read."""

from __future__ import annotations

from collections.abc import Sequence

from redis.exceptions import AuthenticationError, BusyLoadingError, ResponseError

Found = list[bytes | None]

# What redis-py takes for no connection: another one may be better.
_NO_CONNECTION = {"LOADING": BusyLoadingError, "NOAUTH": AuthenticationError}


def question(keys: Sequence[bytes]) -> bytes:
    return b"*%d\r\n$4\r\nMGET\r\n" % (len(keys) + 1) + b"".join([b"$%d\r\n%b\r\n" % (len(key), key) for key in keys])


def read(reply: bytes, number: int) -> Found | ResponseError | None:
    """The values of `number` keys, or what Redis says instead; None while some of the reply is missing.

    Raises ValueError for what is no such reply, and a ConnectionError where redis-py has one for what Redis says.
    """
    if reply.startswith(b"-"):
        return _refusal(reply)
    head = b"*%d\r\n" % number
    if not reply.startswith(head):
        if head.startswith(reply):
            return None
        raise ValueError("no reply to MGET")
    found: Found = []
    at = len(head)
    for _ in range(number):  # 0.4 µs each; a call in here would be as much again
        end = reply.find(b"\r\n", at)
        if reply[at : at + 1] != b"$" and at < len(reply):
            raise ValueError("no value")
        if end < 0:
            return None
        size, at = int(reply[at + 1 : end]), end + 2
        if size < 0:
            if size < -1:
                raise ValueError("no size of a value")
            found.append(None)
            continue
        end = at + size
        found.append(reply[at:end])
        at = end + 2
        if reply[end:at] != b"\r\n":
            if not b"\r\n".startswith(reply[end:at]):
                raise ValueError("a value of another size")
            return None
    if at != len(reply):
        raise ValueError("more than a reply to MGET")
    return found


def _refusal(reply: bytes) -> ResponseError | None:
    line, end, more = reply[1:].partition(b"\r\n")
    if more:
        raise ValueError("more than an error")
    said = line.decode(errors="replace")
    kind = _NO_CONNECTION.get(said.partition(" ")[0])
    if end and kind:
        raise kind(said)
    return ResponseError(said) if end else None
