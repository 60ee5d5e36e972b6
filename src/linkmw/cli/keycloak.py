"""`linkmw keycloak`: the realm and the hub's client in it, made or repaired."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linkmw.cli import configuration, keycloak_admin
from linkmw.errors import KeycloakRefused, RegistrationRefused, SettingsError
from linkmw.hub.settings import HubSettings
from linkmw.model import Tenant
from linkmw.secret import Secret
from linkmw.setting_values import read_public_url, read_url

if TYPE_CHECKING:
    from linkmw.keycloak import Change, HubClient, Realm

CLIENT_ID = "linkmw-hub"
_UNTOLD = HubSettings()  # where no hub is yet: every setting as it is left out


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be set up. issuer, internal_issuer, hub_url: as browsers, this machine and browsers reach them.

    secret: "" for Keycloak's own choice. hub_internal_url: as Keycloak reaches the hub. support_roles: of the support
    page, by the hub's settings.
    """

    tenant: str
    issuer: str
    internal_issuer: str
    client_id: str
    secret: Secret
    hub_url: str
    hub_internal_url: str
    brand: str
    support_roles: tuple[str, ...] = ()

    @property
    def realm(self) -> str:
        return self.issuer.rpartition("/realms/")[2]


@click.group()
def keycloak() -> None:
    """Set up Keycloak for the hub."""


@keycloak.command()
@click.option("--tenant", required=True, help="Its organization id: lower-case letters, digits, hyphens.")
@click.option("--issuer", help="Its realm, as tokens will name it: https://…/realms/NAME. Left out: the hub knows it.")
@click.option("--internal-issuer", default="", help="The realm as this machine reaches it, when that differs.")
@click.option("--hub-url", help="The hub as browsers see it; left out: as the hub's own settings say.")
@click.option("--hub-internal-url", default="", help="The hub as Keycloak reaches it, when that differs.")
@click.option("--client-id", help=f"The hub's client; {CLIENT_ID}, or as the hub knows it, when left out.")
@click.option(
    "--client-secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Holds the client's secret, or will: it is made, readable by you only, when it is not there.",
)
@click.option("--brand", default="", help="Name of a realm that is made: 'ACME ID'.")
@click.option("--registration/--no-registration", default=None, help="May people sign up at Keycloak by themselves?")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Change it without asking.")
@keycloak_admin.options
def setup(
    tenant: str,
    issuer: str | None,
    internal_issuer: str,
    hub_url: str | None,
    hub_internal_url: str,
    client_id: str | None,
    client_secret_file: Path | None,
    brand: str,
    registration: bool | None,
    dry_run: bool,
    yes: bool,
    admin: str,
    admin_realm: str,
    admin_password: str | None,
) -> None:
    """Make or repair a tenant's realm at Keycloak, the hub's client in it, and that client's service account.

    Says what it would change before it changes it, and asks. Running it again changes nothing. The password policy,
    SMTP and everything else of a realm that is there stay as they are (docs/keycloak.md).

    \b
    linkmw keycloak setup --tenant acme --issuer https://sso.acme.example/realms/acme \\
      --hub-url https://hub.acme.example --client-secret-file secret.txt
    """
    from linkmw.keycloak import Realm, RealmSettings
    from linkmw.pages.language import DEFAULT, LANGUAGES

    wanted = (
        _as_the_hub_knows(tenant, hub_internal_url, client_secret_file)
        if issuer is None
        else Wanted(
            tenant=tenant,
            issuer=_url("--issuer", issuer),
            internal_issuer=_internal("--internal-issuer", internal_issuer),
            client_id=client_id or CLIENT_ID,
            secret=_kept(client_secret_file),
            hub_url=_url("--hub-url", hub_url or configuration.settings().public_url),
            hub_internal_url=_internal("--hub-internal-url", hub_internal_url),
            brand=brand,
            support_roles=support_roles(configuration.settings() if _is_hub_here() else _UNTOLD, tenant),
        )
    )
    reached = wanted.internal_issuer or wanted.issuer
    realm = Realm(keycloak_admin.given_or_asked(reached, admin, admin_realm, admin_password), wanted.realm)
    languages = (DEFAULT, *(one for one in LANGUAGES if one != DEFAULT))
    settings = RealmSettings(registration, wanted.brand, languages)
    keycloak_admin.sign_in(realm, admin, admin_realm)
    try:
        client = client_of(wanted, realm.logout_url_of(wanted.client_id))
        planned = realm.plan(client, settings)
        _say(realm.name, planned)
        if not planned or dry_run:
            click.echo("Nothing was changed." if planned else "Nothing to do.")
        else:
            if not yes:
                click.confirm("Change this?", abort=True, err=True)
            realm.set_up(client, settings)
            click.echo("Done.")
        _hand_over_secret(realm, wanted, client_secret_file, planned, dry_run)
    except KeycloakRefused as error:
        raise keycloak_admin.clearer(error, admin, admin_realm) from None


