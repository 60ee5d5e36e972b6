"""docs/commands.md names every command there is, with every option."""

from __future__ import annotations

import runpy
from pathlib import Path

WRITTEN = runpy.run_path(str(Path(__file__).with_name("commands_page.py")))


def test_commands_page_is_up_to_date() -> None:
    found = WRITTEN["PAGE"].read_text(encoding="utf-8")
    assert found == WRITTEN["page"](), "run: python tests/docs/commands_page.py --write"


def test_every_command_and_option_is_on_the_page() -> None:
    text = WRITTEN["PAGE"].read_text(encoding="utf-8")
    for words, command in WRITTEN["commands"](WRITTEN["main"]):
        section = text.partition(f"\n## {' '.join(words)}\n")[2].partition("\n## ")[0]
        assert section, f"{' '.join(words)} is on no page"
        for option in command.params:
            names = [name for name in option.opts if name.startswith("--")]
            assert all(f"`{name}`" in section for name in names), f"{names} of {' '.join(words)}"
        assert command.help, f"{' '.join(words)} says nothing of itself"
