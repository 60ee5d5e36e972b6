"""`linkmw hub audit`: who linked, unlinked, signed in and failed."""

from __future__ import annotations

import time

import click

from linkmw.cli import configuration
from linkmw.hub.ports import AuditEvent

_AT_ONCE = 1000  # events; a look a second, so more than that a second would show the newest only


@click.group()
def audit() -> None:
    """Read the audit trail."""


@audit.command()
@click.option("-n", "--lines", default=20, show_default=True, type=click.IntRange(1, 100_000), help="How many.")
@click.option("-f", "--follow", is_flag=True, help="Go on with new events as they come.")
def tail(lines: int, follow: bool) -> None:
    """Print the newest events, oldest first, a JSON object a line.

    \b
    Fields: time event result code ref tenant client_id account_id iss sub flow ip actor
    """
    with configuration.stores() as (_, stores):
        last = _print(stores.audit.after(0, lines), 0)
        while follow:
            time.sleep(1)
            last = _print(stores.audit.after(last, _AT_ONCE), last)


def _print(events: list[tuple[int, AuditEvent]], last: int) -> int:
    """The row id to go on after."""
    from linkmw.stores.sql.audit import line

    for audit_id, event in events:
        click.echo(line(event))
        last = audit_id
    return last
