from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.provider import GateParty, HubParty, Party
from tests.hub.world import Clock, World

from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A database with tables and keys, copied for each test."""
    path, key = tmp_path_factory.mktemp("conformance") / "hub.db", new_key()
    stores = SqlStores.open(f"sqlite:///{path}", key, Clock())
    stores.admin.prepare()
    stores.close()
    return path, key


@pytest.fixture
def hub(prepared: tuple[Path, str], tmp_path: Path) -> Iterator[HubParty]:
    template, key = prepared
    shutil.copy(template, tmp_path / "hub.db")
    clock = Clock()
    sql = SqlStores.open(f"sqlite:///{tmp_path / 'hub.db'}", key, clock)
    yield HubParty(World(sql, clock))
    sql.close()


@pytest.fixture
def gate() -> GateParty:
    return GateParty()


@pytest.fixture(params=["hub", "gate"])
def party(request: pytest.FixtureRequest) -> Party:
    """Each of our relying parties."""
    found: Party = request.getfixturevalue(request.param)
    return found
