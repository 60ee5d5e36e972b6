"""Globex, once for all the stories of a tenant that moves over; its clocks are right when one begins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.e2e.later import Later
from tests.e2e.moving import Globex


@pytest.fixture(scope="package")
def moved_over(world, tmp_path_factory) -> Iterator[Globex]:
    later = Later(tmp_path_factory.mktemp("later") / "seconds")
    with world.hub_settings(**later.settings):
        running = Globex(world, later)
        yield running
        running.clocks_are_right()
        running.stop()


@pytest.fixture
def globex(moved_over: Globex) -> Iterator[Globex]:
    yield moved_over
    moved_over.clocks_are_right()
