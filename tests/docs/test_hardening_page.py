"""docs/hardening.md names every target there is."""

from __future__ import annotations

import re

from tests.docs.id_map import ROOT
from tests.fuzz import corpus


def test_every_fuzz_target_is_named() -> None:
    page = (ROOT / "docs" / "hardening.md").read_text(encoding="utf-8")
    listed = page.partition("<!-- targets:begin -->")[2].partition("<!-- targets:end -->")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == {path.stem for path in corpus.FOLDER.iterdir()}
