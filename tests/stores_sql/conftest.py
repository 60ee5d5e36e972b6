"""One suite over both dialects: a file of SQLite, and a real PostgreSQL started for the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stores_sql.made import HUB, Clock, client, tenant

from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.db'}"
    return str(request.getfixturevalue("new_postgresql")())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def key() -> str:
    return new_key()


@pytest.fixture
def stores(database_url: str, key: str, clock: Clock) -> Iterator[SqlStores]:
    """Tenant `acme` with the products `orders` and `stock`."""
    stores = SqlStores.open(database_url, key, clock)
    stores.admin.prepare()
    stores.admin.add_tenant(tenant())
    for client_id in ("orders", "stock"):
        stores.admin.add_client(client(client_id), HUB)
    yield stores
    stores.close()
