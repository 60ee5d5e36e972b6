"""A PostgreSQL that nothing is heard of (DF01): a proxy in front of the real one, over TCP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL, make_url
from tests.faults.proxy import Proxies, Proxy, Way
from tests.stores_sql.made import tenant

from linkmw.demo.parts.processes import free_port
from linkmw.errors import Unavailable
from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores, version
from linkmw.stores.sql.answering import ANSWER_SECONDS
from linkmw.stores.sql.engine import STATEMENT_SECONDS, take_time

WITHIN = ANSWER_SECONDS + STATEMENT_SECONDS + 1  # a connection that is found dead, and the try for another one


@pytest.fixture
def server(new_postgresql: Callable[[], str]) -> URL:
    return make_url(new_postgresql())


@pytest.fixture
def way(server: URL) -> Iterator[Proxy]:
    proxies = Proxies()
    yield proxies.before(Path(str(server.query["host"])) / ".s.PGSQL.5432", free_port())
    proxies.stop()


@pytest.fixture
def stores(server: URL, way: Proxy) -> Iterator[SqlStores]:
    url = server.set(host="127.0.0.1", port=way.port, query={})
    stores = SqlStores.open(url.render_as_string(hide_password=False), new_key())
    stores.admin.prepare()
    stores.admin.add_tenant(tenant())
    yield stores
    way.becomes("passes")
    stores.close()


def refused_after(work: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(Unavailable, match="SQL did not answer"):
        work()
    return time.monotonic() - began


def counted(stores: SqlStores, statement: str = "SELECT count(*) FROM tenants") -> object:
    return stores.database.read_now(lambda connection: connection.execute(text(statement)).scalar_one())


def is_back(stores: SqlStores, way: Proxy) -> None:
    way.becomes("passes")
    end = time.monotonic() + 10
    while True:
        try:
            assert counted(stores) == 1
            return
        except Unavailable:
            assert time.monotonic() < end


@pytest.mark.parametrize("weather", ["black hole", "delays"])
def test_df01_a_silent_server_costs_the_first_caller_seconds_and_the_next_nothing(
    stores: SqlStores, way: Proxy, weather: Way
) -> None:
    assert counted(stores) == 1
    way.becomes(weather)
    assert refused_after(lambda: counted(stores)) < WITHIN
    assert refused_after(lambda: counted(stores)) < 1
    is_back(stores, way)


def test_df01_a_server_that_falls_silent_in_a_transaction_costs_no_more(stores: SqlStores, way: Proxy) -> None:
    def falls_silent(connection: Connection) -> None:
        connection.execute(text("UPDATE tenants SET brand = brand"))
        way.becomes("black hole")

    assert refused_after(lambda: stores.database.write_now(falls_silent)) < WITHIN
    assert refused_after(lambda: counted(stores)) < 1
    is_back(stores, way)


def test_df01_what_may_take_its_time_is_waited_for_and_the_next_is_not(stores: SqlStores) -> None:
    def slow(connection: Connection) -> object:
        take_time(connection)
        return connection.execute(text(f"SELECT 1 FROM pg_sleep({ANSWER_SECONDS + 1})")).scalar_one()

    assert stores.database.read_now(slow) == 1
    assert version.current(stores.database) == version.newest()
    assert refused_after(lambda: counted(stores, "SELECT 1 FROM pg_sleep(30)")) < WITHIN
