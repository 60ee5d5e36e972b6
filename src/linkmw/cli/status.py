"""`linkmw status`: is linkmw on in this product, and what decided that (DIS-12)?"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import click

from linkmw.errors import LinkmwError, SettingsError
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
    if settings.on and settings.mode == "replace":
        _say_of_doors(settings)
    for problem in settings.problems:
        click.echo(f"- {problem}", err=True)
    ctx.exit(3 if settings.problems else 0)


def _say_of_doors(settings: Settings) -> None:
    """Whether the product's own login is closed, by the hub's word of now, and for whom it is not (P-3)."""
    from linkmw.gate import permits

    click.echo(_doors(settings))
    with suppress(OSError, ValueError):
        held = [permit for permit in permits.read(permits.path_of(settings)) if permit.until > time.time()]
        for permit in held:
            click.echo(f"Break-glass: {permit.account} may sign in natively.")


def _doors(settings: Settings) -> str:
    from linkmw.gate.hub_client import HubClient
    from linkmw.gate.wire import BlockingWire
    from linkmw.run import run_now

    client = HubClient(settings, BlockingWire(), clock=time.monotonic, now=lambda: int(time.time()), token=str)
    try:
        state = run_now(client.state())
    except LinkmwError as error:
        return f"The hub does not say whether the native login is closed: {error}."
    if not state.healthy:
        return "A part of the hub is away, so the native login is " + ("open." if _opens(settings) else "closed.")
    if state.mode != "replace":
        return f"The native login is open: at the hub the mode is {state.mode}."
    if state.percent < 100:
        return f"The native login is open: at the hub {state.percent} percent of the browsers are asked for."
    return "The native login is closed."


def _opens(settings: Settings) -> bool:
    return settings.when_away == "native"


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
