"""How many rows have an address, whatever its case: counted on disk, so that a million of them fit anywhere (MG04)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

from linkmw.hub.migrate.rows import Row, Unreadable, batches

_BATCH = 5_000


class Addresses:
    """Filled once, asked then. What the rows are in all is counted as well."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self.rows = 0
        connection.execute("CREATE TABLE seen (address TEXT PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID")

    def fill(self, rows: Iterable[Row | Unreadable]) -> None:
        counted = "INSERT INTO seen VALUES (?, 1) ON CONFLICT (address) DO UPDATE SET times = times + 1"
        for batch in batches(rows, _BATCH):
            self.rows += len(batch)
            self._sql.executemany(counted, [(_key(row),) for row in batch if isinstance(row, Row)])

    def times(self, row: Row | Unreadable) -> int:
        if isinstance(row, Unreadable):
            return 0
        found = self._sql.execute("SELECT times FROM seen WHERE address = ?", (_key(row),)).fetchone()
        return int(found[0]) if found else 0


def _key(row: Row) -> str:
    return row.email.casefold()


@contextmanager
def counted(rows: Iterable[Row | Unreadable]) -> Iterator[Addresses]:
    """The addresses of all rows, in a file that SQLite makes, hides and removes by itself."""
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        connection.execute("BEGIN")
        addresses = Addresses(connection)
        addresses.fill(rows)
        yield addresses
