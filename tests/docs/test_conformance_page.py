"""docs/conformance.md says what the tests say, and names no test that is not there."""

from __future__ import annotations

import pytest
from tests.docs import conformance_page, id_map

PAGES = ("conformance.md", "supply-chain.md")


def test_every_module_of_the_suite_is_played_and_no_other() -> None:
    listed = [module for modules in conformance_page.PLANS.values() for module in modules]
    assert sorted(conformance_page.tests()) == sorted(listed)
    assert len(listed) == len(set(listed)) == 30


def test_the_table_is_current() -> None:
    page = conformance_page.PAGE.read_text(encoding="utf-8")
    assert conformance_page.written(page) == page, "run: python tests/docs/conformance_page.py --write"


@pytest.mark.parametrize("name", PAGES)
def test_every_test_that_is_named_is_there(name: str) -> None:
    named = conformance_page.tests_named((id_map.ROOT / "docs" / name).read_text(encoding="utf-8"))
    assert named
    for path, _, function in (one.partition("::") for one in named):
        assert f"def {function}(" in (id_map.ROOT / "tests" / path).read_text(encoding="utf-8"), f"{path}::{function}"
