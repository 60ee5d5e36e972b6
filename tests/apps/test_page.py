"""What the page of the results says that an application needs is as little as it promises."""

from __future__ import annotations

import pytest
from tests.apps.page import block, settings

ADAPTER_LINES, SETTINGS = 20, 10


def test_an_adapter_file_is_short() -> None:
    lines = [line for line in block("datasette-adapter", "python").splitlines() if line.strip()]
    assert len(lines) <= ADAPTER_LINES


@pytest.mark.parametrize("name", ["pretix", "superset", "pgadmin", "datasette"])
def test_an_application_needs_few_settings_of_linkmw_alone(name: str) -> None:
    told = settings(name)
    assert 0 < len(told) <= SETTINGS
    assert all(key.startswith("LINKMW_") and value for key, value in told.items())
