"""`linkmw hub audit`: who linked, unlinked, signed in and failed."""

from __future__ import annotations

import csv
import json
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, TypeVar, get_args

import click

from linkmw.cli import configuration
from linkmw.hub.ports import AuditEvent, Event
from linkmw.log import AUDIT_FIELDS

if TYPE_CHECKING:
    from linkmw.stores.sql import SqlStores
    from linkmw.stores.sql.audit import Wanted

_AT_ONCE = 1000  # events; a look a second, so more than that a second would show the newest only
_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

Command = TypeVar("Command", bound=Callable[..., Any])


def _when(given: str) -> int:
    """A moment, or how long ago, as seconds since the epoch. Raises BadParameter."""
    if span := re.fullmatch(r"([0-9]{1,6})([smhdw])", given):
        return int(time.time()) - int(span[1]) * _SPANS[span[2]]
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise click.BadParameter(
            f"{given!r} is neither like 2h, 7d nor like 2026-11-28, 2026-11-28T09:00:00Z"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _which(command: Command) -> Command:
    """The options that say which events."""
    options = (
        click.option(
            "--since", type=_when, metavar="WHEN", help="From then on: 2h, 7d, 2026-11-28, 2026-11-28T09:00:00Z (UTC)."
        ),
        click.option("--event", "events", multiple=True, type=click.Choice(get_args(Event)), help="These events only."),
        click.option("--tenant", "organization_id", default="", help="Of this tenant only, by its organization id."),
        click.option("--product", "client_id", default="", help="Of this product only, by its client id."),
        click.option("--account", "account_id", default="", help="Of this account only, by its id in its product."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def audit() -> None:
    """Read the audit trail.

    \b
    Fields: time event result code ref tenant client_id account_id iss sub flow ip actor
    """


@audit.command()
@click.option("-n", "--lines", default=20, show_default=True, type=click.IntRange(1, 100_000), help="How many.")
@click.option("-f", "--follow", is_flag=True, help="Go on with new events as they come.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line, with every field.")
@_which
def tail(lines: int, follow: bool, as_json: bool, **which: Any) -> None:
    """Print the newest events, oldest first."""
    show = _line if as_json else _words
    wanted = _wanted(which)
    with configuration.stores() as (_, stores):
        last = _print(stores.audit.after(0, lines, wanted), 0, show)
        while follow:
            time.sleep(1)
            last = _print(stores.audit.after(last, _AT_ONCE, wanted), last, show)


@audit.command()
@click.argument("file", type=click.File("w", encoding="utf-8", atomic=True), default="-")
@click.option("--format", "kind", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--until", type=_when, metavar="WHEN", help="Only what was before then; as --since.")
@_which
def export(file: IO[str], kind: str, **which: Any) -> None:
    """Write all events to FILE, or to standard output, oldest first.

    It reads a thousand rows at a time, so that the hub goes on working meanwhile.
    """
    write = _to_csv(file) if kind == "csv" else lambda event: print(_line(event), file=file)
    with configuration.stores() as (_, stores):
        count = _exported(stores, _wanted(which), write)
    click.echo(f"{count} events.", err=True)


def _exported(stores: SqlStores, wanted: Wanted, write: Callable[[AuditEvent], object]) -> int:
    last = count = 0
    while events := stores.audit.page(last, _AT_ONCE, wanted):
        for last, event in events:  # noqa: B007  (the last of them is where the next page begins)
            write(event)
        count += len(events)
    return count


def _to_csv(file: IO[str]) -> Callable[[AuditEvent], object]:
    rows = csv.DictWriter(file, AUDIT_FIELDS, lineterminator="\n")
    rows.writeheader()
    return lambda event: rows.writerow({name: _cell(value) for name, value in json.loads(_line(event)).items()})


def _cell(value: str) -> str:
    """As text to a spreadsheet too: what begins like a formula is none."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _wanted(which: dict[str, Any]) -> Wanted:
    from linkmw.stores.sql.audit import Wanted

    return Wanted(**which)


def _line(event: AuditEvent) -> str:
    from linkmw.stores.sql.audit import line

    return line(event)


def _words(event: AuditEvent) -> str:
    """The fields that say something: time, event and result bare, the others by name."""
    said = json.loads(_line(event))
    bare = [said.pop(name) for name in ("time", "event", "result")]
    return "  ".join([f"{bare[0]}  {bare[1]:<16}  {bare[2]:<7}", *(f"{k}={_quoted(v)}" for k, v in said.items() if v)])


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[!-~]+", value) else json.dumps(value)


def _print(events: list[tuple[int, AuditEvent]], last: int, show: Callable[[AuditEvent], str]) -> int:
    """The row id to go on after."""
    for audit_id, event in events:
        click.echo(show(event))
        last = audit_id
    sys.stdout.flush()
    return last
