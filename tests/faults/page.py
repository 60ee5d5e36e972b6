"""The table of faults in docs/faults.md: a row for each, replaced when it is played again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.faults import FAULTS, Fault
from tests.faults.outcome import Outcome

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
HEAD = (
    "fault",
    "sign-ins tried: served, refused",
    "native: served",
    "links tried: made",
    "mails",
    "signed out",
    "wrong user",
    "links lost, doubled",
    "mails lost, doubled",
    "500s, dead ends",
    "slowest",
    "back in",
    "played",
)
NOT_YET = "not played yet"
_BLOCK = re.compile(r"(<!-- faults:begin -->\n).*?(<!-- faults:end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    """cells: as they stand in the table, the fault's name first."""

    cells: tuple[str, ...]
    wrong: tuple[str, ...] = ()

    @classmethod
    def of(cls, outcome: Outcome, rate: float) -> Row:
        tally, found, counts = outcome.tally, outcome.findings, outcome.tally.counts
        away = counts["sign-ins refused"] + counts["sign-ins gone"]
        product = f" ({counts['native gone']} found no product)" if counts["native gone"] else ""
        repeats = f" ({found.repeats} repeated)" if found.repeats else ""
        excepted = " (its store was emptied)" if outcome.fault.flushes and tally.signed_out else ""
        return cls(
            (
                outcome.fault.title,
                f"{counts['sign-ins']}: {counts['sign-ins served']}, {away} ({rate:g}/s)",
                f"{counts['native']}: {counts['native served']}{product}",
                f"{counts['links']}: {counts['links served']}",
                f"{found.mails}{repeats}",
                f"{len(tally.signed_out)} of {counts['looks']} looks{excepted}",
                f"{len(tally.wrong) + len(found.wrong_links)}",
                f"{len(found.links_lost)}, {len(found.links_doubled)}",
                f"{len(found.mails_lost)}, {len(found.mails_doubled)}",
                f"{len(tally.broken)}, {len(tally.lost)}",
                f"{tally.slowest[0]:.1f} s",
                f"{outcome.back:.1f} s",
                _today(),
            ),
            (*outcome.lost(), *outcome.late()),
        )

    @classmethod
    def failed(cls, fault: Fault) -> Row:
        return cls((fault.title, *["?"] * (len(HEAD) - 2), _today()), ("could not be played",))

    def line(self) -> str:
        return " | ".join(self.cells[1:-1]) + "".join(f"\n    !! {one}" for one in self.wrong)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def rows_of(page: str) -> dict[str, tuple[str, ...]]:
    """The rows that stand there, by fault."""
    found = _BLOCK.search(page)
    lines = found[0].splitlines() if found else []
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("| ")]
    return {row[0]: row for row in rows if row[0] in FAULTS and row[1] != NOT_YET}


def written(page: str, rows: list[Row]) -> str:
    """The page with these rows new and the others as they were, in the order of the faults."""
    kept = {**rows_of(page), **{row.cells[0]: row.cells for row in rows}}
    listed = [kept.get(title, (title, NOT_YET, *[""] * (len(HEAD) - 2))) for title in FAULTS]
    table = "\n".join(f"| {' | '.join(row)} |" for row in (HEAD, ("---",) * len(HEAD), *listed))
    return _BLOCK.sub(lambda found: f"{found[1]}{table}\n{found[2]}", page)


def write(rows: list[Row]) -> None:
    PAGE.write_text(written(PAGE.read_text("utf-8"), rows), "utf-8")
