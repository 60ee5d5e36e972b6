"""`linkmw hub init`: everything a hub needs before it can serve. Repeatable; what is there already stays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from linkmw.cli import configuration
from linkmw.cli.files import text_of
from linkmw.errors import RegistrationRefused, SettingsError
from linkmw.hub.settings import HUB_REQUIRED, HubSettings, load_hub
from linkmw.model import Tenant
from linkmw.secret import Secret
from linkmw.setting_sources import names_of, read_file

_NAMES = names_of(HubSettings)
_NEEDED = "--tenant, --brand, --issuer, --keycloak-client-id and --keycloak-client-secret-file (not empty)"


@click.command()
@click.option("--public-url", help="The hub as browsers see it, https://…")
@click.option("--redis-url", help="The hub's own Redis, redis://…")
@click.option("--database-url", help="SQLite or PostgreSQL; sqlite:///linkmw-hub.db when left out.")
@click.option("--smtp-url", help="smtp://host:25 or smtps://user:password@host:465.")
@click.option("--mail-from", help="Sender of mails: 'ACME ID <id@acme.example>'.")
@click.option("--tenant", help="First tenant: its organization id, lower-case letters, digits, hyphens.")
@click.option("--brand", help="First tenant: what its identity is called: 'ACME ID'.")
@click.option("--issuer", help="First tenant: its Keycloak realm, as tokens name it.")
@click.option("--internal-issuer", default="", help="First tenant: the realm as the hub reaches it, when that differs.")
@click.option("--keycloak-client-id", help="First tenant: the hub's client in that realm.")
@click.option(
    "--keycloak-client-secret-file",
    "keycloak_client_secret",
    type=text_of,
    metavar="FILE",
    help="First tenant: a file with that client's secret, or - for standard input.",
)
@click.option("--contact", default="", help="First tenant: whom people ask for help; an address or a URL.")
@click.option("--time-zone", default="", help="First tenant: zone of the times in its mails; UTC when left out.")
@click.option("--primary", default="", help="First tenant: its colour, #rrggbb.")
@click.option("--ground", default="", help="First tenant: its pages' background; computed when left out.")
@click.option("--logo", type=text_of, metavar="FILE", help="First tenant: its logo, an SVG file.")
def init(
    public_url: str | None,
    redis_url: str | None,
    database_url: str | None,
    smtp_url: str | None,
    mail_from: str | None,
    tenant: str | None,
    brand: str | None,
    issuer: str | None,
    keycloak_client_id: str | None,
    keycloak_client_secret: str | None,
    logo: str | None,
    **looks: str,
) -> None:
    """Make the configuration file, the database, the hub's keys, and the first tenant.

    The file (linkmw-hub.toml, readable by you only) holds what is not in the environment, and a new key. It is never
    changed once it is there. Without --tenant no tenant is registered. Running this again is safe.

    \b
    linkmw hub init --public-url https://hub.acme.example --redis-url redis://localhost:6379/0 \\
      --mail-from 'ACME ID <id@acme.example>' \\
      --tenant acme --brand 'ACME ID' --issuer https://sso.acme.example/realms/acme \\
      --keycloak-client-id linkmw --keycloak-client-secret-file secret.txt --contact help@acme.example
    """
    first = _tenant(tenant, brand, issuer, keycloak_client_id, keycloak_client_secret, looks)
    values = {
        "public_url": public_url,
        "redis_url": redis_url,
        "database_url": database_url,
        "smtp_url": smtp_url,
        "mail_from": mail_from,
    }
    _make_file({name: value for name, value in values.items() if value is not None})
    with configuration.stores() as (settings, stores):
        made = stores.admin.prepare()
        click.echo(f"Made in the database: {', '.join(made)}." if made else "The database has everything already.")
        if first is None:
            return
        known = {found.organization_id: found for found in stores.admin.tenants()}
        _check_same(known.get(first.organization_id), first)
        if first.organization_id not in known:
            stores.admin.add_tenant(first, logo or "", actor="linkmw hub init")
    click.echo(_welcome(settings, first))


def _tenant(
    organization_id: str | None,
    brand: str | None,
    issuer: str | None,
    keycloak_client_id: str | None,
    secret: str | None,
    looks: Mapping[str, Any],
) -> Tenant | None:
    """The first tenant as the options describe it; None when they describe none. What is "" gets its default."""
    secret = (secret or "").strip()
    needed = (organization_id, brand, issuer, keycloak_client_id, secret)
    if not any(needed) and not any(looks.values()):
        return None
    if organization_id is None or brand is None or issuer is None or keycloak_client_id is None or not secret:
        raise click.UsageError(f"a first tenant needs {_NEEDED}")
    return Tenant(
        organization_id=organization_id,
        brand=brand,
        issuer=issuer.rstrip("/"),
        keycloak_client_id=keycloak_client_id,
        keycloak_client_secret=Secret(secret),
        **{name: value for name, value in looks.items() if value},
    )


def _make_file(given: dict[str, str]) -> None:
    """The configuration file, unless it is there or everything comes from the environment."""
    file = configuration.path()
    if file.exists():
        return _check_kept(given)
    from linkmw.signed import new_key

    has_key = any(name in os.environ for name in (_NAMES["key"], _NAMES["key"] + "_FILE"))
    values = given if has_key else {**given, "key": new_key()}
    _check_complete(values)
    if values:
        configuration.write(file, values)
        keep = "" if has_key else " Keep a copy of its key: nothing else opens the database."
        click.echo(f"Wrote {file}, mode 0600.{keep}")
    return None


def _check_kept(given: dict[str, str]) -> None:
    kept = read_file(configuration.path())
    for name, value in given.items():
        if kept.get(name) != value:
            option = "--" + name.replace("_", "-")
            raise SettingsError(f"{configuration.path()} is there already and says otherwise than {option}: edit it")


def _check_complete(values: dict[str, str]) -> None:
    """The settings would be whole and right, so that no file is left behind that is neither."""
    would_be = {**{_NAMES[name]: value for name, value in values.items()}, **os.environ}
    missing = [name for name in HUB_REQUIRED if not {_NAMES[name], _NAMES[name] + "_FILE"} & would_be.keys()]
    if missing:
        options = " and ".join("--" + name.replace("_", "-") for name in missing)
        raise click.UsageError(f"{options} must be given, or {' and '.join(_NAMES[name] for name in missing)} be set")
    load_hub(would_be)


def _check_same(known: Tenant | None, given: Tenant) -> None:
    if known is not None and _as_given_here(known) != _as_given_here(given):
        raise RegistrationRefused(f"the tenant {given.organization_id} exists already, and differs; it stays as it is")


def _as_given_here(tenant: Tenant) -> Tenant:
    """Without what `linkmw hub tenant` may have changed since."""
    return replace(tenant, language="", fresh_sign_in=False, help_url="", privacy_url="")


def _welcome(settings: HubSettings, tenant: Tenant) -> str:
    return (
        f"Tenant {tenant.organization_id} is registered as {tenant.brand}.\n"
        "Its Keycloak client needs these addresses:\n"
        f"Redirect URI              {settings.public_url}/t/{tenant.organization_id}/callback\n"
        f"Post-logout redirect URI  {settings.public_url}/t/{tenant.organization_id}/signed-out\n"
        f"Back-channel logout URL   {settings.public_url}/t/{tenant.organization_id}/backchannel-logout\n\n"
        f"Next: linkmw hub product add --tenant {tenant.organization_id} --name … --url https://…\n"
        "Then: linkmw hub serve"
    )
