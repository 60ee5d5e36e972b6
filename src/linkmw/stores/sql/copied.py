"""A whole hub database in another one: SQLite → PostgreSQL when a hub outgrows one machine, or back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, func, insert, select, text

from linkmw.errors import SettingsError
from linkmw.stores.sql import schema, version
from linkmw.stores.sql.engine import Database, make_private, take_time

_ROWS = 1000
# Tables that number their rows themselves, and the column that they do it in.
_NUMBERED = {
    table.name: next(iter(table.primary_key.columns)).name
    for table in schema.metadata.sorted_tables
    if table.dialect_options["sqlite"]["autoincrement"] is True
}

Counts = dict[str, int]


def copy(source: Database, target: Database, progress: Callable[[int], None]) -> Counts:
    """Every row of `source` in `target`, which has no tables yet; how many each table has.

    One transaction there, while nobody can write here. Raises SettingsError for a target that has tables, for a source
    of another version, and when the counts differ: then nothing is there.
    """
    version.require_current(source)
    make_private(target.engine)
    if there := version.tables(target):
        raise SettingsError(f"the database to copy to is not empty: it has {', '.join(sorted(there)[:3])} already")

    def read(reader: Connection) -> Counts:
        _keep_still(reader)
        return target.write_now(lambda writer: _copied(reader, writer, progress))

    return source.write_now(read)


def rows(database: Database) -> int:
    """How many there are in all."""

    def read(connection: Connection) -> int:
        take_time(connection)
        return sum(counts(connection).values())

    return database.read_now(read)


def counts(connection: Connection) -> Counts:
    """Of each table."""
    return {
        table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for table in schema.metadata.sorted_tables
    }


def _copied(reader: Connection, writer: Connection, progress: Callable[[int], None]) -> Counts:
    version.upgrade_in(writer)
    take_time(writer)
    for table in schema.metadata.sorted_tables:
        for batch in _batches(reader, table):
            writer.execute(insert(table), [dict(row) for row in batch])
            progress(len(batch))
    _number_on(writer, _last_numbers(reader))
    here, there = counts(reader), counts(writer)
    if here != there:
        different = [name for name in here if here[name] != there[name]]
        raise SettingsError(f"not everything arrived, so nothing was copied: {', '.join(different)} differ")
    return there


def _batches(reader: Connection, table: Table) -> Iterator[Sequence[RowMapping]]:
    found = reader.execution_options(yield_per=_ROWS).execute(select(table)).mappings()
    yield from found.partitions(_ROWS)


def _keep_still(connection: Connection) -> None:
    """SQLite's one writer is this transaction; PostgreSQL has to be asked."""
    if connection.dialect.name == "postgresql":
        take_time(connection)
        tables = ", ".join(schema.metadata.tables)
        connection.execute(text(f"LOCK TABLE {tables} IN SHARE MODE"))


# A number that a removed row had is never given again (UM03): the counters go along, not the highest numbers there are.


def _last_numbers(connection: Connection) -> Mapping[str, int]:
    if connection.dialect.name == "sqlite":
        return {name: int(last) for name, last in connection.execute(text("SELECT name, seq FROM sqlite_sequence"))}
    return {name: _last_of(connection, name) for name in _NUMBERED}


def _last_of(connection: Connection, name: str) -> int:
    named = text("SELECT pg_get_serial_sequence(:t, :c)")
    sequence = connection.execute(named, {"t": name, "c": _NUMBERED[name]}).scalar()
    found = connection.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608 (its own name)
    return int(found.last_value) if found.is_called else 0


def _number_on(connection: Connection, last: Mapping[str, int]) -> None:
    for name in _NUMBERED:
        if last.get(name):
            _set_last(connection, name, last[name])


def _set_last(connection: Connection, name: str, last: int) -> None:
    given: dict[str, Any] = {"t": name, "last": last}
    if connection.dialect.name == "sqlite":
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :t"), {"t": name})
        connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:t, :last)"), given)
    else:
        given["c"] = _NUMBERED[name]
        connection.execute(text("SELECT setval(pg_get_serial_sequence(:t, :c), :last)"), given)
