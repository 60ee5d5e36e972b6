"""The settings in force, and where each comes from; secrets starred out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from linkmw.hub.settings import HubSettings
from linkmw.secret import Secret, starred
from linkmw.setting_sources import names_of
from linkmw.settings import Settings

_USER = re.compile(r"//[^/@]*@")


def shown(
    settings: Settings | HubSettings, environ: Mapping[str, str], *others: tuple[str, Mapping[str, Any]]
) -> list[str]:
    """A line for each setting that is not its default. others: further sources with their names, the first wins."""
    names = names_of(type(settings))
    found = []
    for item in fields(settings):
        value = getattr(settings, item.name)
        if item.name in names and (source := _source(names[item.name], item.name, environ, others)):
            told = tuple(host for host, _ in value) if item.name == "hosts" else value
            found.append(f"{names[item.name]} = {_masked(told, secret=bool(item.metadata['secret']))} ({source})")
    return found


def _source(
    name: str, field: str, environ: Mapping[str, str], others: tuple[tuple[str, Mapping[str, Any]], ...]
) -> str:
    """Where a setting comes from; "" for its default."""
    if name in environ:
        return "environment"
    if f"{name}_FILE" in environ:
        return f"the file that {name}_FILE names"
    return next((source for source, values in others if field in {key.lower() for key in values}), "")


def _masked(value: object, *, secret: bool) -> str:
    if isinstance(value, Secret):
        return starred(value)
    if isinstance(value, tuple):
        return ",".join(str(one) for one in value)
    return _USER.sub("//***@", str(value)).partition("?")[0] if secret else str(value)
