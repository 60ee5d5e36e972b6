"""The lines that docs/applications.md shows for an application: the story is told on exactly those."""

from __future__ import annotations

import re
import shlex

from tests.apps.environment import ROOT


def block(name: str, kind: str) -> str:
    """What stands in the one block of this kind behind `<!-- NAME:begin -->`."""
    text = (ROOT / "docs" / "applications.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- {name}:begin -->\n```{kind}\n(.*?)```\n<!-- {name}:end -->", text, re.DOTALL)
    assert found, f"docs/applications.md has no {name}"
    return found.group(1)


def settings(name: str) -> dict[str, str]:
    """The lines of the environment there."""
    pairs = (word.partition("=") for word in shlex.split(block(name, "sh"), comments=True))
    return {key: value for key, _, value in pairs}
