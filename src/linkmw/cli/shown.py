"""How commands print and read what they share: tables, times, spans of time."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import click

_SPAN = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def span(given: str) -> int:
    """A span of time like 90s, 15m, 24h or 7d, in seconds. Raises BadParameter."""
    found = _SPAN.fullmatch(given)
    if found is None:
        raise click.BadParameter(f"{given} is not like 90s, 15m, 24h or 7d")
    return int(found[1]) * _SECONDS[found[2]]


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns, each as wide as its longest cell."""
    whole = [tuple(heading), *(tuple(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*whole, strict=True)]
    for row in whole:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def fields(pairs: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one below the other."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        click.echo(f"{name.ljust(width)}  {value}".rstrip())


def as_json(value: object) -> None:
    """Print a value as one line of JSON."""
    click.echo(json.dumps(value))


def when(seconds: int | None) -> str:
    """A time as RFC 3339 in UTC; "" for none."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def plain(value: object) -> str:
    """A field's value as a person reads it."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
