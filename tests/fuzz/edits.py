"""Inputs made of known ones: small edits of bytes and of tokens (texts, numbers, words), in a row."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

LARGEST = 200_000  # bytes: over every bound that a reader has

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[A-Za-z0-9_%+-]+|\s+|.', re.DOTALL)
WAYS = ("flip", "byte", "insert", "cut", "double", "instead", "drop", "again", "swap", "splice", "many")

# What readers of many kinds of text stumble over.
WORDS = (
    *(b"", b"\x00", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"%00", b"%ff", b"%ed%a0%80", b"\r\n", b"\t", b" ", b"\x7f"),
    *(b"\xc3\xa9", b"\xe2\x80\xae", b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b'"', b"'", b"\\", b"/", b"//", b"#", b"&"),
    *(b"=", b";", b",", b":", b"@", b"[", b"]", b"{", b"}", b"[]", b"{}", b'""', b"null", b"true", b"false", b"-0"),
    *(b"0", b"1", b"-1", b"1e400", b"NaN", b"Infinity", b"1800000000", b"99999999999999999999", b"1.0", b"0x10"),
    *(b"9" * 5000, b"a" * 300, b"[" * 2000, b'{"a":' * 500, b"a" * 70_000),
)


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit. at, of: where, as shares of the whole, so that every edit fits every input. word: what is put in."""

    way: str
    at: float
    of: float
    word: bytes


def drawn(chance: random.Random, words: Sequence[bytes]) -> list[Edit]:
    """One to six edits."""
    return [
        Edit(chance.choice(WAYS), chance.random(), chance.random(), chance.choice(words))
        for _ in range(chance.choice((1, 1, 1, 2, 3, 6)))
    ]


def edited(data: bytes, edits: Sequence[Edit]) -> bytes:
    """`data` after these edits, cut to LARGEST."""
    for edit in edits:
        data = _edited(data, edit)[:LARGEST]
    return data


def _edited(data: bytes, edit: Edit) -> bytes:
    if edit.way in ("instead", "drop", "again", "swap", "many"):
        return b"".join(_of_tokens(_TOKEN.findall(data) or [b""], edit))
    at = int(edit.at * (len(data) + 1))
    end = min(len(data), at + 1 + int(edit.of**4 * len(data)))
    if edit.way == "flip":
        return data[:at] + bytes(octet ^ 1 << int(edit.of * 8) for octet in data[at : at + 1]) + data[at + 1 :]
    if edit.way == "byte":
        return data[:at] + bytes((int(edit.of * 256),)) + data[at + 1 :]
    if edit.way == "insert":
        return data[:at] + edit.word + data[at:]
    if edit.way == "cut":
        return data[:at] + data[end:]
    if edit.way == "double":
        return data[:end] + data[at:end] + data[end:]
    return data[:at] + edit.word[int(edit.of * len(edit.word)) :]  # splice


def _of_tokens(tokens: list[bytes], edit: Edit) -> list[bytes]:
    at, other = int(edit.at * len(tokens)), int(edit.of * len(tokens))
    if edit.way == "instead":
        tokens[at] = edit.word
    elif edit.way == "drop":
        del tokens[at]
    elif edit.way == "again":
        tokens.insert(other, tokens[at])
    elif edit.way == "swap":
        tokens[at], tokens[other] = tokens[other], tokens[at]
    else:
        tokens[at] *= 1 + int(edit.of**3 * 3000)
    return tokens
