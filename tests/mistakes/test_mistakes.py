"""The catalogue of mistakes fits the source and the tests of today; `make mistakes` puts them in."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.docs.id_map import ROOT, rows
from tests.mistakes.__main__ import BEGIN, END, PAGE, put_in, table
from tests.mistakes.catalogue import MISTAKES, Edit


def test_each_mistake_can_be_put_in() -> None:
    for mistake in MISTAKES:
        for edit in mistake.edits:
            text = (ROOT / "src" / "linkmw" / edit.path).read_text(encoding="utf-8")
            assert text.count(edit.sound) == 1, f"{mistake.what}: {edit.path} says something else by now"
            ast.parse(text.replace(edit.sound, edit.wrong))


def test_each_test_that_is_to_notice_is_there() -> None:
    named = {test.partition("::")[::2] for mistake in MISTAKES for test in mistake.tests}
    for path in {path for path, _ in named}:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert {test for other, test in named if other == path} <= there, path


def test_each_mistake_is_one_of_the_catalogue_of_attacks() -> None:
    assert {one for mistake in MISTAKES for one in mistake.ids.split()} <= set(rows(ROOT / "docs" / "security.md"))


def test_the_page_shows_them_all() -> None:
    shown = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()
    day = shown.removeprefix("On ")[:10]
    assert shown == table(day), "put them in once more: make mistakes WRITE=1"


def test_source_that_says_something_else_by_now_is_told(tmp_path: Path) -> None:
    module = tmp_path / "src" / "linkmw" / "module.py"
    module.parent.mkdir(parents=True)
    module.write_text("return True\nreturn True\n")
    for sound in ("return False", "return True"):
        with pytest.raises(ValueError, match="times, and not once"):
            put_in(tmp_path, Edit("module.py", sound, "return None"))
    assert module.read_text() == "return True\nreturn True\n"
