"""A moment as people read it, in a place's time. Numbers only: names of months are words, so templates hold them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time in one zone. clock: "09:12". abbreviation: "CET", or "UTC+03:00" where a zone has no letters."""

    year: int
    month: int
    day: int
    clock: str
    abbreviation: str
    zone: str

    @property
    def date(self) -> date:
        return date(self.year, self.month, self.day)


def moment(seconds: int, zone: str) -> Moment:
    """`seconds` since the epoch as read in `zone` (an IANA name). An unknown zone is answered in UTC, and says so."""
    where, name = _zone(zone)
    at = datetime.fromtimestamp(seconds, where)
    return Moment(at.year, at.month, at.day, f"{at:%H:%M}", _abbreviation(at), name)


def _zone(name: str) -> tuple[tzinfo, str]:
    try:
        return ZoneInfo(name), name
    except (ValueError, OSError, LookupError):  # a mail must not fail for a misspelt or missing zone file
        return UTC, "UTC"


def _abbreviation(at: datetime) -> str:
    name = at.tzname() or ""
    return name if name.isalpha() else f"UTC{at:%z}"[:6] + ":" + f"{at:%z}"[3:5]
