"""The version before this one, from its tag, in an environment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.faults.provider import ROOT

VERSION = "v0.1.0"


def environment(folder: Path) -> Path:
    """Where its programs are, `linkmw` and `python`; made at the first call, with the versions in its own lock."""
    made = folder / VERSION
    if not (made / ".venv" / ".whole").exists():
        made.mkdir(exist_ok=True)
        archive = subprocess.run(["git", "archive", VERSION], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", made], input=archive, check=True)
        subprocess.run([made / ".ci" / "environment", "dev"], check=True, capture_output=True)
        (made / ".venv" / ".whole").touch()
    return made / ".venv" / "bin"
