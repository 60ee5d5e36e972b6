"""The oldest Keycloak that linkmw works with (MG02, CF10). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from linkmw.errors import KeycloakTooOld

FLOOR = "26.7.3"  # through older ones accounts were taken over: a mail's action token counted twice
_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})")


def version_in(info: Mapping[str, Any]) -> str:
    """What the server says of itself (Admin REST API, ServerInfoRepresentation).

    "" where it says nothing: today's tell their version to administrators of the whole server alone.
    """
    return str((info.get("systemInfo") or {}).get("version") or "")


def is_release(version: str) -> bool:
    """Does it begin like a release, with three numbers? A nightly build does not, and is not judged."""
    return _VERSION.match(version) is not None


def is_old(version: str) -> bool:
    """Is this release below the floor?"""
    return is_release(version) and _numbers(version) < _numbers(FLOOR)


def check_version(info: Mapping[str, Any]) -> None:
    """Raises KeycloakTooOld for a server that says it is older than FLOOR."""
    said = version_in(info)
    if is_old(said):
        raise KeycloakTooOld(f"Keycloak is {said[:40]}: linkmw needs {FLOOR} or newer, older ones have published holes")


def _numbers(version: str) -> tuple[int, ...]:
    found = _VERSION.match(version)
    return tuple(int(number) for number in found.groups()) if found else ()
