"""The reply to MGET, read: whole, in pieces, an error, or something else."""

from __future__ import annotations

import pytest
from redis.exceptions import AuthenticationError, BusyLoadingError, ResponseError

from linkmw.stores.redis_reply import Found, question, read

OCTETS = bytes(range(256))
VALUES: list[tuple[bytes, Found]] = [
    (b"*1\r\n$-1\r\n", [None]),
    (b"*1\r\n$0\r\n\r\n", [b""]),
    (b"*1\r\n$3\r\none\r\n", [b"one"]),
    (b"*2\r\n$-1\r\n$4\r\n\r\n\r\n\r\n", [None, b"\r\n\r\n"]),
    (b"*2\r\n$11\r\n*1\r\n$-1\r\n-E\r\n$256\r\n" + OCTETS + b"\r\n", [b"*1\r\n$-1\r\n-E", OCTETS]),
]


@pytest.mark.parametrize(("reply", "values"), VALUES)
def test_g3_rf09_any_octets_are_read_as_they_are_and_only_when_all_are_there(reply: bytes, values: Found) -> None:
    assert read(reply, len(values)) == values
    for came in range(len(reply)):
        assert read(reply[:came], len(values)) is None


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"x",
        b"\r\n",
        b"+OK\r\n",
        b":2\r\n",
        b"$3\r\none\r\n",
        b"*-1\r\n",
        b"*1\r\n$3\r\none\r\n",
        b"*3\r\n$3\r\none\r\n$3\r\ntwo\r\n$3\r\nten\r\n",
        b"*2\r\n:1\r\n",
        b"*2\r\nx",
        b"*2\r\n_\r\n",
        b"*2\r\n*0\r\n",
        b"*2\r\n-ERR\r\n",
        b"*2\r\n$\r\n",
        b"*2\r\n$x\r\n",
        b"*2\r\n$-2\r\n",
        b"*2\r\n$3\r\none\n",
        b"*2\r\n$3\r\nones\r\n",
        b"*2\r\n$-1\r\n$-1\r\n$-1\r\n",
        b"*2\r\n$-1\r\n$-1\r\n-",
    ],
)
def test_g3_rf01_what_is_no_reply_for_two_keys_is_none(reply: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(reply, 2)


def test_g3_rf01_what_redis_says_instead_is_an_error_as_redis_py_has_it() -> None:
    found = read(b"-NOPERM this user has no permissions\r\n", 2)
    assert isinstance(found, ResponseError)
    assert str(found) == "NOPERM this user has no permissions"
    assert read(b"-NOPERM this user", 2) is None
    assert read(b"-LOADING Redis is", 2) is None
    for said, kind in ((b"-LOADING Redis is loading\r\n", BusyLoadingError), (b"-NOAUTH\r\n", AuthenticationError)):
        with pytest.raises(kind):
            read(said, 2)
    with pytest.raises(ValueError, match="more"):
        read(b"-ERR one\r\n-ERR two\r\n", 2)


def test_g3_rf09_a_question_is_packed_whatever_its_keys_hold() -> None:
    assert question([b"a", b"\r\n$1\r\n"]) == b"*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$6\r\n\r\n$1\r\n\r\n"
