"""A database copied to another kind of database, and what a restored backup brings back (OPS-4, DF06)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select
from tests.stores_sql.made import ANN, BOB, NOW, Clock, event, mail, new_link, tenant

from linkmw.errors import SettingsError
from linkmw.hub.ports import AuditEvent
from linkmw.model import Link
from linkmw.stores.sql import SqlStores, copied, returned, schema
from linkmw.stores.sql.audit import line


@pytest.fixture
def other(
    request: pytest.FixtureRequest, database_url: str, key: str, clock: Clock, tmp_path: Path
) -> Iterator[SqlStores]:
    """An empty database of the other kind, under the same key."""
    if database_url.startswith("sqlite"):
        url = str(request.getfixturevalue("new_postgresql")())
    else:
        url = f"sqlite:///{tmp_path / 'other.db'}"
    stores = SqlStores.open(url, key, clock)
    yield stores
    stores.close()


def add(stores: SqlStores, account: str, identity: object = ANN, flow: str = "") -> Link:
    link = new_link(identity, account, flow=flow or f"flow {account}")  # type: ignore[arg-type]
    return asyncio.run(stores.links.add(link, [mail()], event()))


def unlink(stores: SqlStores, link: Link, at: int = NOW + 1) -> AuditEvent:
    gone = AuditEvent(
        "unlinked", "ok", at, organization_id="acme", client_id=link.client_id, account_id=link.account_id,
        issuer=link.identity.issuer, subject=link.identity.subject,
    )  # fmt: skip
    assert asyncio.run(stores.links.remove(link.link_id, [], gone))
    return gone


def dump(stores: SqlStores) -> dict[str, list[object]]:
    return stores.database.read_now(
        lambda connection: {
            table.name: sorted(map(repr, connection.execute(select(table)).all()))
            for table in schema.metadata.sorted_tables
        }
    )


def test_ops04_every_row_is_in_the_copy_and_it_goes_on_from_there(stores: SqlStores, other: SqlStores) -> None:
    many = [{**asdict(event()), "flow": str(number)} for number in range(1_500)]
    stores.database.write_now(lambda connection: connection.execute(schema.audit.insert(), many))
    links = [add(stores, str(number)) for number in range(3)]
    unlink(stores, links[2])  # its number is never given to another link (UM03)
    seen: list[int] = []
    counts = copied.copy(stores.database, other.database, seen.append)
    assert dump(other) == dump(stores)
    assert (counts["links"], counts["audit"], sum(seen)) == (2, 1_504, sum(counts.values()))
    other.require_current_schema()
    assert asyncio.run(other.keys.public()) == asyncio.run(stores.keys.public())
    assert asyncio.run(other.registry.tenant("acme")) == tenant()
    assert add(other, "9").link_id == links[2].link_id + 1


def test_ops04_a_database_that_has_something_is_not_copied_to(stores: SqlStores, other: SqlStores) -> None:
    other.admin.prepare()
    with pytest.raises(SettingsError, match="is not empty"):
        copied.copy(stores.database, other.database, lambda _: None)


def test_ops04_a_copy_that_is_cut_off_leaves_nothing(
    stores: SqlStores, other: SqlStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(stores, "7")

    def loses_one(connection: object, *, real: object = copied.counts, calls: list[int] = []) -> object:  # noqa: B006
        calls.append(1)
        found = real(connection)  # type: ignore[operator]
        return found if len(calls) == 1 else {**found, "links": 0}

    monkeypatch.setattr(copied, "counts", loses_one)
    with pytest.raises(SettingsError, match="nothing was copied: links differ"):
        copied.copy(stores.database, other.database, lambda _: None)
    monkeypatch.undo()
    assert copied.copy(stores.database, other.database, lambda _: None)["links"] == 1


def found(stores: SqlStores, *lines: str) -> list[str]:
    here = stores.database.read_now(returned.known_here)
    told = stores.database.read_now(lambda connection: returned.known_by(connection, lines))
    return sorted({link.account_id for link in (*here, *told)})


def backup(stores: SqlStores, *tables: object) -> list[tuple[object, list[dict[str, object]]]]:
    return stores.database.read_now(
        lambda c: [(table, [dict(row) for row in c.execute(select(table)).mappings()]) for table in tables]  # type: ignore[call-overload]
    )


def restore(stores: SqlStores, kept: list[tuple[object, list[dict[str, object]]]]) -> None:
    def write(connection: object) -> None:
        for table, rows in kept:
            connection.execute(delete(table))  # type: ignore[attr-defined,arg-type]
            if rows:
                connection.execute(table.insert(), rows)  # type: ignore[attr-defined]

    stores.database.write_now(write)


def test_df06_links_that_came_back_alone_are_known_by_what_remains_of_them(stores: SqlStores) -> None:
    kept, gone = add(stores, "7"), add(stores, "8")
    before = backup(stores, schema.links)
    unlink(stores, gone)
    assert found(stores) == []
    restore(stores, before)
    assert found(stores) == ["8"]
    assert [link.account_id for link in stores.database.read_now(returned.by_remains)] == ["8"]
    links = stores.database.read_now(returned.known_here)
    assert returned.remove(stores.database, links, NOW + 9, "root") == 1
    assert found(stores) == []
    assert asyncio.run(stores.links.of_account("orders", "7")) == kept
    assert asyncio.run(stores.links.of_account("orders", "8")) is None
    assert {item.logout.account_id for item in asyncio.run(stores.logouts.claim(NOW + 9, 9))} == {"8"}


def test_df06_the_trail_alone_knows_them_too(stores: SqlStores) -> None:
    gone = add(stores, "8")
    before = backup(stores, schema.links, schema.removed_links)
    unlink(stores, gone)
    restore(stores, before)
    assert stores.database.read_now(returned.by_remains) == []
    assert found(stores) == ["8"]


def test_df06_after_a_whole_restore_the_log_knows_what_came_back(stores: SqlStores) -> None:
    gone, again = add(stores, "8"), add(stores, "9")
    before = backup(stores, schema.links, schema.removed_links, schema.audit)
    log = ["no json", "{}", '{"event": "unlinked"}', f"Nov 28 hub[1]: {line(unlink(stores, gone))}"]
    restore(stores, before)
    assert found(stores) == []
    assert found(stores, *log) == ["8"]
    # Who linked the account anew, after that, is left alone; and so is another identity that has it now.
    assert again.identity == ANN
    for identity, at in ((ANN, NOW - 1), (BOB, NOW + 9)):
        told = AuditEvent("unlinked", "ok", at, client_id="orders", account_id="9")
        assert found(stores, line(replace(told, issuer=identity.issuer, subject=identity.subject))) == []
