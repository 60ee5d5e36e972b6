"""`linkmw hub product`: which products there are, and their credentials."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

import click

from linkmw.cli import configuration, shown
from linkmw.cli.files import text_of
from linkmw.cli.shown import span
from linkmw.errors import RegistrationRefused
from linkmw.hub.settings import HubSettings
from linkmw.model import Client
from linkmw.secret import Secret

if TYPE_CHECKING:
    from linkmw.stores.sql import SqlStores

_CLIENT = click.option("--client", "client_id", required=True, help="Its client id, as `linkmw hub product list` says.")


@click.group()
def product() -> None:
    """Register products, change what linkmw is in them, and list them."""


@product.command()
@click.option("--tenant", required=True, help="Its organization id, as given to `linkmw hub init`.")
@click.option("--name", required=True, help="What people call it.")
@click.option("--url", required=True, help="The product as browsers see it, https://…")
@click.option("--internal-url", default="", help="The product as the hub reaches it, when that differs.")
@click.option("--redirect-uri", default="", help="Where sign-ins return to; URL/.linkmw/callback unless --proof none.")
@click.option("--login-url", default="", help="Its own login page; URL/login when left out.")
@click.option("--primary", default="", help="Its colour, #rrggbb.")
@click.option("--logo", type=text_of, metavar="FILE", help="Its logo, an SVG file.")
@click.option(
    "--proof",
    type=click.Choice(["form", "native", "none"]),
    default="form",
    show_default=True,
    help="How its accounts are proven: on the gate's page, by its own login, or not at all (it has no gate).",
)
@click.option("--post-logout-redirect-uri", default="", help="Where sign-outs return to; only with --proof none.")
@click.option("--logout-uri", default="", help="Where its back-channel logout tokens go; only with --proof none.")
@click.option("--without-pkce", is_flag=True, help="Its OpenID Connect client knows no PKCE; only with --proof none.")
def add(
    tenant: str,
    name: str,
    url: str,
    internal_url: str,
    redirect_uri: str,
    login_url: str,
    primary: str,
    logo: str | None,
    proof: Literal["form", "native", "none"],
    post_logout_redirect_uri: str,
    logout_uri: str,
    without_pkce: bool,
) -> None:
    """Register a product, and print its credentials.

    The client secret is shown now and never again; the hub keeps its hash only.
    """
    from linkmw.hub.registration import new_client

    if proof == "none" and not redirect_uri:
        raise click.UsageError("--proof none needs --redirect-uri: the product's own OpenID Connect callback")
    if without_pkce and proof != "none":
        raise click.UsageError("--without-pkce needs --proof none: a gate always uses PKCE")
    if (post_logout_redirect_uri or logout_uri) and proof != "none":
        raise click.UsageError("a gate's own sign-out addresses are next to its redirect URI: leave the two out")
    client = new_client(
        tenant,
        name,
        url,
        internal_url=internal_url,
        redirect_uri=redirect_uri,
        login_url=login_url,
        primary=primary,
        proof=proof,
        pkce_required=not without_pkce,
        post_logout_redirect_uri=post_logout_redirect_uri,
        logout_uri=logout_uri,
    )
    with configuration.stores() as (settings, stores):
        stores.require_current_schema()
        secret = stores.admin.add_client(client, settings.public_url, logo or "", actor="linkmw hub product add")
    click.echo(_credentials(client, secret))
    click.echo(_for_a_client(settings, client, secret) if proof == "none" else _for_a_gate(settings, client, secret))


def _credentials(client: Client, secret: Secret) -> str:
    return (
        f"Registered {client.name}. The client secret is shown only now.\n\n"
        f"organization id  {client.organization_id}\n"
        f"client id        {client.client_id}\n"
        f"client secret    {secret!s}\n"
    )


def _for_a_gate(settings: HubSettings, client: Client, secret: Secret) -> str:
    return (
        "For the product's environment:\n\n"
        f"LINKMW_HUB_URL={settings.public_url}\n"
        f"LINKMW_PUBLIC_URL={client.public_url}\n"
        f"LINKMW_ORGANIZATION_ID={client.organization_id}\n"
        f"LINKMW_CLIENT_ID={client.client_id}\n"
        f"LINKMW_CLIENT_SECRET={secret!s}\n"
        "LINKMW_REDIS_URL=redis://localhost:6379/0\n\n"
        "The last line names the product's own Redis: change it to where that is.\n\n"
        "Or have all of them written to a file, at the product:\n\n"
        f"{_enable(settings, client)}\n\n"
        "It asks for the client secret and the Redis."
    )


def _enable(settings: HubSettings, client: Client) -> str:
    """The command to paste at the product. Without the secret: a command line is no place for one."""
    values = {
        "--hub-url": settings.public_url,
        "--public-url": client.public_url,
        "--organization-id": client.organization_id,
        "--client-id": client.client_id,
    }
    return shlex.join(["linkmw", "enable", *(word for pair in values.items() for word in pair)])


def _for_a_client(settings: HubSettings, client: Client, secret: Secret) -> str:
    pkce = "PKCE S256" if client.pkce_required else "PKCE S256 or none"
    return (
        f"For the product's OpenID Connect client (code flow, {pkce}, client_secret_basic):\n\n"
        f"OIDC_ISSUER={settings.public_url}/o/{client.client_id}\n"
        f"OIDC_CLIENT_ID={client.client_id}\n"
        f"OIDC_CLIENT_SECRET={secret!s}\n"
        f"OIDC_REDIRECT_URI={client.redirect_uri}"
    )


@product.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line, with every field.")
def list_(as_json: bool) -> None:
    """Print every product: tenant, client id, name, URL, proof, and whether it is enabled."""
    with configuration.stores() as (_, stores):
        clients = stores.admin.clients()
    if as_json:
        for client in clients:
            shown.as_json(asdict(client))
        return
    rows = [(c.organization_id, c.client_id, c.name, c.public_url, c.proof, _state(c)) for c in clients]
    shown.table(("TENANT", "CLIENT ID", "NAME", "URL", "PROOF", "STATE"), rows)


@product.command()
@_CLIENT
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(client_id: str, as_json: bool) -> None:
    """Print everything about a product: its addresses and mode, its live client secrets' dates, how many links."""
    with configuration.stores() as (_, stores):
        stores.require_current_schema()
        found = _client(stores, client_id)
        secrets, links = stores.admin.live_secrets(client_id), stores.admin.links_of(client_id)
    if as_json:
        shown.as_json({**asdict(found), "links": links, "secrets": [asdict(one) for one in secrets]})
        return
    shown.fields([(name.replace("_", " "), shown.plain(value)) for name, value in asdict(found).items()])
    shown.fields(
        [("links", str(links)), *((f"secret {one.secret_id}", _life(one.created, one.expires)) for one in secrets)]
    )


