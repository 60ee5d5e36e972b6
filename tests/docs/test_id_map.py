"""The maps of what is done agree with the tests, both ways."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("id_map", Path(__file__).with_name("id_map.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


id_map = _load()


def test_every_id_named_by_a_test_is_on_a_page() -> None:
    known = {identifier for page in id_map.PAGES for identifier in id_map.rows(page)}
    assert set(id_map.tests_by_id()) - known == set()


@pytest.mark.parametrize("page", id_map.PAGES, ids=lambda page: page.name)
def test_page_lists_exactly_the_tests_there_are(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == id_map.written(page, id_map.tests_by_id()), (
        "run: python tests/docs/id_map.py --write"
    )


def test_ids_are_read_from_the_start_of_a_name_only() -> None:
    assert id_map.ids_in("test_mim08_p02_refused_for_sha256") == ["MIM-8", "P-2"]
    assert id_map.ids_in("test_sc02_sc03_cookie") == ["SC02", "SC03"]
    assert id_map.ids_in("test_a_page_p02") == []
