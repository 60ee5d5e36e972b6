"""`linkmw break-glass`: one account may sign in through the product's own login, while nothing else works (P-3)."""

from __future__ import annotations

import getpass
import os
import secrets
import time
from pathlib import Path

import click

from linkmw.errors import SettingsError
from linkmw.gate import audit, permits
from linkmw.gate.permits import Permit
from linkmw.log import rfc3339
from linkmw.settings import Settings, load

MOST_MINUTES = 240


@click.command("break-glass")
@click.argument("account", required=False)
@click.option(
    "--minutes", type=click.IntRange(1, MOST_MINUTES), default=15, show_default=True, help="How long all of it lasts."
)
@click.option("--list", "listed", is_flag=True, help="Print the permits that hold.")
@click.option("--revoke", is_flag=True, help="Take back ACCOUNT's, or all; a session begun by one ends with it.")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="Where the permits are, if LINKMW_BREAK_GLASS is set in the framework's own configuration.",
)
def break_glass(account: str | None, minutes: int, listed: bool, revoke: bool, file: Path | None) -> None:
    """Let ACCOUNT (its username) sign in through the product's own login, for a quarter of an hour.

    On the product's machine, as the user the product runs as (or as root). Needs no hub and no Redis; takes effect
    within a second. While a permit holds, everybody sees the product's own login page, and only ACCOUNT comes in by it.
    Each use is a line in the file NAME.log beside the permits, and in the audit trail of the product.
    """
    settings = load()
    path = file or permits.path_of(settings)
    held = _held(path)
    if listed:
        _print(held)
    elif revoke:
        _revoke(settings, path, held, account)
    elif account:
        _permit(settings, path, held, account, minutes)
    else:
        raise click.UsageError("name the ACCOUNT, or ask for --list or --revoke")


def _held(path: Path) -> list[Permit]:
    """The permits that hold. Raises SettingsError for a file that counts for nothing."""
    try:
        return [permit for permit in permits.read(path) if permit.until > time.time()]
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be used: {getattr(error, 'strerror', None) or error}") from None


def _print(held: list[Permit]) -> None:
    for permit in held:
        click.echo(f"{permit.account}  until {rfc3339(permit.until)}")
    if not held:
        click.echo("No permit holds.")


def _permit(settings: Settings, path: Path, held: list[Permit], account: str, minutes: int) -> None:
    permit = Permit(secrets.token_hex(8), account, int(time.time()) + minutes * 60)
    _audited(settings, path, "break_glass", account, code=f"minutes_{minutes}")  # first: no permit that nobody knows of
    _kept(path, [*held, permit])
    click.echo(
        f"{account} may sign in at the product's own login until {rfc3339(permit.until)}; then that session ends."
    )
    click.echo(f"The permit is in {path.absolute()}, where the product has to find it.")


def _revoke(settings: Settings, path: Path, held: list[Permit], account: str | None) -> None:
    taken = [permit for permit in held if account in (None, permit.account)]
    _kept(path, [permit for permit in held if permit not in taken])
    for permit in taken:
        _audited(settings, path, "break_glass_revoked", permit.account)
    click.echo(f"Revoked: {', '.join(permit.account for permit in taken) or 'none, for none held'}.")


def _kept(path: Path, held: list[Permit]) -> None:
    try:
        permits.write(path, held)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from None


def _audited(settings: Settings, path: Path, event: audit.Event, account: str, **more: str) -> None:
    """A line of the audit trail, in a file of its own: this command has no log of the product's."""
    actor = os.environ.get("SUDO_USER") or getpass.getuser()
    line = audit.line(settings, int(time.time()), event, "ok", account_id=account, actor=actor, **more)
    trail = path.with_name(f"{path.name}.log")
    try:
        descriptor = os.open(trail, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise SettingsError(f"{trail} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(line + "\n")
