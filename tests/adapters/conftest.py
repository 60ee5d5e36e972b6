"""Django needs one configuration for the whole process: that of Orders, over a scratch database."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from linkmw.log import Changes

os.environ.setdefault("DEMO_DATABASE", str(Path(tempfile.mkdtemp(prefix="linkmw-adapters-")) / "orders.db"))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linkmw.demo.products.orders.settings")


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch, tmp_path):
    """No LINKMW_ variable of this machine, no linkmw.toml of this directory."""
    for name in [name for name in os.environ if name.startswith("LINKMW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LINKMW_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.setattr("linkmw.outside.said._SAID", Changes())  # what is said once in a process is said in each test


@pytest.fixture(scope="session")
def _migrated():
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    yield
    connections.close_all()


@pytest.fixture
def orders_database(_migrated):
    """Orders' tables, with nobody in them; passwords are hashed quickly."""
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session
    from django.test import override_settings

    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield
    User.objects.all().delete()
    Session.objects.all().delete()


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
