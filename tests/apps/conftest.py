"""The fixtures of the applications: each is made in a folder of its own, and registered with the hub of the stage.

Browsers and the world are those of the journeys in `tests/e2e`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.apps.every import APPLICATIONS
from tests.apps.running import Running
from tests.apps.wrapping import put
from tests.e2e.conftest import new_browser, pytest_runtest_makereport, world

from linkmw.demo.parts.processes import Processes

__all__ = ["new_browser", "pytest_runtest_makereport", "world"]


@pytest.fixture(scope="module", params=APPLICATIONS, ids=lambda application: application.name)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The application, prepared and not started. One at a time: it is stopped before the next one is made."""
    application = request.param
    folder = tmp_path_factory.mktemp(application.name)
    linkmw = put(application.environment(), folder / "linkmw")
    with Processes() as processes:
        yield Running.prepared(application, processes, folder, linkmw)
