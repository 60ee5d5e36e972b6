from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.hub.world import Prepared, World

from linkmw.demo.parts.processes import Processes

if TYPE_CHECKING:
    from tests.hub.realm_users import Real


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared.made(tmp_path_factory.mktemp("hub") / "hub.db")


@pytest.fixture
def world(prepared: Prepared, tmp_path: Path) -> Iterator[World]:
    with prepared.world(tmp_path / "hub.db") as made:
        yield made


@pytest.fixture(scope="session")
def realm_users(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """A real Keycloak for everything that is about its users."""
    from tests.hub.realm_users import running

    with running(processes, tmp_path_factory.mktemp("keycloak")) as real:
        yield real
