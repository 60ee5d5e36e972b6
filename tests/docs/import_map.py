"""Draws the import map and the hub's steps into the pages: `python tests/docs/import_map.py [--write]`."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from linkmw.hub import steps
from linkmw.hub.ports import Step

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "linkmw"
PAGE = ROOT / "docs" / "architecture.md"
HOW_IT_WORKS = ROOT / "docs" / "how-it-works.md"
FOLDERS = ("oidc", "gate", "hub", "outside", "pages", "stores", "cli", "testing", "demo")
WORDS = (
    *("model", "http", "errors", "log", "metrics", "run", "redirects", "reference", "secret", "settings"),
    *("setting_sources", "setting_values", "switch", "tracing", "whence"),
)


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            if node.module.startswith("linkmw"):
                yield from (f"{node.module}.{name.name}" for name in node.names)


def all_imports() -> dict[str, set[str]]:
    """Module of ours → what it imports."""
    return {module_of(path): set(imports_of(path)) for path in sorted(SOURCE.rglob("*.py"))}


def part_of(module: str) -> str | None:
    """The part of the house a module of ours belongs to; None for anything else."""
    names = module.split(".")
    if names[0] != "linkmw" or len(names) < 2:
        return None
    if names[1] in FOLDERS:
        return f"{names[1]}/"
    return "words" if names[1] in WORDS else names[1]


def edges() -> dict[str, set[str]]:
    """Part → the other parts it imports."""
    found: dict[str, set[str]] = defaultdict(set)
    for module, imported in all_imports().items():
        part = part_of(module)
        if part:
            found[part] |= {other for name in imported if (other := part_of(name)) and other != part}
    return found


def drawn() -> str:
    rows = [
        f"{part:<10} imports  {', '.join(sorted(others)) or 'nothing of ours'}"
        for part, others in sorted(edges().items())
    ]
    return "```text\n" + "\n".join(rows) + "\n```\n"


def steps_drawn(*of: frozenset[Step]) -> str:
    return f"```mermaid\n{steps.diagram(*of).strip()}\n```\n"


def ways_drawn(text: str) -> str:
    """The page with each way's own part of the steps."""
    text = _between("button", steps_drawn(steps.BY_THE_BUTTON), text)
    return _between("first", steps_drawn(steps.FIRST_SIGN_IN), text)


def _between(name: str, drawing: str, text: str) -> str:
    block = re.compile(rf"(<!-- {name}:begin -->\n).*(<!-- {name}:end -->)", re.DOTALL)
    return block.sub(lambda match: match.group(1) + drawing + match.group(2), text)


def main() -> int:
    text = PAGE.read_text(encoding="utf-8")
    new = _between("imports", drawn(), _between("steps", steps_drawn(), text))
    if "--write" in sys.argv:
        PAGE.write_text(new, encoding="utf-8")
        HOW_IT_WORKS.write_text(ways_drawn(HOW_IT_WORKS.read_text(encoding="utf-8")), encoding="utf-8")
    print(drawn())
    return 0


if __name__ == "__main__":
    sys.exit(main())
