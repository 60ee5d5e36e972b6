"""Frozen values as versioned JSON, read back strictly: what does not fit its type is no record (security.md, RF09)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Generic, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from linkmw.errors import RequestRefused

VERSION = 1
MAX_BYTES = 64 * 1024
_AS_IT_IS = (str, int, NoneType)  # nearly all that is written
_TO_JSON = json.JSONEncoder(separators=(",", ":")).encode

T = TypeVar("T")
Reader = Callable[[object], Any]


class Codec(Generic[T]):
    """One frozen dataclass ↔ bytes. A secret that is the record's key already is left out, and handed in to `read`."""

    def __init__(self, kind: type[T], *, without: tuple[str, ...] = ()) -> None:
        self._names = [item.name for item in fields(cast(Any, kind)) if item.name not in without]
        self._read = _record(kind)

    def write(self, value: T) -> bytes:
        """The record. Raises RequestRefused for a value no honest request makes so large."""
        found = {name: _plain(getattr(value, name)) for name in self._names}
        data = _TO_JSON({"v": VERSION, **found}).encode()
        return at_most(MAX_BYTES, data)

    def read(self, data: bytes | None, **left_out: str) -> T | None:
        """The value; None for no data, another version, another shape."""
        if data is None or len(data) > MAX_BYTES:
            return None
        try:
            found = json.loads(data)
            if not isinstance(found, dict) or found.pop("v", None) != VERSION:
                return None
            value: T = self._read({**found, **{name: str(item) for name, item in left_out.items()}})
        except (ValueError, RecursionError):
            return None
        return value


def at_most(limit: int, data: bytes) -> bytes:
    """`data`, if it is no longer than `limit` bytes. Raises RequestRefused."""
    if len(data) > limit:
        raise RequestRefused("too large to keep", code="too_large", status=413)
    return data


def _plain(value: object) -> object:
    if isinstance(value, _AS_IT_IS):
        return value
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _reader(hint: Any) -> Reader:
    """What reads a decoded JSON value as `hint`, or raises ValueError. Raises TypeError for a hint it cannot read."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _one_of(arguments)
    if origin in (Union, UnionType) and NoneType in arguments and len(arguments) == 2:
        return _optional(_reader(next(argument for argument in arguments if argument is not NoneType)))
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _many(_reader(arguments[0]))
    if is_dataclass(hint):
        return _record(hint)
    if isinstance(hint, type) and issubclass(hint, str | int):
        return _exactly(hint)
    raise TypeError(f"{hint} cannot be kept as JSON")


def _exactly(kind: type[str] | type[int]) -> Reader:
    wire = str if issubclass(kind, str) else kind  # Secret travels as a string; True is no number

    def read(value: object) -> Any:
        if type(value) is not wire:
            raise ValueError("another type")
        return kind(value)

    return read


def _one_of(allowed: tuple[object, ...]) -> Reader:
    def read(value: object) -> Any:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError("not one of the values")
        return value

    return read


def _optional(inner: Reader) -> Reader:
    return lambda value: None if value is None else inner(value)


def _many(inner: Reader) -> Reader:
    def read(value: object) -> Any:
        if not isinstance(value, list):
            raise ValueError("no list")
        return tuple(inner(item) for item in value)

    return read


def _record(kind: Any) -> Reader:
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
    required = {item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING}

    def read(value: object) -> Any:
        if not isinstance(value, Mapping) or not required <= value.keys() <= readers.keys():
            raise ValueError("other fields")
        return kind(**{name: readers[name](item) for name, item in value.items()})

    return read
