"""`linkmw hub`: the hosted half."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from linkmw.cli import configuration
from linkmw.cli.apply import apply
from linkmw.cli.audit import audit
from linkmw.cli.db import db
from linkmw.cli.doctor.commands import hub_doctor
from linkmw.cli.identity import identity
from linkmw.cli.init import init
from linkmw.cli.keys import keys
from linkmw.cli.links import links
from linkmw.cli.migrate import migrate
from linkmw.cli.product import product
from linkmw.cli.tenant import tenant
from linkmw.errors import SettingsError

if TYPE_CHECKING:
    from linkmw.stores.sql import SqlStores


@click.group()
def hub() -> None:
    """Set up and run the hub, which links accounts to identities.

    Settings come from LINKMW_HUB_… in the environment, else from the file LINKMW_HUB_CONFIG (linkmw-hub.toml).
    """


@hub.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Number of processes.")
def serve(host: str, port: int, workers: int) -> None:
    """Run the hub until it is stopped.

    It refuses to start on settings that are wrong, on a database of another version, while links that were removed are
    there again (`linkmw hub db check`) and on a Redis that may throw keys away (maxmemory-policy other than
    noeviction). It speaks HTTP: a proxy in front of it ends TLS. Audit events go to standard output as JSON lines,
    everything else to standard error, as LINKMW_HUB_LOG says.
    """
    with configuration.stores() as (settings, stores):
        stores.require_current_schema()
        _refuse_returned(stores)
    from linkmw.cli.serving import serve_forever
    from linkmw.hub.build import require_redis_that_keeps

    require_redis_that_keeps(settings)
    serve_forever(host, port, workers, settings.log)


def _refuse_returned(stores: SqlStores) -> None:
    """Raises SettingsError when a backup brought removed links back: they would open accounts again (DF06)."""
    from linkmw.stores.sql import returned

    if found := stores.database.read_now(returned.by_remains):
        raise SettingsError(f"{len(found)} removed links are there again: run `linkmw hub db check`")


hub.add_command(init)
hub.add_command(apply)
hub.add_command(keys)
hub.add_command(links)
hub.add_command(identity)
hub.add_command(db)
hub.add_command(tenant)
hub.add_command(product)
hub.add_command(audit)
hub.add_command(hub_doctor)
hub.add_command(migrate)
