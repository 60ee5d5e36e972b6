"""What an installation of linkmw consists of, by uv.lock, and under which licence each part is.

`python -m tests.supply.parts --write` writes the table in docs/supply-chain.md.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCK, PAGE = ROOT / "uv.lock", ROOT / "docs" / "supply-chain.md"
EXTRAS = ("hub", "postgres", "django", "flask", "starlette", "metrics")  # the demo runs nowhere else

ALLOWED = frozenset(
    ("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "Unlicense")
)
# Copyleft that reaches no further than the part itself: used unchanged, imported, replaceable by whoever runs it.
ALLOWED_FOR = {"jwcrypto": "LGPL-3.0-or-later", "psycopg": "LGPL-3.0-only", "psycopg-binary": "LGPL-3.0-only"}

# Of other systems and Pythons than this one, so that there is no metadata to ask.
_ELSEWHERE = {"async-timeout": "Apache-2.0", "httpx2-jsfetch": "BSD-3-Clause"}
# What stood in metadata before there were expressions (PEP 639).
_OLD_WORDS = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A package. needed_by: "linkmw" for the base install, else the extras that bring it."""

    name: str
    version: str
    licence: str
    needed_by: tuple[str, ...]


@cache
def locked() -> dict[str, list[dict[str, Any]]]:
    """Name → what the lock says of it, once for each version."""
    found: dict[str, list[dict[str, Any]]] = {}
    for package in tomllib.loads(LOCK.read_text(encoding="utf-8"))["package"]:
        found.setdefault(package["name"], []).append(package)
    return found


def _closure(dependencies: Iterable[Mapping[str, Any]]) -> set[str]:
    """The names of all that these need, directly or not."""
    found: set[str] = set()
    waiting = [(one["name"], tuple(one.get("extra", ()))) for one in dependencies]
    while waiting:
        name, extras = waiting.pop()
        if name in found and not extras:
            continue
        found.add(name)
        for package in locked()[name]:
            more = [*package.get("dependencies", ())]
            more += [one for extra in extras for one in package.get("optional-dependencies", {}).get(extra, ())]
            waiting += [(one["name"], tuple(one.get("extra", ()))) for one in more if one["name"] not in found]
    return found


@cache
def parts() -> list[Part]:
    """All of them, by name."""
    (own,) = locked()["linkmw"]
    base = _closure(own["dependencies"])
    by_extra = {extra: _closure(own["optional-dependencies"][extra]) - base for extra in EXTRAS}
    needed = dict.fromkeys(base, ("linkmw",))
    for name in set().union(*by_extra.values()):
        needed[name] = tuple(extra for extra in EXTRAS if name in by_extra[extra])
    return [
        Part(name, package["version"], licence(name), needed[name])
        for name in sorted(needed)
        for package in locked()[name]
    ]


def licence(name: str) -> str:
    """The SPDX expression; "" for one that says nothing we can read."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return _ELSEWHERE.get(name, "")
    classifiers = [one.rpartition("::")[2].strip() for one in said.get_all("Classifier") or [] if "License ::" in one]
    for word in (said.get("License-Expression"), said.get("License"), *classifiers):
        if word and (known := _OLD_WORDS.get(word, word)) and _terms(known) <= {*ALLOWED, *ALLOWED_FOR.values()}:
            return known
    return ""


def _terms(expression: str) -> set[str]:
    return {term.strip("() ") for term in re.split(r" (?:AND|OR) ", expression)}


def is_allowed(part: Part) -> bool:
    terms = _terms(part.licence)
    return bool(part.licence) and terms <= {*ALLOWED, ALLOWED_FOR.get(part.name, "")}


def table() -> str:
    return "\n".join(("| package | version | licence | comes with |", "|---|---|---|---|", *_rows())) + "\n"


def _rows() -> Iterator[str]:
    for part in parts():
        yield f"| {part.name} | {part.version} | {part.licence} | {', '.join(part.needed_by)} |"


def written(page: str) -> str:
    block = re.compile(r"(<!-- parts:begin -->\n).*(<!-- parts:end -->)", re.DOTALL)
    return block.sub(lambda found: found.group(1) + table() + found.group(2), page)


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        sys.stdout.write(table())
