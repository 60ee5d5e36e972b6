"""`linkmw config`: every setting, its value, and where that came from; secrets are starred."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from difflib import get_close_matches

import click

from linkmw.cli import application as applications
from linkmw.cli.application import Application
from linkmw.errors import SettingsError
from linkmw.hub.settings import HubSettings
from linkmw.setting_sources import names_of, read_file
from linkmw.settings import Settings, file_of

# Names in the environment that begin like settings and are none.
_OTHERS = frozenset(("LINKMW_CONFIG", "LINKMW_HUB_CONFIG", "LINKMW_CACHE", "LINKMW_CHROMIUM"))


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting as it is in force. value: starred where it is a secret."""

    name: str
    value: str
    source: str


@click.group()
def config() -> None:
    """Look at the settings of this product."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@applications.app_option
@click.pass_context
def show(ctx: click.Context, as_json: bool, app: str) -> None:
    """Print every setting: its value, and where that came from. Secrets are starred."""
    shown = list(settings_shown(applications.of(ctx, app)))
    if as_json:
        click.echo(json.dumps({one.name: {"value": one.value, "source": one.source} for one in shown}, indent=1))
        return
    widths = [max(len(getattr(one, column)) for one in shown) for column in ("name", "value")]
    for one in shown:
        click.echo(f"{one.name:<{widths[0]}}  {one.value:<{widths[1]}}  {one.source}".rstrip())


@config.command()
@applications.app_option
@click.pass_context
def check(ctx: click.Context, app: str) -> None:
    """Say what is wrong with the settings, unknown names included. Exit code 3 when something is."""
    problems = [*applications.settings_of(applications.of(ctx, app)).problems, *_unknown_variables()]
    for problem in problems:
        click.echo(f"- {problem}", err=True)
    if problems:
        ctx.exit(3)
    click.echo("The settings are in order.")


def settings_shown(application: Application | None) -> Iterator[Shown]:
    """Every setting of the gate, in the order of docs/settings.md."""
    settings = applications.settings_of(application)
    sources = _sources(application)
    for item in fields(Settings):
        if item.name in sources:
            value = getattr(settings, item.name)
            secret = item.metadata["secret"] and value
            yield Shown(names_of(Settings)[item.name], "***" if secret else _text(item.name, value), sources[item.name])


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if name == "hosts" and isinstance(value, tuple):
        return ",".join(host for host, _ in value)
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if name in ("enabled_at", "disabled_at", "sessions_since") and isinstance(value, int):
        return datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z") if value else ""
    return str(value)


def _sources(application: Application | None) -> dict[str, str]:
    """Where each setting's value is from."""
    configured = {key.lower() for key in (application.configured if application else {})}
    path = file_of(os.environ)
    try:
        file: Mapping[str, object] = read_file(path)
    except SettingsError:
        file = {}
    in_file = {key.lower() for key in file}
    found = {}
    for key, name in names_of(Settings).items():
        if name in os.environ:
            found[key] = "environment"
        elif f"{name}_FILE" in os.environ:
            found[key] = f"{name}_FILE, {os.environ[f'{name}_FILE']}"
        elif application and key in configured:
            found[key] = application.where
        else:
            found[key] = str(path) if key in in_file else "default"
    return found


def _unknown_variables() -> Iterator[str]:
    """Names in the environment that begin like ours and are none: a setting misspelt has no effect."""
    known = {*names_of(Settings).values(), *names_of(HubSettings).values(), *_OTHERS}
    for name in sorted(os.environ):
        if name.startswith("LINKMW_") and name.removesuffix("_FILE") not in known and name not in known:
            near = get_close_matches(name, known, 1)
            yield f"{name} in the environment is no setting" + (f": did you mean {near[0]}?" if near else "")
