from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.hub.conftest import prepared as prepared
from tests.hub.conftest import world as world

from linkmw import metrics, prometheus
from linkmw.prometheus import Prometheus


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Prometheus]:
    """This process records, from nought, until the test ends."""
    monkeypatch.setattr(prometheus, "_of_this_process", None)
    yield prometheus.switch_on()
    metrics.record_to(None)
