"""Imports point one way, and what may be imported in one place only is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import import_map

from linkmw.hub import steps

STANDARD_ONLY = ("linkmw.asgi", "linkmw.wsgi", "linkmw.http", "linkmw.run", "linkmw.settings", "linkmw.gate.claim")


def importers(name: str) -> set[str]:
    return {
        module
        for module, imported in import_map.all_imports().items()
        if any(other == name or other.startswith(f"{name}.") for other in imported)
    }


def test_the_halves_do_not_import_each_other() -> None:
    edges = import_map.edges()
    assert "hub/" not in edges["gate/"]
    assert "gate/" not in edges["hub/"]


def test_words_import_words_only_and_oidc_imports_words_only() -> None:
    edges = import_map.edges()
    assert edges["words"] <= set()
    assert edges["oidc/"] <= {"words"}


def test_python_jose_and_python_keycloak_have_one_importer_each() -> None:
    assert importers("jose") == {"linkmw.oidc.jose"}
    assert importers("keycloak") == {"linkmw.keycloak.admin"}


def test_stores_are_wired_in_build_and_at_the_edges_only() -> None:
    edge = ("linkmw.stores", "linkmw.cli", "linkmw.demo", "linkmw.testing")
    inner = {module for module in importers("linkmw.stores") if not module.startswith(edge)}
    assert inner <= {"linkmw.gate.build", "linkmw.hub.build"}


@pytest.mark.parametrize("module", STANDARD_ONLY)
def test_importing_the_middleware_loads_the_standard_library_only(module: str) -> None:
    program = (
        f"import sys; before = set(sys.modules); import {module}; "
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["linkmw"]


def test_the_steps_on_the_page_are_those_of_the_table() -> None:
    assert import_map.steps_drawn() in import_map.PAGE.read_text(encoding="utf-8")


def test_each_way_on_the_page_how_it_works_is_that_of_the_table() -> None:
    text = import_map.HOW_IT_WORKS.read_text(encoding="utf-8")
    assert text.count("stateDiagram-v2") == 2
    assert import_map.ways_drawn(text) == text, "run: python tests/docs/import_map.py --write"


def test_no_move_of_the_table_is_left_out_of_both_ways() -> None:
    ways = (steps.BY_THE_BUTTON, steps.FIRST_SIGN_IN)
    assert [move for move in steps.STEPS if not any({move.step, move.to} <= way for way in ways)] == []


def test_the_import_map_on_the_page_is_the_one_of_the_code() -> None:
    assert import_map.drawn() in import_map.PAGE.read_text(encoding="utf-8"), (
        "run: python tests/docs/import_map.py --write"
    )
