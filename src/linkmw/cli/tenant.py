"""`linkmw hub tenant`: what an operator changes of a tenant that is there."""

from __future__ import annotations

import click

from linkmw.cli import configuration
from linkmw.cli.files import text_of
from linkmw.model import Secret


@click.group()
def tenant() -> None:
    """Change a tenant."""


@tenant.command()
@click.option("--tenant", "organization_id", required=True, help="Its organization id, as given to `linkmw hub init`.")
@click.option(
    "--keycloak-client-secret-file",
    "secret",
    required=True,
    type=text_of,
    metavar="FILE",
    help="A file with the secret, or - for standard input.",
)
def secret(organization_id: str, secret: str) -> None:
    """Give the hub the secret of its client in the tenant's Keycloak, after it was changed there.

    Running hubs use it within a second.
    """
    if not secret.strip():
        raise click.BadParameter("the file is empty")
    with configuration.stores() as (_, stores):
        stores.require_current_schema()
        stores.admin.set_keycloak_secret(organization_id, Secret(secret.strip()))
    click.echo(f"The hub has the new Keycloak client secret of {organization_id}.")
