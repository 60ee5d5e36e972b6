"""The ledger of a migration, on both dialects (OPS-6, MG01)."""

from __future__ import annotations

import asyncio

import pytest
from tests.stores_sql.made import ANN, BOB, NOW, Clock, event, new_link

from linkmw.hub.migrate.ledger import Entry, Made
from linkmw.stores.sql import SqlStores
from linkmw.stores.sql.migrated import SqlMigrated


@pytest.fixture
def ledger(stores: SqlStores, clock: Clock) -> SqlMigrated:
    return SqlMigrated(stores.database, clock)


def begun(account_id: str) -> Entry:
    return Entry(account_id, f"{account_id}@example.com", f"ref-{account_id}")


def made(account_id: str, identity: object = ANN, *, link: bool = True) -> Made:
    return Made(account_id, f"u{account_id}", "", f"{account_id}@example.com", identity, link)  # type: ignore[arg-type]


def test_mg01_what_is_begun_is_known_and_what_is_finished_has_its_identity_and_link(
    stores: SqlStores, ledger: SqlMigrated
) -> None:
    ledger.begin("orders", [begun("1"), begun("2")])
    assert ledger.of_accounts("orders", ["1", "9"]) == {"1": begun("1")}
    assert ledger.of_accounts("stock", ["1"]) == {}
    assert ledger.finish("acme", "orders", [made("1"), made("2", BOB, link=False)]) == set()
    found = ledger.of_accounts("orders", ["1", "2"])
    assert (found["1"].identity, found["2"].identity, found["2"].link_id) == (ANN, BOB, None)
    (link,) = asyncio.run(stores.links.of_identity(ANN, ["orders"]))
    assert (link.link_id, link.account_id, link.username) == (found["1"].link_id, "1", "u1")
    assert ledger.linked("orders", ["1", "2"]) == {"1"}
    assert (ledger.has_links(ANN), ledger.has_links(BOB)) == (True, False)


def test_rc09_of_a_batch_only_the_account_that_was_linked_meanwhile_is_left(
    stores: SqlStores, ledger: SqlMigrated
) -> None:
    asyncio.run(stores.links.add(new_link(BOB, "7"), [], event()))
    ledger.begin("orders", [begun("1"), begun("7"), begun("8")])
    assert ledger.finish("acme", "orders", [made("1"), made("7"), made("8")]) == {"7"}
    found = ledger.of_accounts("orders", ["1", "7", "8"])
    assert [found[name].identity for name in ("1", "7", "8")] == [ANN, None, ANN]
    link = asyncio.run(stores.links.of_account("orders", "7"))
    assert link
    assert link.identity == BOB


def test_undo_removes_the_link_that_was_made_and_no_later_one_and_tells_the_product(
    stores: SqlStores, ledger: SqlMigrated
) -> None:
    ledger.begin("orders", [begun("1")])
    ledger.finish("acme", "orders", [made("1")])
    (entry,) = ledger.after("orders", "", 10)
    ledger.unlink("acme", "orders", entry)
    assert asyncio.run(stores.links.of_account("orders", "1")) is None
    assert [item.logout.account_id for item in asyncio.run(stores.logouts.claim(NOW, 10))] == ["1"]
    later = asyncio.run(stores.links.add(new_link(BOB, "1"), [], event()))
    ledger.unlink("acme", "orders", entry)
    assert asyncio.run(stores.links.of_account("orders", "1")) == later
    ledger.drop("orders", ["1"])
    assert ledger.after("orders", "", 10) == []
