"""Keeps the maps id → test in docs in step with the tests: `python tests/docs/id_map.py [--write]`.

A test names the ids it shows at the start of its name: `test_mim08_…`, `test_fc02_fc03_…`. Ids of the requirements are
written `MIM-8` there, those of the security catalogue `FC02`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = tuple(ROOT / "docs" / name for name in ("requirements.md", "security.md", "performance.md"))
REQUIREMENTS = ("p", "mim", "dis", "ake", "ops")
_ID = re.compile(r"([a-z]{1,3})(\d{1,2})\Z")
_ROW = re.compile(r"\| ([A-Z]{1,3}-?\d{1,2}) \| (.*) \| ([^|]*) \|\Z")
NOT_YET = "not yet"


def ids_in(name: str) -> list[str]:
    """The ids a test's name begins with: `test_mim08_ls_…` → ["MIM-8"]."""
    found = []
    for word in name.removeprefix("test_").split("_"):
        match = _ID.match(word)
        if match is None:
            break
        family, number = match.group(1), int(match.group(2))
        found.append(f"{family.upper()}-{number}" if family in REQUIREMENTS else f"{family.upper()}{number:02}")
    return found


def tests_by_id() -> dict[str, list[str]]:
    """Every id that a test names → the tests, as `path::name`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for identifier in ids_in(node.name):
                    found[identifier].append(f"{path.relative_to(ROOT / 'tests')}::{node.name}")
    return found


def rows(page: Path) -> dict[str, str]:
    """Every id of a page → what its last column says."""
    matches = (_ROW.match(line) for line in page.read_text(encoding="utf-8").splitlines())
    return {match.group(1): match.group(3) for match in matches if match}


def cell(tests: list[str]) -> str:
    return "<br>".join(f"`{test}`" for test in sorted(set(tests))) or NOT_YET


def written(page: Path, tests: dict[str, list[str]]) -> str:
    """The page with its last column filled in anew; a reason why an id cannot apply ("n/a: …") stays."""
    lines = []
    for line in page.read_text(encoding="utf-8").splitlines():
        match = _ROW.match(line)
        if match and not match.group(3).startswith("n/a: "):
            line = f"| {match.group(1)} | {match.group(2)} | {cell(tests.get(match.group(1), []))} |"
        lines.append(line)
    return "\n".join(lines) + "\n"


def main() -> int:
    tests = tests_by_id()
    known = {identifier for page in PAGES for identifier in rows(page)}
    unknown = sorted(set(tests) - known)
    for identifier in unknown:
        print(f"{identifier} is on neither page, but named by {', '.join(tests[identifier])}", file=sys.stderr)
    for page in PAGES:
        new = written(page, tests)
        if "--write" in sys.argv:
            page.write_text(new, encoding="utf-8")
        found = rows(page)
        left = sum(state == NOT_YET for state in found.values())
        print(f"{page.name}: {len(found) - left} of {len(found)} ids have a test")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
