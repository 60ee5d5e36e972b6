"""Tests run on a changed copy of the source, each time in a fork that has the libraries loaded already."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_SOURCES = ("src", "integrations/django", "integrations/flask", "integrations/starlette", ".")
_LIBRARIES = (
    *("pytest", "pytest_timeout", "hypothesis.strategies", "cryptography.hazmat.primitives.asymmetric.rsa", "jose.jws"),
    *("httpx2", "redis.asyncio", "jinja2", "click", "pyotp", "starlette.testclient", "sqlalchemy", "flask", "django"),
)


@dataclass(frozen=True, slots=True)
class Ran:
    """passed: all of them. failed: those that failed by their own doing and not in a fixture, as `path::name`."""

    passed: bool = False
    failed: frozenset[str] = frozenset()


def load_libraries() -> None:
    """Once, before the first run. None of them loads a module of ours."""
    for library in _LIBRARIES:
        import_module(library)


def copied(folder: Path) -> Path:
    """A copy of the whole tree in there, to change."""
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "screens", "dist", "__pycache__"))
    return tree


def run_in(tree: Path, arguments: Sequence[str], seconds: int) -> Ran:
    """What became of the tests that pytest is told to run there. A run that takes longer has not passed."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _run(tree, arguments, seconds, writer)
    os.close(writer)
    with os.fdopen(reader) as told:
        words = told.read()
    os.waitpid(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # servers of a run that was cut short
    return Ran(json.loads(words)["code"] == 0, frozenset(json.loads(words)["failed"])) if words else Ran()


class _Failed:
    """A plugin of pytest's."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and report.when == "call":
            self.names.add(report.nodeid.partition("[")[0])


def _run(tree: Path, arguments: Sequence[str], seconds: int, writer: int) -> None:
    """In the child: never returns."""
    os.setsid()
    signal.alarm(seconds)
    # pytest-timeout takes the alarm over, and a number that grows without end answers no signal of Python's.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.chdir(tree)
    sys.dont_write_bytecode = True
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.path[:0] = [str(tree / source) for source in _SOURCES]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]  # those of the copy are meant
    import pytest

    failed = _Failed()
    try:
        known = "-Wignore::pytest.PytestAssertRewriteWarning"  # of plugins that are loaded already
        plain = ("-q", known, "-p", "pytest_timeout", "-p", "no:cacheprovider", f"--basetemp={tree.parent / 'tmp'}")
        code = pytest.main([*plain, *arguments], plugins=[failed])
        os.write(writer, json.dumps({"code": int(code), "failed": sorted(failed.names)}).encode())
    finally:
        os._exit(0)
