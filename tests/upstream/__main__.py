"""`make test-upstream [SUITES="flask django"] [WRITE=1]`: the frameworks' own tests, bare and with linkmw around them.

Each suite comes from its source distribution and runs in an environment of its own, kept in the cache folder: bare,
then with linkmw put around the applications under test, enabled and disabled. What passes, fails or is skipped has to
be the same, test by test. WRITE: the results become the table of docs/harmless.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.upstream.suites import SUITES, Known, Suite
from tests.versions import uv

from linkmw.demo.parts import cache

ROOT = Path(__file__).resolve().parents[2]
INSIDE = ROOT / "tests" / "upstream" / "inside"
SOURCES = (INSIDE, ROOT / "src", *(ROOT / "integrations" / name for name in ("django", "flask", "starlette")))
OUT = ROOT / "tests" / ".out"
PAGE = ROOT / "docs" / "harmless.md"
BEGIN, END = "<!-- upstream: begin -->", "<!-- upstream: end -->"
SECONDS = 1800
# Python reads this as it starts: with the variable set, linkmw is on its path, last, and goes around the applications.
HOOK = (
    "import os, sys; 'LINKMW_UPSTREAM' in os.environ and "
    "(sys.path.extend(os.environ['LINKMW_UPSTREAM_PATH'].split(os.pathsep)), __import__('linkmw_wrapping'))\n"
)
COMPLETE = {
    "LINKMW_HUB_URL": "https://id.example",
    "LINKMW_PUBLIC_URL": "https://product.example",
    "LINKMW_ORGANIZATION_ID": "acme",
    "LINKMW_CLIENT_ID": "product",
    "LINKMW_CLIENT_SECRET": "s" * 43,
    "LINKMW_REDIS_URL": "redis://127.0.0.1:1",  # nobody there: a request that asks it is one that should not
    "LINKMW_LOGIN_PATHS": "/no-page-of-any-test",
}
SWITCHED = {"enabled": {**COMPLETE, "LINKMW_ENABLED": "on"}, "disabled": {**COMPLETE, "LINKMW_ENABLED": "off"}}

Outcomes = dict[str, str]


class Failed(Exception):
    """A suite could not be run at all. The message is what was printed."""


@dataclass(frozen=True)
class Run:
    """One run of a suite: how linkmw was put around it ("" for not at all), switched how, and what each test did."""

    way: str
    switched: str
    outcomes: Outcomes
    seconds: float
    through: int = 0  # how many requests (Django's adapter: handlers) went through linkmw

    @property
    def counted(self) -> str:
        found = Counter(self.outcomes.values())
        return ", ".join(f"{found[kind]:,} {kind}" for kind in ("passed", "failed", "skipped") if found[kind])


Kept = tuple[str, list[Run]]


def _run(
    *command: str | Path, where: Path = ROOT, more: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("LINKMW_", "PYTEST_", "DJANGO_"))}
    return subprocess.run(
        command,
        cwd=where,
        env={**bare, **(more or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def _must(*command: str | Path, where: Path = ROOT) -> None:
    done = _run(*command, where=where)
    if done.returncode:
        raise Failed(done.stdout)


def environment(suite: Suite) -> Path:
    """The folder with this suite's environment, `bin/`, and its tests, `source/`: from the cache, or made."""
    own = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    wanted = (suite.requirement, *suite.needs, *own)
    key = hashlib.sha256("\n".join((*wanted, sys.version, HOOK)).encode()).hexdigest()[:12]

    def make(folder: Path) -> None:
        program = uv()
        _must(
            *((program, "venv", "--quiet", "--python", sys.executable) if program else (sys.executable, "-m", "venv")),
            folder,
        )
        python = folder / "bin" / "python"
        pip = (
            (program, "pip", "install", "--quiet", "--python", python)
            if program
            else (python, "-m", "pip", "install", "--quiet")
        )
        _must(*pip, *wanted)
        [packages] = folder.glob("lib/python*/site-packages")
        (packages / "linkmw-upstream.pth").write_text(HOOK, encoding="utf-8")
        downloading = ("download", "--quiet", "--no-deps", "--no-binary", suite.package, "--dest", folder)
        _must(sys.executable, "-m", "pip", *downloading, suite.requirement)
        [archive] = folder.glob("*.tar.gz")
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")
        [source] = (found.parent for found in folder.glob("*/tests"))
        source.rename(folder / "source")

    return cache.tree(f"upstream-{suite.package.lower()}-{suite.version}-{key}", make)


