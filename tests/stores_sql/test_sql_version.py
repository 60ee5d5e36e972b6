"""The schema: one migration path, and a refusal for any other state (DF04). Faults of the database (DF01)."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from tests.stores_sql.made import ANN, event
from tests.stores_sql.test_sql_links import at_once

from linkmw.errors import SettingsError, Unavailable
from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores, schema, version


def at_revision(stores: SqlStores, revision: str) -> None:
    change = text("UPDATE alembic_version SET version_num = :revision")
    stores.database.write_now(lambda connection: connection.execute(change, {"revision": revision}))


def test_df04_the_migrations_lead_to_the_tables_the_code_speaks_of(stores: SqlStores) -> None:
    options = {"compare_type": True, "compare_server_default": True}

    def differences(connection: object) -> list[object]:
        context = MigrationContext.configure(connection, opts=options)  # type: ignore[arg-type]
        return list(compare_metadata(context, schema.metadata))

    assert stores.database.read_now(differences) == []
    assert version.current(stores.database) == version.newest()
    stores.require_current_schema()


def test_df04_an_empty_database_is_refused_with_a_sentence(empty_database_url: str) -> None:
    stores = SqlStores.open(empty_database_url, new_key())
    with pytest.raises(SettingsError, match="no tables yet: run `linkmw hub init`"):
        stores.require_current_schema()
    stores.close()


def test_df04_a_newer_schema_is_refused_and_left_alone(stores: SqlStores) -> None:
    at_revision(stores, "9999")
    for act in (stores.require_current_schema, stores.admin.prepare):
        with pytest.raises(SettingsError, match="9999, which this linkmw does not know"):
            act()
    assert version.current(stores.database) == "9999"


def test_df04_an_older_schema_is_refused(stores: SqlStores, monkeypatch: pytest.MonkeyPatch) -> None:
    held = version.newest()
    monkeypatch.setattr(version, "newest", lambda: "9998")
    with pytest.raises(SettingsError, match=f"is at {held}, this linkmw needs 9998: run `linkmw hub db upgrade`"):
        stores.require_current_schema()


@pytest.mark.parametrize("gone", ["alembic_version", "links"])
def test_df04_a_half_made_database_is_refused_and_left_alone(stores: SqlStores, gone: str) -> None:
    table = {"alembic_version": "alembic_version", "links": "links"}[gone]
    stores.database.write_now(lambda connection: connection.execute(text(f"DROP TABLE {table}")))
    before = version.tables(stores.database)
    with pytest.raises(SettingsError, match=f"half made: {gone} is missing"):
        stores.require_current_schema()
    if gone == "alembic_version":
        with pytest.raises(SettingsError, match="half made"):
            stores.admin.prepare()
    assert version.tables(stores.database) == before


def test_df04_sixteen_upgrades_at_once_are_one(empty_database_url: str) -> None:
    def upgrade(_: int) -> str:
        stores = SqlStores.open(empty_database_url, new_key())
        try:
            version.upgrade(stores.database)
            return version.current(stores.database)
        finally:
            stores.close()

    assert Counter(at_once(upgrade)) == {version.newest(): 16}


def test_df04_an_upgrade_waits_for_another_longer_than_a_page_would(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkmw.stores.sql.engine.STATEMENT_SECONDS", 0.3)
    first, second = (SqlStores.open(empty_database_url, new_key()) for _ in range(2))
    held, let_go = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        version.upgrade_in(connection)
        held.set()
        assert let_go.wait(30)

    with ThreadPoolExecutor(2) as pool:
        slower = pool.submit(first.database.write_now, slow)
        assert held.wait(30)
        waiter = pool.submit(version.upgrade, second.database)
        done, _ = wait([waiter], timeout=1)
        let_go.set()
        slower.result()
        assert not done
        waiter.result()
    assert version.current(second.database) == version.newest()
    for stores in (first, second):
        stores.close()


def test_df04_an_upgrade_that_breaks_leaves_nothing_behind(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = SqlStores.open(empty_database_url, new_key())
    monkeypatch.setattr("alembic.runtime.migration.HeadMaintainer.update_to_step", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        version.upgrade(stores.database)
    monkeypatch.undo()
    assert version.current(stores.database) == ""
    assert version.upgrade(stores.database)
    stores.close()


def test_df01_a_locked_sqlite_is_unavailable_after_two_seconds(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    stores = SqlStores.open(f"sqlite:///{path}", new_key())
    stores.admin.prepare()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="database is locked"):
        asyncio.run(stores.links.remove(1, [], event()))
    assert asyncio.run(stores.links.of_identity(ANN, ["orders"])) == []  # readers are not stopped by a writer
    other.close()
    stores.close()


def test_df01_a_read_only_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    stores = SqlStores.open(f"sqlite:///{path}", new_key())
    stores.admin.prepare()
    stores.close()
    reader = SqlStores.open(f"sqlite:///file:{path}?mode=ro&uri=true", new_key())
    with pytest.raises(Unavailable, match="readonly"):
        asyncio.run(reader.links.used(1, "ann", event()))
    reader.close()


def test_df01_a_slow_statement_is_cut_off(postgresql: str) -> None:
    stores = SqlStores.open(postgresql, new_key())
    with pytest.raises(Unavailable, match="statement timeout"):
        stores.database.read_now(lambda connection: connection.execute(text("SELECT pg_sleep(30)")))
    stores.close()


def test_df01_a_server_that_is_not_there_is_unavailable() -> None:
    stores = SqlStores.open("postgresql://linkmw:pass-word@127.0.0.1:1/hub", new_key())
    with pytest.raises(Unavailable) as caught:
        asyncio.run(stores.ping())
    assert "pass-word" not in str(caught.value)
    stores.close()


def test_i4_a_missing_table_is_unavailable_and_not_nobody(empty_database_url: str) -> None:
    stores = SqlStores.open(empty_database_url, new_key())
    with pytest.raises(Unavailable):
        asyncio.run(stores.links.of_account("orders", "7"))
    stores.close()


def test_df01_a_ping_answers(stores: SqlStores) -> None:
    assert asyncio.run(stores.ping()) is True


@pytest.mark.parametrize("url", ["no url", "mysql://localhost/hub", "", "sqlite://", "sqlite:///:memory:"])
def test_cf01_a_database_we_do_not_know_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(SettingsError, match="LINKMW_HUB_DATABASE_URL"):
        SqlStores.open(url, new_key())


@pytest.mark.parametrize("key", ["", "short", "x" * 42 + "!", "A" * 42, "A" * 43 + ",", "A" * 44])
def test_cf05_a_key_that_is_no_key_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(SettingsError, match="LINKMW_HUB_KEY must be 32 random bytes") as caught:
        SqlStores.open("sqlite:///hub.db", key)
    assert key not in str(caught.value) or not key
