"""How linkmw gets into an application that nobody here wrote."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tests.apps.environment import ROOT, Environment, install


def put(environment: Environment, folder: Path) -> Path:
    """linkmw's own wheel and what it needs, in a folder beside the application's environment, for its Python."""
    install(environment.python, "--target", folder, f"linkmw @ {ROOT.as_uri()}")
    return folder


def wrapped(python: Path, linkmw: Path, command: list[str], env: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The command under `linkmw run`, from that folder by environment alone: a container's mounted folder."""
    path = os.pathsep.join(filter(None, (str(linkmw), env.get("PYTHONPATH"))))
    return [str(python), "-m", "linkmw", "run", "--", *command], {**env, "PYTHONPATH": path}