def run(suite: Suite, folder: Path, way: str = "", switched: str = "") -> Run:
    """One run, and what each test did. Raises Failed when it did not even begin."""
    with tempfile.TemporaryDirectory() as scratch:
        results, counts = Path(scratch) / "results", Path(scratch) / "counts"
        counts.mkdir()
        more = {"LINKMW_UPSTREAM_RESULTS": str(results), "HOME": scratch}
        if way:
            path = os.pathsep.join(map(str, SOURCES))
            own = {"LINKMW_UPSTREAM_PATH": path, "LINKMW_UPSTREAM_COUNTS": str(counts)}
            more |= {"LINKMW_UPSTREAM": f"{suite.wrapped} {way}", **own, **SWITCHED[switched]}
        began = time.monotonic()
        done = (_django if suite.labels else _pytest)(suite, folder, results, Path(scratch), more)
        seconds = time.monotonic() - began
        if not results.exists():
            raise Failed(done.stdout)
        outcomes = json.loads(results.read_text()) if suite.labels else dict(_junit(results))
        through = sum(int(count.read_text()) for count in counts.iterdir())
    OUT.mkdir(exist_ok=True)
    log = OUT / f"upstream-{suite.package.lower()}-{way or 'bare'}-{switched or 'bare'}.log"
    log.write_text(done.stdout, encoding="utf-8")
    return Run(way, switched, outcomes, seconds, through)