def _client(stores: SqlStores, client_id: str) -> Client:
    found = next((client for client in stores.admin.clients() if client.client_id == client_id), None)
    if found is None:
        raise RegistrationRefused(f"there is no client {client_id}")
    return found


def _life(created: int, expires: int | None) -> str:
    return f"since {shown.when(created)}, " + (f"until {shown.when(expires)}" if expires else "until it is retired")


@product.command("rotate-secret")
@_CLIENT
@click.option(
    "--overlap",
    type=span,
    metavar="SPAN",
    help="How long the secret before it works on: 90s, 15m, 24h, 7d. Left out: until `retire-secret`.",
)
def rotate_secret(client_id: str, overlap: int | None) -> None:
    """Print a new client secret for a product. Both work until the old one ends; give the new one to the product first.

    Two work at a time: a third one ends the first. The secret is shown now and never again.
    """
    with configuration.stores() as (_, stores):
        stores.require_current_schema()
        secret = stores.admin.add_secret(client_id, overlap)
        older = stores.admin.live_secrets(client_id)[1:]
    click.echo(f"LINKMW_CLIENT_SECRET={secret!s}")
    for one in older:
        until = f"until {shown.when(one.expires)}" if one.expires else "until `linkmw hub product retire-secret`"
        click.echo(f"The secret of {shown.when(one.created)} works {until}.", err=True)


@product.command("retire-secret")
@_CLIENT
def retire_secret(client_id: str) -> None:
    """End all client secrets of a product but the newest. Running hubs follow within a second."""
    with configuration.stores() as (_, stores):
        stores.require_current_schema()
        ended = stores.admin.retire_secrets(client_id)
    click.echo("The old secret has ended." if ended else "There is only one secret: nothing to retire.")


def _state(client: Client) -> str:
    return "enabled" if client.enabled else "disabled"


@product.command("set")
@_CLIENT
@click.option(
    "--mode",
    type=click.Choice(["off", "beside", "replace"]),
    help="What linkmw is there at most; the product's own LINKMW_MODE may be less.",
)
@click.option(
    "--percent", type=click.IntRange(0, 100), help="Of browsers, stable: for how many. Below 100 none is shut out."
)
@click.option(
    "--trusted-email/--no-trusted-email",
    default=None,
    help="May its accounts be joined by a confirmed address, where the product itself says so?",
)
@click.option(
    "--self-sign-up/--no-self-sign-up",
    default=None,
    help="Can anybody make an account there? Then its addresses cannot be trusted.",
)
def set_(client_id: str, **given: str | int | bool | None) -> None:
    """Change what linkmw is in a product. What is left out stays as it is.

    Products follow within two seconds.
    """
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise click.UsageError("nothing to change: give --mode, --percent, --trusted-email or --self-sign-up")
    with configuration.stores() as (_, stores):
        stores.require_current_schema()
        changed = stores.admin.change_client(client_id, **changes)
    click.echo(f"{changed.name}: {changed.mode}, for {changed.percent} percent of browsers.")
