"""Writes down what became of the stories: `python -m tests.apps.table` after `make test-apps`.

A row is what the last run found. The row of an application that was not run here stays as it is.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.apps.every import APPLICATIONS
from tests.apps.steps import OUT, STEPS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "applications.md"
_TABLE = re.compile(r"(<!-- table:begin -->\n).*?(?=<!-- table:end -->)", re.DOTALL)
_HEAD = ("application", "framework", "server", "wrapped by", "proof", *STEPS, "on")


def written(page: str, told: dict[str, dict[str, Any]]) -> str:
    """The page with the rows of what was told filled in anew. told: the name of a story → what `Steps.keep` kept."""
    before = {name: line for line in page.splitlines() if (name := _name(line))}
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD))]
    for application in APPLICATIONS:
        name = application.name
        if name in told:
            lines.append(_line(_row(told[name])))
        elif name in before:
            lines.append(before[name])
    table = "\n".join(lines)
    return _TABLE.sub(lambda found: f"{found.group(1)}{table}\n", page)


def _row(told: dict[str, Any]) -> list[str]:
    steps = ["yes" if told["steps"].get(step) else "no" for step in STEPS]
    first = f"{told['application']} (`{told['name']}`)"
    return [first, told["framework"], told["server"], told["wrapped"], told["proof"], *steps, told["on"]]


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _name(line: str) -> str:
    found = re.match(r"\| [^|]*\(`([\w-]+)`\) \|", line)
    return found.group(1) if found else ""


def main() -> None:
    told = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in OUT.glob("*.json")}
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), told), encoding="utf-8")


if __name__ == "__main__":
    main()
