"""`linkmw hub tenant`: what an operator changes of a tenant that is there."""

from __future__ import annotations

from dataclasses import asdict

import click

from linkmw.cli import configuration, shown
from linkmw.cli.files import text_of
from linkmw.errors import RegistrationRefused
from linkmw.model import Tenant
from linkmw.secret import Secret

_TENANT = click.option(
    "--tenant", "organization_id", required=True, help="Its organization id, as given to `linkmw hub init`."
)


@click.group()
def tenant() -> None:
    """List tenants, and change them."""


@tenant.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line, with every field but the secret.")
def list_(as_json: bool) -> None:
    """Print every tenant: organization id, brand, issuer, how many products, and whether it is enabled."""
    with configuration.stores() as (_, stores):
        tenants, clients = stores.admin.tenants(), stores.admin.clients()
    if as_json:
        for found in tenants:
            shown.as_json(_without_secret(found))
        return
    products = [client.organization_id for client in clients]
    rows = [(t.organization_id, t.brand, t.issuer, str(products.count(t.organization_id)), _state(t)) for t in tenants]
    shown.table(("TENANT", "BRAND", "ISSUER", "PRODUCTS", "STATE"), rows)


@tenant.command()
@_TENANT
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(organization_id: str, as_json: bool) -> None:
    """Print everything about a tenant but the secret of its Keycloak client, and its products."""
    with configuration.stores() as (_, stores):
        found = next((one for one in stores.admin.tenants() if one.organization_id == organization_id), None)
        products = [one.client_id for one in stores.admin.clients() if one.organization_id == organization_id]
    if found is None:
        raise RegistrationRefused(f"there is no tenant {organization_id}")
    told = {**_without_secret(found), "products": products}
    if as_json:
        shown.as_json(told)
        return
    listed = {**told, "products": ", ".join(products)}
    shown.fields([(name.replace("_", " "), shown.plain(value)) for name, value in listed.items()])


def _state(found: Tenant) -> str:
    return "enabled" if found.enabled else "disabled"


def _without_secret(found: Tenant) -> dict[str, object]:
    return {name: value for name, value in asdict(found).items() if name != "keycloak_client_secret"}


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
