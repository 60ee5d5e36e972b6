"""`linkmw hub db`: the database's schema."""

from __future__ import annotations

import click

from linkmw.cli import configuration


@click.group()
def db() -> None:
    """Look at the database's schema, or bring it to this linkmw's version."""


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