def _django(
    suite: Suite, folder: Path, results: Path, scratch: Path, more: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    options = ("--settings=results_sqlite", "--parallel=1", "--noinput", "--verbosity=1")
    path = os.pathsep.join((str(folder / "source" / "tests"), str(INSIDE)))
    python = folder / "bin" / "python"
    own = {"PYTHONPATH": path, "TMPDIR": str(scratch)}
    return _run(python, "runtests.py", *options, *suite.labels, where=folder / "source" / "tests", more={**more, **own})


def _pytest(
    suite: Suite, folder: Path, results: Path, scratch: Path, more: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    options = ("-q", "-p", "no:cacheprovider", f"--junitxml={results}", f"--basetemp={scratch / 'tests'}")
    return _run(folder / "bin" / "python", "-m", "pytest", *options, "tests", where=folder / "source", more=more)


def _junit(results: Path) -> Iterator[tuple[str, str]]:
    for case in ET.parse(results).iter("testcase"):
        found = {child.tag for child in case}
        outcome = "failed" if found & {"failure", "error"} else "skipped" if "skipped" in found else "passed"
        yield f"{case.get('classname')}.{case.get('name')}", outcome


def different(bare: Outcomes, wrapped: Outcomes, known: Mapping[str, str]) -> list[str]:
    """Every test that did something else, or that one of the runs does not have; and a known one that did not."""
    names = sorted({*bare, *wrapped})
    told = ((name, bare.get(name, "not there"), wrapped.get(name, "not there")) for name in names)
    return [
        f"{name}: {before}, wrapped {after}{', which is known to differ' if before == after else ''}"
        for name, before, after in told
        if (before != after) is not (name in known)
    ]


def try_out(suite: Suite) -> list[Run]:
    """The untouched run, and each wrapped one."""
    folder = environment(suite)
    runs = [run(suite, folder)]
    runs += [run(suite, folder, way, switched) for way in suite.ways for switched in SWITCHED]
    return runs


def _tell(suite: Suite, runs: list[Run]) -> bool:
    bare, *wrapped = runs
    print(f"{suite.requirement}: {bare.counted} ({bare.seconds:.0f} s)", flush=True)
    same = True
    for one in wrapped:
        found = different(bare.outcomes, one.outcomes, suite.known_of(one.way, one.switched))
        same = same and not found and one.through > 0
        said = "the same" if not found else f"{len(found)} differ"
        print(
            f"  {one.way}, {one.switched}: {said}; {one.through:,} went through linkmw ({one.seconds:.0f} s)",
            flush=True,
        )
        for line in found:
            print(f"    {line}", flush=True)
    return same


def table(found: dict[str, Kept]) -> str:
    """The rows of docs/harmless.md, and what is known to differ."""
    ways = (f"{way}, {switched}" for way in ("from outside", "adapter") for switched in SWITCHED)
    rows = [f"| tests of | run on | bare | {' | '.join(ways)} |", "|---|---|---|---|---|---|---|"]
    for name, (day, (bare, *wrapped)) in found.items():
        suite, cells = SUITES[name], {(one.way, one.switched): one for one in wrapped}
        keys = ((way, switched) for way in ("outside", "adapter") for switched in SWITCHED)
        row = [
            f"{suite.package} {suite.version}",
            day,
            bare.counted,
            *(_cell(suite, bare, cells.get(key)) for key in keys),
        ]
        rows.append(f"| {' | '.join(row)} |")
    told = [_known(SUITES[name], one) for name in found for one in SUITES[name].known]
    return "\n".join(rows) + "\n\nWhat is known to differ:\n\n" + "\n".join(told)


def _known(suite: Suite, one: Known) -> str:
    names = ", ".join(f"`{test.rpartition('.')[2]}`" for test in one.tests)
    return f"- {suite.package}, adapter{', disabled' if one.switched else ''}: {names}; {one.why}."


def _cell(suite: Suite, bare: Run, wrapped: Run | None) -> str:
    if wrapped is None:
        return "n/a"
    known = suite.known_of(wrapped.way, wrapped.switched)
    found = different(bare.outcomes, wrapped.outcomes, known)
    said = f"{len(found)} differ" if found else f"the same but {len(known)}" if known else "the same"
    return f"{said} ({wrapped.through:,})"


def _keep(name: str, runs: list[Run]) -> None:
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    (OUT / f"upstream-{name}.json").write_text(json.dumps([day, [asdict(one) for one in runs]]), encoding="utf-8")


def _kept(name: str) -> Kept | None:
    """The last runs of a suite here, and the day they ended."""
    file = OUT / f"upstream-{name}.json"
    if not file.exists():
        return None
    day, runs = json.loads(file.read_text(encoding="utf-8"))
    return day, [Run(**one) for one in runs]


def _write() -> None:
    found = {name: kept for name in SUITES if (kept := _kept(name)) is not None}
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table(found)}\n{END}{after}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make test-upstream", description=__doc__)
    parser.add_argument("suites", nargs="*", default=list(SUITES), help=", ".join(SUITES))
    parser.add_argument("--write", action="store_true", help="the results become the table of docs/harmless.md")
    parser.add_argument("--at-once", type=int, default=1, help="how many suites run side by side")
    asked = parser.parse_args()
    if unknown := [name for name in asked.suites if name not in SUITES]:
        parser.error(f"no such suite: {', '.join(unknown)}")
    with ThreadPoolExecutor(asked.at_once) as pool:
        runs = pool.map(lambda name: try_out(SUITES[name]), asked.suites)
        same = True
        for name, found in zip(asked.suites, runs, strict=True):
            _keep(name, found)
            same = _tell(SUITES[name], found) and same
    if asked.write:
        _write()
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