def client_of(wanted: Wanted, logout_url: str = "") -> HubClient:
    """The hub's client in this tenant's realm.

    logout_url: as it is at Keycloak, which may know the hub by another name than browsers do. Right unless it is
    another path, or the operator says otherwise.
    """
    from linkmw.keycloak import HubClient

    path = f"/t/{wanted.tenant}"
    logout = f"{path}/backchannel-logout"
    stands = not wanted.hub_internal_url and logout_url.endswith(logout)
    return HubClient(
        wanted.client_id,
        wanted.secret,
        redirect_uris=(f"{wanted.hub_url}{path}/callback",),
        signed_out_uris=(f"{wanted.hub_url}{path}/signed-out",),
        logout_url=logout_url if stands else f"{wanted.hub_internal_url or wanted.hub_url}{logout}",
        support_roles=wanted.support_roles,
    )


def support_roles(settings: HubSettings, organization_id: str) -> tuple[str, ...]:
    """The realm roles that open this tenant's support page."""
    names = (settings.support_role, settings.support_read_role)
    return tuple(dict.fromkeys(name.replace("{tenant}", organization_id) for name in names if name))


def wanted_of(tenant: Tenant, settings: HubSettings, hub_internal_url: str = "") -> Wanted:
    """What is to be set up for a tenant that is registered."""
    return Wanted(
        tenant=tenant.organization_id,
        issuer=tenant.issuer,
        internal_issuer=tenant.internal_issuer,
        client_id=tenant.keycloak_client_id,
        secret=tenant.keycloak_client_secret,
        hub_url=settings.public_url,
        hub_internal_url=hub_internal_url,
        brand=tenant.brand,
        support_roles=support_roles(settings, tenant.organization_id),
    )


def _as_the_hub_knows(organization_id: str, hub_internal_url: str, secret_file: Path | None) -> Wanted:
    if secret_file is not None:
        raise click.UsageError("--client-secret-file needs --issuer: without it the hub's own database has the secret")
    if not _is_hub_here():
        raise click.UsageError("give --issuer and --hub-url: there is no hub here yet that would know them")
    with configuration.stores() as (settings, stores):
        tenants = {tenant.organization_id: tenant for tenant in stores.admin.tenants()}
    if organization_id not in tenants:
        raise RegistrationRefused(f"there is no tenant {organization_id}: give --issuer and --hub-url")
    found = wanted_of(tenants[organization_id], settings, _internal("--hub-internal-url", hub_internal_url))
    _url("the tenant's issuer", found.issuer)
    return found


def _is_hub_here() -> bool:
    """Is there a hub's configuration, which may name other roles?"""
    return configuration.path().exists() or "LINKMW_HUB_PUBLIC_URL" in os.environ


def _url(option: str, text: str) -> str:
    try:
        found = read_public_url(text)
    except ValueError as error:
        raise click.UsageError(f"{option} {error}") from None
    if option == "--issuer" and "/realms/" not in found:
        raise click.UsageError("--issuer names no realm: https://…/realms/NAME")
    return found


def _internal(option: str, text: str) -> str:
    try:
        return read_url(text) if text else ""
    except ValueError as error:
        raise click.UsageError(f"{option} {error}") from None


def _kept(file: Path | None) -> Secret:
    """The secret that a file holds already, which the client is to have."""
    if file is None or not file.exists():
        return Secret("")
    secret = file.read_text(encoding="utf-8").strip()
    if not secret:
        raise click.BadParameter(f"{file} is empty")
    return Secret(secret)


def _say(realm: str, planned: Sequence[Change]) -> None:
    click.echo(f"Realm {realm}: {len(planned)} to change." if planned else f"Realm {realm} is as it should be.")
    for change in planned:
        click.echo(f"  {change}")


def _hand_over_secret(
    realm: Realm, wanted: Wanted, file: Path | None, planned: Sequence[Change], dry_run: bool
) -> None:
    """The secret of a client that was made is for the hub: into the file, else on the screen, once."""
    made = not dry_run and any(change.what == "client" for change in planned)
    if file is not None and not file.exists() and not dry_run:
        _write(file, realm.secret_of(wanted.client_id))
        click.echo(f"The client's secret is in {file}, mode 0600: for `linkmw hub init --keycloak-client-secret-file`.")
    elif made and not wanted.secret:
        click.echo(f"The client's secret is shown only now: {realm.secret_of(wanted.client_id)}")


def _write(file: Path, secret: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SettingsError(f"{file} cannot be made: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(f"{secret}\n")
