"""One suite over both dialects: a file of SQLite, and a real PostgreSQL started for the session."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.stores_sql.made import HUB, Clock, client, tenant

from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_database_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Nothing is in it yet, no table either."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.db'}"
    return str(request.getfixturevalue("new_postgresql")())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def key() -> str:
    return new_key()


def _prepared(url: str, key: str) -> str:
    """Tenant and products are in it. Copied for each test: migrations and RSA keys take their time once."""
    stores = SqlStores.open(url, key, Clock())
    stores.admin.prepare()
    stores.admin.add_tenant(tenant())
    for client_id in ("orders", "stock"):
        stores.admin.add_client(client(client_id), HUB)
    stores.close()
    return url


@pytest.fixture(scope="session")
def prepared_sqlite(key: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prepared") / "hub.db"
    _prepared(f"sqlite:///{path}", key)
    return path


@pytest.fixture(scope="session")
def prepared_postgresql(key: str, new_postgresql: Callable[[], str]) -> str:
    return _prepared(new_postgresql(), key)


@pytest.fixture
def database_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the test's own, with the tenant `acme` and its products `orders` and `stock`."""
    prepared = request.getfixturevalue(f"prepared_{dialect}")
    if dialect == "postgresql":
        return str(request.getfixturevalue("new_postgresql")(copy_of=prepared))
    shutil.copy(prepared, tmp_path / "hub.db")
    return f"sqlite:///{tmp_path / 'hub.db'}"


@pytest.fixture
def stores(database_url: str, key: str, clock: Clock) -> Iterator[SqlStores]:
    stores = SqlStores.open(database_url, key, clock)
    yield stores
    stores.close()
