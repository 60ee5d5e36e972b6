"""JSON objects from the other side, read so that two readers cannot read two things (RFC 7493, I-JSON)."""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_DEPTH = 8
MAX_DIGITS = 20  # 2**64 has 20

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET = re.compile(rb"[\[{\]}]")


def read_object(data: bytes) -> dict[str, Any]:
    """The one JSON object in `data` (UTF-8; the caller has bounded its size).

    Raises ValueError for anything else, and for what readers disagree about: a member given twice (TV16), NaN and
    Infinity, numbers beyond a double, integers over 20 digits, lone surrogates, arrays and objects over 8 deep (TV18).
    """
    if _depth(data) > MAX_DEPTH:
        raise ValueError("nested too deeply")
    value = json.loads(
        data.decode("utf-8"),
        object_pairs_hook=_object,
        parse_constant=_constant,
        parse_int=_integer,
        parse_float=_fraction,
    )
    if not isinstance(value, dict):
        raise ValueError("not an object")
    if rb"\u" in data:
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # UnicodeEncodeError, a ValueError: a lone surrogate
    return value


def _depth(data: bytes) -> int:
    """How deep brackets nest outside strings: counted before json, whose recursion is what an attacker aims at."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError("a number is too long")
    return int(digits)


def _fraction(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value
