"""`linkmw status`: is linkmw on in this product, and what decided that (DIS-12)?"""

from __future__ import annotations

import os
from pathlib import Path

import click

from linkmw.errors import SettingsError
from linkmw.settings import Settings, load, read_file


@click.command()
@click.pass_context
def status(ctx: click.Context) -> None:
    """Say whether federated sign-in is on in this product, what decided it, and what is missing.

    Looks at the environment and the file LINKMW_CONFIG (linkmw.toml); what stands in the framework's own configuration
    (LINKMW in Django's settings, app.config in Flask) is not seen from here. Exit code 3 when settings must be changed.
    """
    settings = load()
    click.echo(f"Federated sign-in is {f'on, {settings.mode} the native login' if settings.on else 'off'}.")
    click.echo(f"Decided by {_decided_by(settings)}.")
    for problem in settings.problems:
        click.echo(f"- {problem}", err=True)
    ctx.exit(3 if settings.problems else 0)


def _decided_by(settings: Settings) -> str:
    if settings.problems:
        return "its settings: what is wrong or missing makes it behave as off"
    if "LINKMW_ENABLED" in os.environ or "LINKMW_ENABLED_FILE" in os.environ:
        return "LINKMW_ENABLED in the environment, which overrules the file"
    file = Path(os.environ.get("LINKMW_CONFIG", "linkmw.toml"))
    if "enabled" in _keys(file):
        return f"`enabled` in {file}"
    return "its settings, which are complete" if settings.on else "its settings: none is set, or mode is off"


def _keys(file: Path) -> set[str]:
    try:
        return set(read_file(file))
    except SettingsError:
        return set()
