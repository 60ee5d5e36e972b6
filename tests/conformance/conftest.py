from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.provider import GateParty, HubParty, Party
from tests.hub.conftest import prepared
from tests.hub.world import Prepared

__all__ = ["prepared"]


@pytest.fixture
def hub(prepared: Prepared, tmp_path: Path) -> Iterator[HubParty]:
    with prepared.world(tmp_path / "hub.db") as world:
        yield HubParty(world)


@pytest.fixture
def gate() -> GateParty:
    return GateParty()


@pytest.fixture(params=["hub", "gate"])
def party(request: pytest.FixtureRequest) -> Party:
    """Each of our relying parties."""
    found: Party = request.getfixturevalue(request.param)
    return found
