"""`linkmw disable`: the product's own login is all there is again (DIS-5, DIS-10). Works offline."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime

import click

from linkmw.cli import application as applications
from linkmw.cli import recovery, switching
from linkmw.cli.application import Application
from linkmw.cli.configuration_file import Value, change, edited
from linkmw.setting_sources import read_file
from linkmw.settings import CREDENTIALS, file_of
from linkmw.switch import read_switch


@click.command()
@click.option("--end-sessions", is_flag=True, help="End the sessions that were opened through linkmw, too.")
@applications.app_option
@click.pass_context
def disable(ctx: click.Context, end_sessions: bool, app: str) -> None:
    """Switch federated sign-in off in this product, and delete its three values.

    Organization id, client id and client secret are deleted from the file LINKMW_CONFIG (linkmw.toml); passwords, links
    and everything else stay. Running processes follow within a few seconds; neither the hub nor Redis is needed. Who is
    on the way to a sign-in ends at the product's own login.

    Exit code 3 when something outside the file holds the values or keeps linkmw on: each is named, with what to do.
    """
    application = applications.of(ctx, app)
    file = file_of(os.environ)
    was_off = _is_off(read_file(file))
    changed = change(file, lambda text: _off(text, end_sessions))
    click.echo(_sentence(application, was_off))
    if changed:
        click.echo(f"Written: {file.absolute()}, where the product has to find it.")
    _say_of_sessions(end_sessions)
    _say_of_passwords(application)
    click.echo(
        "On again: `linkmw enable`, which asks for organization id, client id and client secret. Is the secret lost? "
        "At the hub `linkmw hub product rotate-secret` prints a new one."
    )
    held = [f"{place} still holds what was deleted: take it out there." for place in switching.holding(application)]
    switching.end(ctx, switching.overruling(application, wanted=False) + held)


def _sentence(application: Application | None, was_off: bool) -> str:
    if switching.overruling(application, wanted=False):
        return "The file says off, but federated sign-in stays on where the product finds what is named below."
    return f"Federated sign-in is {'already ' if was_off else ''}disabled."


def _is_off(found: Mapping[str, object]) -> bool:
    """Does the file say off already, and hold none of the three values?"""
    named = {key.lower(): value for key, value in found.items()}
    return named.keys().isdisjoint(CREDENTIALS) and read_switch(str(named.get("enabled"))) is False


def _off(text: str, end_sessions: bool) -> str:
    """The file says off, since when, and none of the three values."""
    now = datetime.now(UTC).replace(microsecond=0)
    found = tomllib.loads(edited(text, {}))
    put: dict[str, Value] = {"enabled": False}
    if not _is_off(found) or "disabled_at" not in found:
        put["disabled_at"] = now
    if end_sessions:
        put["sessions_since"] = now
    return edited(text, put, CREDENTIALS)


def _say_of_sessions(ended: bool) -> None:
    if ended:
        click.echo(
            "Sessions opened through linkmw have ended. Those in a signed cookie would be valid again without linkmw "
            "installed: before you take it out, change the secret that signs them (SECRET_KEY)."
        )
        return
    click.echo(
        "Sessions opened through linkmw go on; --end-sessions ends them. One in a signed cookie that had ended before "
        "is valid again until it expires: --end-sessions, or a new secret that signs it (SECRET_KEY), ends it."
    )


def _say_of_passwords(application: Application | None) -> None:
    try:
        found = recovery.without_password(application)
    except Exception as error:  # the product's database may be away, too: that keeps nobody from switching off
        click.echo(f"The product does not say who has no password: {type(error).__name__}.")
        return
    if found:
        click.echo(
            f"Accounts without a password of their own: {len(found)}. "
            "`linkmw send-reset --without-password` sends them the product's mail to set one."
        )
    elif found is None:
        click.echo("Who has no password here asks for one on the product's own page for a forgotten password.")
