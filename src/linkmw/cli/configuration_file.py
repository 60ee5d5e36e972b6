"""A product's configuration file, changed key by key: what the operator wrote besides stays as it is.

The file is whole at every moment, also if this process is killed: a new one takes its place (`os.replace`).
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from linkmw.errors import SettingsError

Value = str | bool | datetime

_OF_HOST = re.compile(r"\s*\[\s*hosts\s*\.")
HEAD = "# linkmw in this product. Written by `linkmw enable` and `linkmw disable`; other lines are yours.\n"


def edited(text: str, put: Mapping[str, Value], drop: Collection[str] = ()) -> str:
    """`text` with these keys set, and those gone, also from the tables of `hosts`.

    Raises SettingsError where that would change anything else.
    """
    before = _parsed(text)
    statements = list(_statements(text))
    kept, placed = [], set[str]()
    for names, lines in statements:
        name = next(iter(names), "").lower()
        if name in put:
            kept += [f"{name} = {_written(put[name])}\n"] if name not in placed else []
            placed.add(name)
        elif name not in drop:
            kept.append(lines)
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    kept += [f"{name} = {_written(value)}\n" for name, value in put.items() if name not in placed]
    made = "".join(kept) + _without(text[sum(len(lines) for _, lines in statements) :], drop)
    wanted = {name: value for name, value in before.items() if name.lower() not in {*put, *drop}} | dict(put)
    if _parsed(made) != {name: _lacking(value, drop) if name == "hosts" else value for name, value in wanted.items()}:
        raise SettingsError("the configuration file cannot be changed safely: change these lines by hand")
    return made


def _statements(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """What stands before the first table, piece by piece: the key each sets (none for a comment), and its lines."""
    for names, lines in _pieces(text):
        if lines.lstrip().startswith("["):
            return
        yield names, lines


def _without(tables: str, drop: Collection[str]) -> str:
    """`tables` whose hosts have lost these keys (P-4)."""
    kept, of_host = [], False
    for names, lines in _pieces(tables):
        if lines.lstrip().startswith("["):
            of_host = _OF_HOST.match(lines) is not None
        if not (of_host and next(iter(names), "").lower() in drop):
            kept.append(lines)
    return "".join(kept)


def _lacking(hosts: object, drop: Collection[str]) -> object:
    if not isinstance(hosts, dict):
        return hosts
    return {
        host: {name: value for name, value in table.items() if name.lower() not in drop}
        for host, table in hosts.items()
    }


def _pieces(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """The text piece by piece: the key each sets, none for a comment and the head of a table, and its lines."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    begin = 0
    while begin < len(lines):
        end, head = begin + 1, lines[begin].lstrip().startswith("[")
        found: dict[str, object] | None = {} if head else None
        while not head and (found := _piece("".join(lines[begin:end]))) is None and end < len(lines):
            end += 1
        yield tuple(found or ()), "".join(lines[begin:end])
        begin = end


def _piece(text: str) -> dict[str, object] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None  # a text or a list that goes on in the next line


def _parsed(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"the configuration file is not TOML, mend it first: {error}") from None


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    # A JSON string is a TOML one, but for DEL, which TOML wants escaped as well.
    return re.sub("\x7f", r"\\u007f", json.dumps(value, ensure_ascii=False))


def change(path: Path, edit: Callable[[str], str]) -> bool:
    """The file at `path` is what `edit` makes of it: mode 0600, written whole or not at all. Did anything change?

    An edit that leaves nothing to change makes no file. Raises SettingsError for a file that cannot be read or written.
    """
    path = Path(os.path.realpath(path))  # a link to where the file really is stays one
    try:
        with _alone(path.parent):
            new = path.with_name(f".{path.name}.new")
            new.unlink(missing_ok=True)  # of one that was killed: it may hold the secret
            before = path.read_bytes().decode() if path.exists() else None  # with the line ends that it has
            after = edit(before or "")
            if after == (before or ""):
                return False
            _write(new, after if before is not None else HEAD + after, like=path if path.exists() else path.parent)
            os.replace(new, path)
            _flushed(path.parent)
            return True
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise SettingsError(f"{path} cannot be changed: {reason}") from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two commands at once come one after the other; a killed one holds nobody up."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(new: Path, text: str, *, like: Path) -> None:
    """A file of its own, on the disk. Root's belongs to whom `like` belongs: the product has to read it."""
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        if os.geteuid() == 0:
            owner = like.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _flushed(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
