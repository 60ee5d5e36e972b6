"""`linkmw hub tenant`: what an operator changes of a tenant that is there."""

from __future__ import annotations

import click

from linkmw.cli import configuration
from linkmw.cli.files import text_of
from linkmw.model import Secret

_TENANT = click.option(
    "--tenant", "organization_id", required=True, help="Its organization id, as given to `linkmw hub init`."
)


@click.group()
def tenant() -> None:
    """Change a tenant."""


@tenant.command("set")
@_TENANT
@click.option("--language", help="Of its pages and mails, for who asks for none there is: en, de, fr, es or ja.")
@click.option(
    "--fresh-sign-in/--no-fresh-sign-in", default=None, help="Linking and adding ask for a sign-in that is not old."
)
@click.option("--help-url", help="Its help page, linked from ours; '' for none.")
@click.option("--privacy-url", help="Its privacy notice, linked from ours; '' for none.")
@click.option(
    "--unknown-user",
    type=click.Choice(["say", "hide"]),
    help="Where products are in `replace`: say that an address is nobody's, or tell nothing until a password is right.",
)
@click.option(
    "--first-password",
    "credential_at_first",
    type=click.Choice(["carry", "set"]),
    help="There, a new identity's password: the product's, carried as a hash, or one that its owner sets.",
)
@click.option(
    "--password-policy",
    help="The realm's, as Keycloak writes it: 'length(12) and digits(1)'. A carried password that falls short is to be "
    "replaced at its first sign-in there; '' for none.",
)
def set_(organization_id: str, **given: str | bool | None) -> None:
    """Change how a tenant's pages speak, what they ask for and what they tell. What is left out stays as it is.

    Running hubs use it within a second.
    """
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise click.UsageError("nothing to change: give at least one of the options")
    with configuration.stores() as (_, stores):
        stores.require_current_schema()
        changed = stores.admin.change_tenant(organization_id, **changes)
    for name in changes:
        click.echo(f"{name.replace('_', '-')}  {_shown(getattr(changed, name))}")


def _shown(value: str | bool) -> str:
    return {True: "yes", False: "no", "": "(none)"}.get(value, str(value))


@tenant.command()
@_TENANT
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
