"""How linkmw gets into an application that nobody here wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.apps.application import Application
from tests.apps.environment import Environment, install

ROOT = Path(__file__).resolve().parents[2]


def put(environment: Environment, folder: Path) -> Path:
    """linkmw's own wheel and what it needs, in a folder beside the application's environment, for its Python."""
    install(environment.python, "--target", folder, f"linkmw @ {ROOT.as_uri()}")
    return folder


def wrapped(
    application: Application, linkmw: Path, command: list[str], env: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command and environment that start the application with linkmw in it."""
    raise NotImplementedError
