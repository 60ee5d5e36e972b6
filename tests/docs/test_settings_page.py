"""docs/settings.md names every setting there is, with its default."""

from __future__ import annotations

import runpy
from pathlib import Path


def test_settings_page_is_up_to_date() -> None:
    written = runpy.run_path(str(Path(__file__).with_name("settings_page.py")))
    assert written["PAGE"].read_text(encoding="utf-8") == written["page"](), "run: python tests/docs/settings_page.py"
