"""Where everything that is compared runs: the peers at the versions pinned in peers/requirements.txt, linkmw from here.

One environment, so that all of them have the same server, framework and Redis client beneath.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from tests.apps.environment import Environment, install, once, run
from tests.versions import uv

from linkmw.demo.parts import cache

ROOT = Path(__file__).resolve().parents[1]
OUT = Path(__file__).parent / ".out"
PINS = Path(__file__).parent / "peers" / "requirements.txt"
_SOURCES = ("src", "integrations/django", "integrations/flask", "integrations/starlette", ".")


def installed() -> Environment:
    """The environment, from the cache or made."""
    digest = hashlib.sha256(sys.version.encode() + PINS.read_bytes()).hexdigest()[:8]
    environment = Environment(cache.folder() / "bench" / digest)
    with once(environment.folder, "installed") as making:
        if making:
            venv = environment.folder / "venv"
            program = uv()
            made = (
                (program, "venv", "--quiet", "--python", sys.executable) if program else (sys.executable, "-m", "venv")
            )
            run(*made, venv)
            install(environment.python, "--requirement", PINS)
    return environment


def with_linkmw() -> dict[str, str]:
    """What a process there needs to import linkmw and the benchmarks."""
    return {"PYTHONPATH": os.pathsep.join(str(ROOT / source) for source in _SOURCES)}
