"""What `enable` and `disable` have in common: what overrules the file, and how that is said."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click

from linkmw.cli.application import Application
from linkmw.setting_sources import names_of
from linkmw.settings import CREDENTIALS, Settings
from linkmw.switch import read_switch

MUST_CHANGE = 3


def overruling(application: Application | None, wanted: bool) -> list[str]:
    """What keeps the switch in another position than `wanted`, whatever the file says: a sentence each."""
    said = [(f"LINKMW_ENABLED={value} in the environment", value) for value in _of_environment("LINKMW_ENABLED")]
    said += [("LINKMW_ENABLED_FILE in the environment", text) for text in _of_file("LINKMW_ENABLED_FILE")]
    configured = {key.lower(): value for key, value in (application.configured if application else {}).items()}
    if application and "enabled" in configured:
        said.append((f"`enabled` in {application.where}", str(configured["enabled"])))
    # A word that is neither on nor off counts as off (DIS-12).
    others = [place for place, text in said if (read_switch(text) is True) is not wanted]
    return [f"{place} overrules the file: take it out and restart the product." for place in others]


def _of_environment(name: str) -> list[str]:
    return [os.environ[name]] if name in os.environ else []


def _of_file(name: str) -> list[str]:
    """What the file says that a variable names; nothing where there is none to read."""
    try:
        return [Path(path).read_text(encoding="utf-8") for path in _of_environment(name)]
    except (OSError, UnicodeDecodeError):
        return [""]


def holding(application: Application | None) -> list[str]:
    """Where else than in the file credentials are."""
    names = names_of(Settings)
    environment = [name for key in CREDENTIALS for name in (names[key], f"{names[key]}_FILE") if name in os.environ]
    configured = {key.lower() for key in (application.configured if application else {})}
    found = [f"{name} in the environment" for name in environment]
    return found + [f"`{key}` in {application.where}" for key in CREDENTIALS if application and key in configured]


def end(ctx: click.Context, open_points: Iterable[str]) -> None:
    """Exit code 3 when something is left to do by hand, each said on stderr."""
    left = list(open_points)
    for point in left:
        click.echo(f"- {point}", err=True)
    ctx.exit(MUST_CHANGE if left else 0)
