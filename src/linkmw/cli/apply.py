"""`linkmw hub apply`: tenants and products as a file declares them (OPS-4)."""

from __future__ import annotations

import os
from pathlib import Path

import click

from linkmw.cli import configuration
from linkmw.errors import RegistrationRefused, SettingsError
from linkmw.model import Client
from linkmw.secret import Secret

WOULD_CHANGE = 10


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help=f"Change nothing; exit code {WOULD_CHANGE} when there would be changes.")
@click.option("--prune", is_flag=True, help="Disable tenants and products that are not in FILE. Nothing is deleted.")
@click.option(
    "--secrets-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write each new product's client secret to DIR/CLIENT_ID.secret, mode 0600, and print none.",
)
@click.pass_context
def apply(ctx: click.Context, file: Path, dry_run: bool, prune: bool, secrets_dir: Path | None) -> None:
    """Make tenants and products as FILE (TOML) declares them, and print what changed: +, ~, and - for disabled.

    All of it or nothing: one transaction. Applied again it changes nothing. What FILE does not name is left alone: a
    tenant, a product, each of their fields. Files that it names are looked for beside it.

    \b
    [tenants.acme]                                # the organization id
    brand = "ACME ID"
    issuer = "https://sso.acme.example/realms/acme"
    keycloak_client_id = "linkmw"
    keycloak_client_secret_file = "acme.secret"
    contact = "help@acme.example"
    [products.orders]                             # the client id
    tenant = "acme"
    name = "Orders"
    url = "https://orders.acme.example"
    mode = "replace"
    percent = 25

    \b
    Of a tenant: brand issuer internal_issuer keycloak_client_id keycloak_client_secret_file primary ground logo_file
      time_zone contact mail_from language fresh_sign_in help_url privacy_url unknown_user first_password enabled
    Of a product: tenant name url internal_url redirect_uri login_url primary logo_file proof mode percent
      trusted_email self_sign_up pkce signing_algorithm post_logout_redirect_uri logout_uri enabled

    Whatever stands in FILE is enabled, unless it says enabled = false. A new product's client secret is shown once.

    \b
    Exit codes: 0 as declared, by this run or already; 2 wrong usage; 3 refused, or settings; 4 SQL did not answer;
    10 with --dry-run, when there would be changes.
    """
    from linkmw.hub.declared import Declared, read
    from linkmw.stores.sql.applied import says

    try:
        declared: Declared = read(_tables(file), lambda path: (file.parent / path).read_text(encoding="utf-8"))
        with configuration.stores() as (settings, stores):
            stores.require_current_schema()
            applier = stores.admin.applier(settings.public_url, prune=prune)
            if dry_run:
                foreseen = applier.foresee(declared)
                click.echo(says(foreseen) if foreseen else "Everything is as declared.")
                ctx.exit(WOULD_CHANGE if foreseen else 0)
            secrets = _Secrets(secrets_dir)
            try:
                changes = applier.apply(declared, secrets.take)
            except BaseException:
                secrets.take_back()
                raise
    except RegistrationRefused as refused:
        raise SettingsError(f"{file.name} is not applied.\n{refused}") from None
    click.echo(says(changes) if changes else "Everything is as declared.")
    secrets.tell()


def _tables(file: Path) -> dict[str, object]:
    from linkmw.setting_sources import read_file

    if not file.is_file():
        raise click.BadParameter(f"{file} is not there", param_hint="FILE")
    return read_file(file)


class _Secrets:
    """New products' client secrets on their way to the operator: to files before the commit, or printed after it."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._made: list[tuple[Client, Secret]] = []
        self._files: list[Path] = []

    def take(self, client: Client, secret: Secret) -> None:
        """Raises SettingsError when the file is there already, or cannot be made: then nothing is applied."""
        self._made.append((client, secret))
        if self._folder is None:
            return
        path = self._folder / f"{client.client_id}.secret"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise SettingsError(f"{path} cannot be made: {error.strerror}") from None
        self._files.append(path)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{secret!s}\n")

    def take_back(self) -> None:
        """They were never given: nothing was applied."""
        for path in self._files:
            path.unlink(missing_ok=True)

    def tell(self) -> None:
        if self._files:
            click.echo("\nClient secrets, to be put where the products find them:")
            for path in self._files:
                click.echo(f"{path}")
        elif self._made:
            click.echo("\nClient secrets, shown only now:")
            for client, secret in self._made:
                click.echo(f"{client.client_id}  {secret!s}")
