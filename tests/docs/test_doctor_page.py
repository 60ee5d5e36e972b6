"""docs/doctor.md has every check there is, and every check that the code makes is one of them."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

from linkmw.cli.doctor import catalogue
from linkmw.cli.doctor.findings import Check

FOLDER = Path(catalogue.__file__).parent


def declared() -> dict[str, Check]:
    return {name: value for name, value in vars(catalogue).items() if isinstance(value, Check)}


def used() -> set[str]:
    """Every `checks.NAME` of the modules that look."""
    trees = [ast.parse(path.read_text("utf-8")) for path in FOLDER.glob("*.py")]
    return {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "checks"
    }


def test_the_page_is_up_to_date() -> None:
    written = runpy.run_path(str(Path(__file__).with_name("doctor_page.py")))
    assert written["PAGE"].read_text(encoding="utf-8") == written["page"](), "run: python tests/docs/doctor_page.py"


def test_ops01_every_check_is_on_the_page_and_made_somewhere() -> None:
    listed = {check.name for check in (*catalogue.IN_A_PRODUCT, *catalogue.AT_THE_HUB)}
    assert {check.name for check in declared().values()} == listed
    assert used() == set(declared())
    names = [check.name for check in declared().values()]
    assert len(names) == len(set(names))
