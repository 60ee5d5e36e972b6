from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.hub.world import Clock, World

from linkmw.demo.parts.processes import Processes
from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores

if TYPE_CHECKING:
    from tests.hub.realm_users import Real


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A database with tables and keys, copied for each test: migrations and RSA keys take their time once."""
    path, key = tmp_path_factory.mktemp("hub") / "hub.db", new_key()
    stores = SqlStores.open(f"sqlite:///{path}", key, Clock())
    stores.admin.prepare()
    stores.close()
    return path, key


@pytest.fixture
def world(prepared: tuple[Path, str], tmp_path: Path) -> Iterator[World]:
    template, key = prepared
    shutil.copy(template, tmp_path / "hub.db")
    clock = Clock()
    sql = SqlStores.open(f"sqlite:///{tmp_path / 'hub.db'}", key, clock)
    yield World(sql, clock)
    sql.close()


@pytest.fixture(scope="session")
def realm_users(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """A real Keycloak for everything that is about its users."""
    from tests.hub.realm_users import running

    with running(processes, tmp_path_factory.mktemp("keycloak")) as real:
        yield real
