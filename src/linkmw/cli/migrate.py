"""`linkmw hub migrate`: a product's users become identities ahead of their first sign-in (OPS-6)."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linkmw.cli import configuration
from linkmw.cli.files import text_of
from linkmw.errors import RegistrationRefused, SettingsError
from linkmw.model import Client, Tenant
from linkmw.secret import Secret

if TYPE_CHECKING:
    from linkmw.hub.migrate.report import Report
    from linkmw.hub.migrate.run import Migration
    from linkmw.hub.migrate.sources import CsvFile, Database
    from linkmw.stores.sql import SqlStores

STATEMENT = "every address was verified by its owner"
_USER_SECONDS = 30  # for one request: Keycloak may be busy with eight of them


def _columns(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if wrong := [
        one for one, (name, equals, column) in zip(given, pairs, strict=True) if not (name and equals and column)
    ]:
        raise click.BadParameter(f"{wrong[0]} is not like email=mail")
    return {name: column for name, _, column in pairs}


def _statement(_context: click.Context, _option: click.Parameter, given: str | None) -> bool:
    if given is not None and given != STATEMENT:
        raise click.BadParameter(f'say "{STATEMENT}", if that is so')
    return given is not None


@click.command()
@click.option(
    "--client", "client_id", required=True, help="The product's client id, as `linkmw hub product list` says."
)
@click.option("--csv", "file", type=click.Path(path_type=Path), metavar="FILE", help="Read a CSV file in UTF-8.")
@click.option(
    "--database-url-file", type=text_of, metavar="FILE", help="Read the database whose SQLAlchemy URL is in FILE."
)
@click.option("--table", default="auth_user", show_default=True, help="Its table of users.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    callback=_columns,
    metavar="OURS=THEIRS",
    help="A column by another name than Django's; may be repeated.",
)
@click.option("--keycloak-client-id", required=True, help="The importer's own client in the realm.")
@click.option(
    "--keycloak-client-secret-file", "secret", required=True, type=text_of, metavar="FILE", help="Its secret."
)
@click.option(
    "--report",
    "report_file",
    type=click.Path(path_type=Path),
    default=Path("migration.csv"),
    show_default=True,
    help="Where to write what became of rows that are not simply done.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing; report what would be done and what collides.")
@click.option("--undo", is_flag=True, help="Take back what migrations of this product have made, and nothing else.")
@click.option("--no-links", is_flag=True, help="Make identities only; accounts are proven at their first sign-in.")
@click.option("--include-staff", is_flag=True, help="Migrate staff and superusers as well.")
@click.option(
    "--trust-email",
    metavar="STATEMENT",
    callback=_statement,
    help=f'Count e-mail addresses as verified. STATEMENT is "{STATEMENT}".',
)
@click.option("--notify", is_flag=True, help="Let Keycloak (26.7.3 or newer) mail those who need a new password.")
def migrate(
    client_id: str,
    file: Path | None,
    database_url_file: str | None,
    table: str,
    columns: dict[str, str],
    keycloak_client_id: str,
    secret: str,
    report_file: Path,
    dry_run: bool,
    undo: bool,
    no_links: bool,
    include_staff: bool,
    trust_email: bool,
    notify: bool,
) -> None:
    """Make identities of a product's users at Keycloak, with the passwords they have.

    \b
    From a CSV file, whose first line names its columns: account_id, email, and if there: username,
    password_hash, first_name, last_name, is_staff, is_superuser, is_active. Or from a Django database.

    Passwords go on as Django keeps them, PBKDF2-SHA256 or Argon2id. Who has another hash, or none, is asked for a new
    password by Keycloak. An account whose password went on is linked to its identity; any other one at its first
    sign-in. Nobody is mailed unless --notify says so, and no address counts as verified unless --trust-email does.

    Left out, and reported: an address that two accounts have in whatever case, or that somebody at Keycloak has; rows
    that cannot be read; accounts that are not active; staff.

    Killed or stopped, it goes on where it stopped when it is run again: what is done is not done twice. It keeps in the
    hub's database what it made, and --undo takes exactly that back.

    The importer is a client of its own in the realm, with a service account that has the roles manage-users,
    view-users and query-users of realm-management. Delete it afterwards.

    Exit codes: 0 every row is done, or not asked for; 1 some rows were left out, see the report, or refused;
    2 wrong usage; 3 settings; 4 SQL or Keycloak did not answer: run it again.
    """
    if undo and dry_run:
        raise click.UsageError("--undo has no --dry-run: it takes back what the hub wrote down, and nothing else")
    with configuration.stores() as (_, stores):
        stores.require_current_schema()
        tenant, client = _product(stores, client_id)
        if keycloak_client_id == tenant.keycloak_client_id:
            raise click.UsageError("--keycloak-client-id: a client of its own, not the one that people sign in by")
        from linkmw.hub.migrate.run import Migration, Options
        from linkmw.keycloak import Users
        from linkmw.stores.sql import clock
        from linkmw.stores.sql.migrated import SqlMigrated

        issuer = tenant.internal_issuer or tenant.issuer
        users = Users(issuer, keycloak_client_id, Secret(secret.strip()), _USER_SECONDS)
        if notify:
            users.check_version()
        options = Options(include_staff, trust_email, not no_links, notify, dry_run)
        with _report(report_file) as report:
            work = Migration(tenant, client, users, SqlMigrated(stores.database, clock), options, report)
            if undo:
                _timed(lambda: _undo(work))
            else:
                source = _source(file, database_url_file, table, columns)
                _timed(lambda: _run(work, source))
    _say(report.counts, report_file, keycloak_client_id, dry_run)
    sys.exit(1 if report.counts["left_out"] or report.counts["kept"] else 0)


def _product(stores: SqlStores, client_id: str) -> tuple[Tenant, Client]:
    client = next((one for one in stores.admin.clients() if one.client_id == client_id), None)
    if client is None:
        raise RegistrationRefused(f"there is no product {client_id}")
    tenants = {one.organization_id: one for one in stores.admin.tenants()}
    return tenants[client.organization_id], client


def _source(file: Path | None, url: str | None, table: str, columns: dict[str, str]) -> CsvFile | Database:
    from linkmw.hub.migrate.sources import DJANGO, CsvFile, Database

    if (file is None) == (url is None):
        raise click.UsageError("give either --csv or --database-url-file")
    if file is not None:
        return CsvFile(file)
    if unknown := sorted(columns.keys() - DJANGO.keys()):
        raise click.UsageError(f"--column: {unknown[0]} is none of {', '.join(DJANGO)}")
    return Database(str(url).strip(), table, {**DJANGO, **columns})


@contextmanager
def _report(path: Path) -> Iterator[Report]:
    """A new report, its owner's alone: it names people."""
    from linkmw.hub.migrate.report import Report

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        yield Report(file)


