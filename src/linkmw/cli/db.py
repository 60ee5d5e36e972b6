"""`linkmw hub db`: the database's schema, a copy of it elsewhere, and what a backup brought back."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linkmw.cli import configuration, shown, world
from linkmw.cli.files import text_of

if TYPE_CHECKING:
    from linkmw.model import Link
    from linkmw.stores.sql import SqlStores


@click.group()
def db() -> None:
    """Bring the database to this linkmw's version, copy it, and check it after a backup was restored."""


@db.command()
def upgrade() -> None:
    """Bring the schema to this linkmw's version, in one transaction.

    `linkmw hub serve` never does this by itself. Running it again changes nothing.
    """
    from linkmw.stores.sql import version

    with configuration.stores() as (_, stores):
        changed = version.upgrade(stores.database)
        click.echo(f"The schema is {'now' if changed else 'already'} at {version.current(stores.database)}.")


@db.command()
@click.pass_context
def current(ctx: click.Context) -> None:
    """Say which version the schema has; exit code 3 unless it is this linkmw's."""
    from linkmw.stores.sql import version

    with configuration.stores() as (_, stores):
        found = version.current(stores.database)
    stands = version.standing(found)
    click.echo(f"{found or 'none'} ({stands}; this linkmw: {version.newest()})")
    ctx.exit(0 if stands == "current" else 3)


@db.command()
@click.option("--to", "url", help="The other database, postgresql://… or sqlite:///…; it has no tables yet.")
@click.option(
    "--to-file", "url_file", type=text_of, metavar="FILE", help="A file that holds that URL, password and all."
)
def copy(url: str | None, url_file: str | None) -> None:
    """Copy everything to another database, SQLite to PostgreSQL or back, and compare the counts.

    All of it or nothing. Nobody can write meanwhile, so stop the hub: what it cannot do within two seconds fails.
    Afterwards LINKMW_HUB_DATABASE_URL says which one it uses. LINKMW_HUB_KEY stays the same, for it opens both.
    """
    from linkmw.stores.sql import copied
    from linkmw.stores.sql.engine import Database, open_engine

    if (url is None) == (url_file is None):
        raise click.UsageError("give either --to or --to-file")
    with configuration.stores() as (_, stores):
        stores.require_current_schema()
        target = Database(open_engine(str(url or url_file).strip()))
        try:
            with click.progressbar(length=copied.rows(stores.database), file=sys.stderr) as bar:
                found = copied.copy(stores.database, target, bar.update)
        finally:
            target.engine.dispose()
    shown.table(("TABLE", "ROWS"), [(name, f"{rows:,}") for name, rows in found.items()])
    click.echo("Every row is there. Set LINKMW_HUB_DATABASE_URL to the copy before the hub is started.")


@db.command()
@click.option(
    "--trail",
    "trails",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The audit trail as the hub logged it since the backup, a JSON object a line; may be repeated.",
)
@click.option("--remove", is_flag=True, help="Remove the links that came back, and end what they opened.")
def check(trails: tuple[Path, ...], remove: bool) -> None:
    """Look for links that were removed and are there again, as after a backup was restored.

    What the database knows itself is compared always; what was removed after the backup, only the log knows: give it by
    --trail. Exit codes: 0 there are none, or they are removed; 1 there are some.
    """
    with configuration.stores() as (_, stores):
        stores.require_current_schema()
        found = _returned(stores, trails)
        for link in found:
            click.echo(f"{link.link_id}  {link.username} in {link.client_id}, identity {link.identity.subject}")
        if found and remove:
            from linkmw.stores.sql import clock, returned

            gone = returned.remove(stores.database, found, clock(), world.actor("linkmw hub db check"))
            click.echo(f"{gone} removed.")
        elif found:
            click.echo("These links were removed and are there again. --remove removes them.")
        else:
            click.echo("No removed link is there again.")
    sys.exit(1 if found and not remove else 0)


def _returned(stores: SqlStores, trails: tuple[Path, ...]) -> list[Link]:
    from linkmw.stores.sql import returned

    found = {link.link_id: link for link in stores.database.read_now(returned.known_here)}
    for path in trails:
        try:
            with path.open(encoding="utf-8", errors="replace") as lines:
                told = stores.database.read_now(partial(returned.known_by, lines=lines))
        except OSError as error:
            raise click.BadParameter(f"{path} cannot be read: {error.strerror}", param_hint="--trail") from None
        found |= {link.link_id: link for link in told}
    return [found[link_id] for link_id in sorted(found)]
