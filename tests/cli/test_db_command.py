"""`linkmw hub db copy` and `check`: a hub that moves to another database, and one whose backup was restored (DF06)."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from tests.cli.conftest import Run, opened
from tests.stores_sql.made import ANN

from linkmw.hub.ports import AuditEvent, NewLink
from linkmw.model import Account, Link
from linkmw.stores.sql import SqlStores, schema
from linkmw.stores.sql.audit import line

NOW = 1_800_000_000


@pytest.fixture
def product(office: Run) -> Run:
    """A hub with the product orders, which has two links."""
    Path("hub.toml").write_text("[products.orders]\ntenant='acme'\nname='Orders'\nurl='https://orders.example.com'\n")
    assert office("hub", "apply", "hub.toml").exit_code == 0
    stores = opened()
    for account in ("7", "8"):
        new = NewLink("orders", Account(account, f"u{account}"), ANN, "", f"f{account}", f"h{account}", "form", (), NOW)
        asyncio.run(stores.links.add(new, [], AuditEvent("linked", "ok", NOW)))
    stores.close()
    return office


def links(stores: SqlStores) -> list[Link]:
    found = asyncio.run(stores.links.of_identity(ANN, ["orders"]))
    stores.close()
    return found


def unlink(account: str) -> str:
    """Its line in the hub's log."""
    stores = opened()
    (link,) = [one for one in asyncio.run(stores.links.of_identity(ANN, ["orders"])) if one.account_id == account]
    event = AuditEvent(
        "unlinked", "ok", NOW + 60, client_id="orders", account_id=account, issuer=ANN.issuer, subject=ANN.subject
    )
    assert asyncio.run(stores.links.remove(link.link_id, [], event))
    stores.close()
    return line(event)


def test_ops04_the_copy_is_used_by_naming_it(product: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = product("hub", "db", "copy", "--to", "sqlite:///copy.db")
    assert copied.exit_code == 0, copied.output
    assert [row.split() for row in copied.stdout.splitlines() if row.startswith("links")] == [["links", "2"]]
    assert Path("copy.db").stat().st_mode & 0o777 == 0o600
    again = product("hub", "db", "copy", "--to", "sqlite:///copy.db")
    assert (again.exit_code, "is not empty" in again.stderr) == (3, True)
    Path("linkmw-hub.db").unlink()
    monkeypatch.setenv("LINKMW_HUB_DATABASE_URL", "sqlite:///copy.db")
    assert "orders" in product("hub", "product", "list").stdout
    assert len(product("hub", "links", "list", "--json").stdout.splitlines()) == 2


def test_ops04_the_other_database_is_named_in_one_way(product: Run) -> None:
    Path("url.txt").write_text("sqlite:///copy.db\n")
    for wrong in ((), ("--to", "sqlite:///copy.db", "--to-file", "url.txt")):
        assert product("hub", "db", "copy", *wrong).exit_code == 2
    assert product("hub", "db", "copy", "--to", "mysql://x/y").exit_code == 3
    assert product("hub", "db", "copy", "--to-file", "url.txt").exit_code == 0


def test_df06_after_a_restored_backup_the_log_tells_what_came_back(product: Run) -> None:
    shutil.copy("linkmw-hub.db", "backup.db")
    Path("hub.log").write_text(unlink("8") + "\n")
    for name in ("linkmw-hub.db-wal", "linkmw-hub.db-shm"):
        Path(name).unlink(missing_ok=True)
    shutil.copy("backup.db", "linkmw-hub.db")
    assert product("hub", "db", "check").output == "No removed link is there again.\n"
    found = product("hub", "db", "check", "--trail", "hub.log")
    assert (found.exit_code, "u8 in orders" in found.output, "u7" in found.output) == (1, True, False)
    assert len(links(opened())) == 2
    removed = product("hub", "db", "check", "--trail", "hub.log", "--remove")
    assert (removed.exit_code, "1 removed." in removed.output) == (0, True)
    assert [link.account_id for link in links(opened())] == ["7"]
    assert product("hub", "db", "check", "--trail", "hub.log").exit_code == 0
    assert product("hub", "db", "check", "--trail", "nothing.log").exit_code == 2
    assert "link_came_back" in product("hub", "audit", "tail").stdout


def test_df06_a_hub_does_not_start_over_links_that_it_has_removed(product: Run) -> None:
    kept = _rows("links")
    unlink("8")
    stores = opened()
    stores.database.write_now(lambda connection: connection.execute(schema.links.delete()))
    stores.database.write_now(lambda connection: connection.execute(schema.links.insert(), kept))
    stores.close()
    refused = product("hub", "serve")
    assert (refused.exit_code, "run `linkmw hub db check`" in refused.stderr) == (3, True)
    assert product("hub", "db", "check", "--remove").exit_code == 0
    assert [link.account_id for link in links(opened())] == ["7"]


def _rows(table: str) -> list[dict[str, object]]:
    stores = opened()
    query = schema.metadata.tables[table].select()
    rows = stores.database.read_now(lambda c: [dict(row) for row in c.execute(query).mappings()])
    stores.close()
    return rows