def _run(work: Migration, source: CsvFile | Database) -> int:
    from linkmw.hub.migrate.addresses import counted

    click.echo("Counting addresses.", err=True)
    with counted(source.rows()) as addresses, click.progressbar(length=addresses.rows, file=sys.stderr) as bar:
        work.run(source.rows(), addresses, bar.update)
        return addresses.rows


def _undo(work: Migration) -> int:
    done = 0

    def count(rows: int) -> None:
        nonlocal done
        done += rows

    work.undo(count)
    return done


def _timed(work: Callable[[], int]) -> None:
    begun = time.monotonic()
    rows = work()
    seconds = time.monotonic() - begun
    click.echo(f"{rows:,} rows in {seconds:.1f} s, {rows / seconds:.0f} a second.")


_SAID = {
    "made": "identities made",
    "note": "of them to be looked at, see the report",
    "already": "done by an earlier run",
    "not_asked_for": "not asked for: staff, not active, or linked already",
    "left_out": "left out, see the report",
    "undone": "taken back",
    "kept": "kept: they have other links by now",
}


def _say(counts: Counter[str], report: Path, importer: str, dry_run: bool) -> None:
    if dry_run:
        click.echo("Nothing was changed. It would be:")
    for name, words in _SAID.items():
        if counts[name]:
            click.echo(f"{counts[name]:>10,}  {words}")
    click.echo(f"The report is in {report}. Delete the client {importer} at Keycloak when you are done.")
