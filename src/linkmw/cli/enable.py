"""`linkmw enable`: three values, proven at the hub before anything is written (DIS-11)."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import click

from linkmw.cli import application as applications
from linkmw.cli import switching
from linkmw.cli.application import Application
from linkmw.cli.configuration_file import Value, change, edited
from linkmw.cli.files import text_of
from linkmw.errors import RequestRefused, SettingsError, Unavailable
from linkmw.setting_sources import names_of
from linkmw.settings import CREDENTIALS, REQUIRED, Settings, file_of, load

_ASKED = {
    "hub_url": "Hub URL, as browsers see it",
    "public_url": "This product's URL, as browsers see it",
    "organization_id": "Organization id",
    "client_id": "Client id",
    "client_secret": "Client secret",
    "redis_url": "The product's own Redis, like redis://localhost:6379/0",
}


@click.command()
@click.option("--organization-id", default="", help="As `linkmw hub product add` printed it.")
@click.option("--client-id", default="", help="As printed.")
@click.option(
    "--client-secret-file",
    default="",
    metavar="FILE",
    help="A file with the client secret; - is standard input. Else it is asked for, and not shown.",
)
@click.option("--hub-url", default="", help="The hub as browsers see it.")
@click.option("--hub-internal-url", default="", help="The hub as this machine reaches it, when that differs.")
@click.option("--public-url", default="", help="This product as browsers see it.")
@click.option("--redis-url", default="", help="The product's own Redis.")
@applications.app_option
@click.pass_context
def enable(ctx: click.Context, /, client_secret_file: str, app: str, **given: str) -> None:
    """Switch federated sign-in on in this product, with the values that `linkmw hub product add` printed.

    What is not given and not configured yet is asked for. The values are proven by a call to the hub; only then are
    they written to the file LINKMW_CONFIG (linkmw.toml), which is readable by its owner alone. Running processes
    follow within a few seconds.

    Exit code 1 when the hub refuses the values, 4 when it does not answer, 3 when a setting is wrong or something
    outside the file overrules it.
    """
    application = applications.of(ctx, app)
    if client_secret_file:
        given["client_secret"] = text_of(client_secret_file).strip("\r\n")
    values = _asked_for(application, {name: value for name, value in given.items() if value})
    mode = _proven(_settings_with(application, values))
    change(file_of(os.environ), lambda text: _on(text, values))
    written = file_of(os.environ).absolute()
    overruled = switching.overruling(application, wanted=True) + _other_values(application, values)
    if overruled:
        click.echo("The values are right and in the file, but what is named below overrules it.")
    else:
        click.echo("Federated sign-in is enabled.")
        click.echo(f"At the hub this product's mode is {mode}.")
    click.echo(f"Written: {written}, where the product has to find it.")
    switching.end(ctx, overruled)


def _asked_for(application: Application | None, given: Mapping[str, str]) -> dict[str, str]:
    """What was given, and what is to be asked: the three values each time, the rest where it is not configured."""
    known = replace(applications.settings_of(application), problems=())
    values = dict(given)
    for name in REQUIRED:
        if name in values or (name not in CREDENTIALS and getattr(known, name)):
            continue
        values[name] = _answer(name)
    return values


def _answer(name: str) -> str:
    """What is typed, never empty. Raises UsageError naming the option where there is nobody to ask."""
    try:
        typed: str = click.prompt(_ASKED[name], hide_input=name == "client_secret", type=str, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        option = "--client-secret-file" if name == "client_secret" else "--" + name.replace("_", "-")
        raise click.UsageError(f"nobody answers here: give {option}") from None
    return typed.strip()


def _settings_with(application: Application | None, values: Mapping[str, str]) -> Settings:
    """The settings as they will be. Raises SettingsError naming what is wrong with them."""
    names = names_of(Settings)
    others = {name: value for name, value in os.environ.items() if name.startswith("LINKMW_")}
    for name in (*values, "enabled"):
        others.pop(names[name], None)
        others.pop(f"{names[name]}_FILE", None)
    environ = {**others, **{names[name]: value for name, value in values.items()}, "LINKMW_ENABLED": "on"}
    settings = load(application.configured if application else None, environ)
    if settings.problems:
        raise SettingsError("; ".join(settings.problems))
    return settings


def _proven(settings: Settings) -> str:
    """The hub knows this client, of this organization: the mode it is in. Raises RequestRefused, Unavailable."""
    from linkmw.gate.hub_client import HubClient
    from linkmw.gate.wire import BlockingWire
    from linkmw.run import run_now

    patient = replace(settings, probe_timeout=settings.hub_timeout)
    client = HubClient(
        patient, BlockingWire(), clock=time.monotonic, now=lambda: int(time.time()), token=secrets.token_urlsafe
    )
    try:
        state = run_now(client.state())
    except RequestRefused:
        raise RequestRefused(
            f"the hub at {settings.hub_back_channel} does not know client id {settings.client_id} with this client "
            "secret: copy both again from what `linkmw hub product add` printed. Nothing was written",
            code="invalid_client",
        ) from None
    except Unavailable as error:
        raise Unavailable(f"{error} (asked at {settings.hub_back_channel}). Nothing was written") from None
    if state.organization_id not in ("", settings.organization_id):
        raise RequestRefused(
            f"client id {settings.client_id} is not of organization {settings.organization_id}: copy the organization "
            "id again. Nothing was written",
            code="invalid_client",
        )
    return state.mode


def _on(text: str, values: Mapping[str, str]) -> str:
    now = datetime.now(UTC).replace(microsecond=0)
    put: dict[str, Value] = {"enabled": True, "enabled_at": now, **values}
    return edited(text, put, ("disabled_at",))


def _other_values(application: Application | None, values: Mapping[str, str]) -> list[str]:
    """Values that the product finds elsewhere, and that differ from those just proven."""
    found = replace(applications.settings_of(application), problems=())
    wanted = _settings_with(application, values)
    names = names_of(Settings)
    return [
        f"{names[name]} has another value in the environment or in the framework's configuration: take it out there."
        for name in values
        if getattr(found, name) != getattr(wanted, name)
    ]
