from __future__ import annotations

import pytest
from tests.gate.world import Browser, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def person(world: World) -> Browser:
    return world.browser()


@pytest.fixture
def attacker(world: World) -> Browser:
    return world.browser()
