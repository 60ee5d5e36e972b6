"""`linkmw status`: is linkmw on in this product, and what decided that (DIS-12)?"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import Any

import click

from linkmw.cli import application as applications
from linkmw.cli.application import Application
from linkmw.errors import LinkmwError, SettingsError
from linkmw.setting_sources import read_file
from linkmw.settings import Settings, file_of


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@applications.app_option
@click.pass_context
def status(ctx: click.Context, as_json: bool, app: str) -> None:
    """Say whether federated sign-in is on in this product, what decided it, and what is missing.

    Looks at the environment and the file LINKMW_CONFIG (linkmw.toml). What stands in the framework's own configuration
    (LINKMW in Django's settings, app.config in Flask) is seen by `python manage.py linkmw status` and
    `flask linkmw status`, and with --app. Of an application that has no linkmw of its own --app says what `linkmw run`
    recognises in it. Exit code 3 when settings must be changed.
    """
    application = applications.of(ctx, app)
    settings = applications.settings_of(application)
    unlisted = list(application.unlisted()) if application else []
    said: dict[str, Any] = {
        **_standing(settings),
        "decided_by": _decided_by(settings, application),
        "unlisted_login_routes": unlisted,
        "recognised": list(application.recognised) if application else [],
        "problems": list(settings.problems),
        "hosts": {
            host: {**_standing(own), "problems": [one for one in own.problems if one not in settings.problems]}
            for host, own in applications.hosts_of(settings)
        },
    }
    _print(said, as_json)
    ctx.exit(3 if settings.problems or any(own["problems"] for own in said["hosts"].values()) else 0)


def _standing(settings: Settings) -> dict[str, Any]:
    return {
        "on": settings.on,
        "mode": settings.mode if settings.on else "off",
        "doors": list(_of_doors(settings)) if settings.on and settings.mode == "replace" else [],
    }


def _print(said: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(said, indent=1))
        return
    elsewhere = " at hosts that are not named below" if said["hosts"] else ""
    click.echo(f"Federated sign-in is {_in_words(said)}{elsewhere}.")
    click.echo(f"Decided by {said['decided_by']}.")
    for line in said["recognised"]:
        click.echo(f"From outside, as `linkmw run` sees it: {line}.")
    for line in said["doors"]:
        click.echo(line)
    for host, own in said["hosts"].items():
        click.echo(" ".join((f"At {host} it is {_in_words(own)}.", *own["doors"])))
    for route in said["unlisted_login_routes"]:
        click.echo(f"The login route {route} is not in LINKMW_LOGIN_PATHS: linkmw leaves it as it is.")
    for problem in (*said["problems"], *(one for own in said["hosts"].values() for one in own["problems"])):
        click.echo(f"- {problem}", err=True)


def _in_words(said: dict[str, Any]) -> str:
    return f"on, {said['mode']} the native login" if said["on"] else "off"


def _of_doors(settings: Settings) -> list[str]:
    """Whether the product's own login is closed, by the hub's word of now, and for whom it is not (P-3)."""
    from linkmw.gate import permits

    said = [_doors(settings)]
    with suppress(OSError, ValueError):
        held = [permit for permit in permits.read(permits.path_of(settings)) if permit.until > time.time()]
        said += [f"Break-glass: {permit.account} may sign in natively." for permit in held]
    return said


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


def _decided_by(settings: Settings, application: Application | None) -> str:
    if settings.problems:
        return "its settings: what is wrong or missing makes it behave as off"
    if "LINKMW_ENABLED" in os.environ or "LINKMW_ENABLED_FILE" in os.environ:
        return "LINKMW_ENABLED in the environment, which overrules the file"
    if application and "enabled" in {key.lower() for key in application.configured}:
        return f"`enabled` in {application.where}, which overrules the file"
    file = file_of(os.environ)
    try:
        named = {key.lower() for key in read_file(file)}
    except SettingsError:
        named = set()
    if "enabled" in named:
        return f"`enabled` in {file}"
    return "its settings, which are complete" if settings.on else "its settings: none is set, or mode is off"
