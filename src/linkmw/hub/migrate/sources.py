"""Where the rows come from: a CSV file, or the product's own database. Read again from the start at each call."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from linkmw.errors import LinkmwError, Unavailable
from linkmw.hub.migrate.rows import Row, Unreadable

REQUIRED = ("account_id", "email")
TEXTS = (*REQUIRED, "username", "password_hash", "first_name", "last_name")
FLAGS = ("is_staff", "is_superuser", "is_active")
# Of Django's auth_user, and of every model made from AbstractUser.
DJANGO = {**{name: name for name in (*TEXTS, *FLAGS)}, "account_id": "id", "password_hash": "password"}
_FETCHED = 1_000
_NO = frozenset({"", "0", "f", "false", "n", "no"})


class SourceRefused(LinkmwError):
    """The operator's: the file or the table is not as it should be."""

    code = "source_refused"


@dataclass(frozen=True, slots=True)
class CsvFile:
    """UTF-8, with a header: account_id, email; username, password_hash, first_name, last_name, is_staff, … if there."""

    path: Path

    def rows(self) -> Iterator[Row | Unreadable]:
        """Raises SourceRefused."""
        try:
            # A byte that is no UTF-8 becomes a lone surrogate, and its row is known by that.
            with self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
                yield from _read_csv(csv.reader(file))
        except OSError as error:
            raise SourceRefused(f"{self.path} cannot be read: {error.strerror}") from None


def _read_csv(reader: Any) -> Iterator[Row | Unreadable]:
    try:
        header = [name.strip().lower() for name in next(reader, [])]
    except csv.Error:
        raise SourceRefused("the first line of the file is not CSV") from None
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise SourceRefused(f"the first line of the file names no column {' and no '.join(missing)}")
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Unreadable(number, "not CSV: a quote that is never closed, or a cell too long")
            continue
        yield _of_cells(number, header, cells)


def _of_cells(number: int, header: Sequence[str], cells: Sequence[str]) -> Row | Unreadable:
    if len(cells) != len(header):
        return Unreadable(number, f"{len(cells)} cells where the header has {len(header)}")
    return _row(number, dict(zip(header, cells, strict=True)))


@dataclass(frozen=True, slots=True)
class Database:
    """A table of users, read in one pass. columns: ours → the table's."""

    url: str = field(repr=False)
    table: str
    columns: Mapping[str, str]

    def rows(self) -> Iterator[Row | Unreadable]:
        """Raises SourceRefused, Unavailable."""
        from sqlalchemy.exc import SQLAlchemyError

        engine = _engine(self.url)
        try:
            yield from self._read(engine)
        except SQLAlchemyError as error:
            raise Unavailable(f"the product's database did not answer: {type(error).__name__}") from None
        finally:
            engine.dispose()

    def _read(self, engine: Any) -> Iterator[Row | Unreadable]:
        from sqlalchemy import MetaData, Table, select
        from sqlalchemy.exc import NoSuchTableError

        schema, _, name = self.table.rpartition(".")
        try:
            table = Table(name, MetaData(), autoload_with=engine, schema=schema or None)
        except NoSuchTableError:
            raise SourceRefused(f"the database has no table {self.table}") from None
        present = {ours: theirs for ours, theirs in self.columns.items() if theirs in table.c}
        missing = [self.columns[name] for name in REQUIRED if name not in present]
        if missing:
            raise SourceRefused(f"the table {self.table} has no column {' and no '.join(missing)}")
        chosen = select(*[table.c[theirs].label(ours) for ours, theirs in present.items()])
        with engine.connect().execution_options(stream_results=True, yield_per=_FETCHED) as connection:
            found = connection.execute(chosen.order_by(table.c[present["account_id"]])).mappings()
            for number, row in enumerate(found, 1):
                yield _row(number, {name: "" if row[name] is None else str(row[name]) for name in present})


def _engine(url: str) -> Any:
    """Of any database that SQLAlchemy knows and whose driver is installed. Raises SourceRefused."""
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")  # the driver that linkmw brings
        if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").is_file():
            raise SourceRefused("there is no such SQLite file")  # SQLite would make it
        return create_engine(parsed, hide_parameters=True)
    except ArgumentError:
        raise SourceRefused("the database is named by a URL like postgresql://… or mysql+pymysql://…") from None
    except ModuleNotFoundError as error:
        raise SourceRefused(f"the driver of that database is not installed: {error.name}") from None


def _row(number: int, cells: Mapping[str, str]) -> Row | Unreadable:
    try:
        "".join(cells.values()).encode()
    except UnicodeEncodeError:
        return Unreadable(number, "not UTF-8")
    said = {name: cells.get(name, "") for name in TEXTS}
    for name in ("account_id", "email", "username"):
        said[name] = said[name].strip()
    staff, superuser, active = (_flag(cells.get(name, default)) for name, default in zip(FLAGS, "001", strict=True))
    return Row(number, **said, staff=staff or superuser, active=active)


def _flag(text: str) -> bool:
    return text.strip().lower() not in _NO
