"""Environments of applications: the pinned versions, installed once and kept in the cache beside Keycloak.

An environment stays where it was made, since its scripts name their Python by its whole path; so it is made under a
lock, and a file in it says that it is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.versions import pythons, uv

from linkmw.demo.parts import cache
from linkmw.demo.parts.processes import child_environment

ROOT = Path(__file__).resolve().parents[2]
PINS = Path(__file__).parent / "pins"
SECONDS = 900


@dataclass(frozen=True)
class Environment:
    """A virtual environment. folder: its own, in the cache; what else is made once for it goes beside `venv`."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.program("python")

    @property
    def packages(self) -> Path:
        """Its `site-packages`."""
        [found] = (self.folder / "venv" / "lib").glob("python3.*/site-packages")
        return found

    def program(self, name: str) -> Path:
        return self.folder / "venv" / "bin" / name

    def version(self, package: str) -> str:
        """As the package itself says, in this environment."""
        return run(
            self.python, "-c", "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))", package
        ).strip()


def installed(name: str, version: str) -> Environment:
    """The environment of `pins/NAME.txt` under this version of Python, from the cache or made."""
    pins = PINS / f"{name}.txt"
    digest = hashlib.sha256(version.encode() + pins.read_bytes()).hexdigest()[:8]
    environment = Environment(cache.folder() / "apps" / f"{name}-{digest}")
    with once(environment.folder, "installed") as making:
        if making:
            venv = environment.folder / "venv"
            at_hand = pythons()
            assert version in at_hand, f"{name} needs Python {version}, which is not at hand"
            # An empty pip is in none of these: uv does the work, and where there is no uv, venv brings pip.
            program = uv()
            if program:
                run(program, "venv", "--quiet", "--python", at_hand[version], venv)
            else:
                run(at_hand[version], "-m", "venv", venv)
            install(environment.python, "--requirement", pins)
    return environment


def install(python: Path, *what: str | Path) -> None:
    """`pip install WHAT` for this Python; by uv where there is one."""
    program = uv()
    pip = (program, "pip", "install", "--python", python) if program else (python, "-m", "pip", "install")
    run(*pip, "--quiet", *what)


@contextmanager
def once(folder: Path, what: str) -> Iterator[bool]:
    """True: make it now, in `folder` or below. False: it is there. Whoever comes meanwhile waits."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    done = folder / f".{what}"
    with folder.with_name(f"{folder.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            yield False
            return
        shutil.rmtree(folder, ignore_errors=True)  # what a killed run left
        folder.mkdir()
        yield True
        done.touch()


def run(
    *command: str | Path | None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    given: str | None = None,
) -> str:
    """What the command printed. given: its standard input. An exit code but 0 fails the test, showing the end of it."""
    words = [os.fspath(word) for word in command if word is not None]
    done = subprocess.run(
        words,
        cwd=cwd,
        input=given,
        env=child_environment(env or {}),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout
