"""Applications that know nothing of linkmw, and the settings with which linkmw would be on."""

from __future__ import annotations

import os

import pytest

from linkmw.log import Changes


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch, tmp_path):
    """No LINKMW_ variable of this machine, no linkmw.toml of this directory."""
    for name in [name for name in os.environ if name.startswith("LINKMW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LINKMW_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.setattr("linkmw.outside.said._SAID", Changes())


@pytest.fixture
def complete():
    """Settings with which linkmw is on; nothing answers at these addresses."""
    return {
        "HUB_URL": "http://hub.localhost:9",
        "HUB_INTERNAL_URL": "http://127.0.0.1:9",
        "PUBLIC_URL": "http://product.localhost",
        "ORGANIZATION_ID": "acme",
        "CLIENT_ID": "orders",
        "CLIENT_SECRET": "0123456789abcdef0123456789abcdef0123456789a",
        "REDIS_URL": "redis://127.0.0.1:9/0",
    }
