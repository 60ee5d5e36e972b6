"""What is told of the rows that are not simply done: a CSV file, a line for each."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TextIO

from linkmw.hub.cells import escaped
from linkmw.hub.migrate.rows import LeftOut, Person, Row, Unreadable

COLUMNS = ("row", "account_id", "email", "outcome", "reason")


class Report:
    """Counts every row by its outcome: made, already, note, left_out, not_asked_for, undone, kept."""

    def __init__(self, file: TextIO) -> None:
        self.counts: Counter[str] = Counter()
        self._lines = csv.writer(file)
        self._lines.writerow(COLUMNS)

    def made(self, person: Person) -> None:
        self.counts["made"] += 1
        for note in person.notes:
            self.note(person, note)

    def note(self, person: Person, note: str) -> None:
        self.counts["note"] += 1
        self._line(person.row, "made", note)

    def already(self) -> None:
        self.counts["already"] += 1

    def left_out(self, left: LeftOut) -> None:
        outcome = "not_asked_for" if left.expected else "left_out"
        self.counts[outcome] += 1
        self._line(left.row, outcome, left.reason)

    def undone(self, account_id: str, email: str, kept: str = "") -> None:
        self.counts["kept" if kept else "undone"] += 1
        if kept:
            self._write("", account_id, email, "kept", kept)

    def _line(self, row: Row | Unreadable, outcome: str, reason: str) -> None:
        said = (row.account_id, row.email) if isinstance(row, Row) else ("", "")
        self._write(str(row.number), *said, outcome, reason)

    def _write(self, *cells: str) -> None:
        self._lines.writerow([escaped(cell) for cell in cells])
