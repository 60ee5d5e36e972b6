"""Every fenced block of the README and of docs, and who runs it: a page's blocks of one kind have one runner."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
_FENCE = re.compile(r"^(?P<in> *)```(?P<kind>[^\n`]*)\n(?P<text>.*?)^(?P=in)```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)$|^\*\*([^*]+)\*\*", re.MULTILINE)

# What is read and not run: what somebody sees, and drawings.
READ = frozenset(("text", "mermaid"))
# What is run elsewhere than in test_blocks.py: there a test takes it from the page, each block of that kind.
ELSEWHERE = {
    ("README.md", "python"): "tests/docs/test_readme.py",
    ("docs/standard-clients.md", "python"): "tests/e2e/standard_clients.py",
    ("docs/adapters.md", "js"): "tests/e2e/test_browsers_and_products.py",
    ("docs/operating.md", "toml"): "tests/docs/test_operating_page.py",
    ("docs/deploying.md", "sh"): "tests/deploy/test_deploy_files.py",
    ("docs/wrapping.md", "ini"): "tests/adapters/test_outside_remote_user.py",
    ("docs/first-hour.md", "sh"): "tests/demo/test_demo.py",
    ("docs/applications.md", "sh"): "tests/apps/page.py",
    ("docs/applications.md", "python"): "tests/apps/page.py",
}


@dataclass(frozen=True, slots=True)
class Block:
    """page: below the project. line: where it begins. under: the nearest heading, or bold words that begin a line."""

    page: str
    line: int
    kind: str
    text: str
    under: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line} ({self.kind})"


def blocks_of(path: Path) -> Iterator[Block]:
    whole = path.read_text(encoding="utf-8")
    for found in _FENCE.finditer(whole):
        before = whole[: found.start()]
        headings = [one or other for one, other in _HEADING.findall(before)]
        yield Block(
            str(path.relative_to(ROOT)),
            before.count("\n") + 1,
            found["kind"],
            dedent(found["text"]),
            headings[-1] if headings else "",
        )


ALL = tuple(block for path in PAGES for block in blocks_of(path))


def of(page: str, kind: str) -> list[Block]:
    """The page's blocks of this kind, in their order; there is one at least."""
    found = [block for block in ALL if (block.page, block.kind) == (page, kind)]
    assert found, f"{page} has no {kind}"
    return found
