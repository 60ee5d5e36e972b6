"""Logouts wait in SQL until a product has taken them: each is one process's at a time, and none is lost (OPS-8)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.stores_sql.made import NOW, Clock, event, new_link
from tests.stores_sql.test_sql_links import at_once

from linkmw.errors import Unavailable
from linkmw.hub.ports import Logout, LogoutItem
from linkmw.stores.sql import SqlStores
from linkmw.stores.sql.logouts import CLAIM_SECONDS

ONE, TWO = Logout("orders", "7", "sid-1"), Logout("stock", "8")


def run(question: Any) -> Any:
    return asyncio.run(question)


def test_ops08_what_was_put_is_claimed_oldest_first_and_once(stores: SqlStores) -> None:
    run(stores.logouts.put([ONE, TWO], NOW))
    assert run(stores.logouts.claim(NOW - 1, 10)) == []
    assert run(stores.logouts.claim(NOW, 1)) == [LogoutItem(1, ONE, NOW, 1)]
    assert run(stores.logouts.claim(NOW, 10)) == [LogoutItem(2, TWO, NOW, 1)]
    assert run(stores.logouts.claim(NOW + CLAIM_SECONDS - 1, 10)) == []


def test_ops08_what_a_process_took_along_is_due_again_when_its_claim_ends(stores: SqlStores) -> None:
    run(stores.logouts.put([ONE], NOW))
    run(stores.logouts.claim(NOW, 10))
    assert run(stores.logouts.claim(NOW + CLAIM_SECONDS, 10)) == [LogoutItem(1, ONE, NOW, 2)]


def test_ops08_told_is_over_and_failed_is_due_later_or_given_up(stores: SqlStores) -> None:
    run(stores.logouts.put([ONE, TWO], NOW))
    run(stores.logouts.claim(NOW, 10))
    run(stores.logouts.told(1))
    run(stores.logouts.failed(2, "silent", NOW + 5))
    assert run(stores.logouts.claim(NOW + 4, 10)) == []
    assert [item.item_id for item in run(stores.logouts.claim(NOW + 5, 10))] == [2]
    run(stores.logouts.failed(2, "silent " * 200, None))
    assert run(stores.logouts.claim(NOW + 10**6, 10)) == []


def test_ops08_of_sixteen_processes_one_tells(stores: SqlStores) -> None:
    run(stores.logouts.put([ONE], NOW))
    taken = at_once(lambda _: run(stores.logouts.claim(NOW, 10)))
    assert sorted(len(items) for items in taken) == [0] * 15 + [1]


def test_mim27_a_removed_link_leaves_its_logout_in_the_same_transaction(stores: SqlStores) -> None:
    link = run(stores.links.add(new_link(), [], event()))
    assert run(stores.links.remove(link.link_id, [], event("unlinked", time=NOW + 1)))
    assert run(stores.links.remove(link.link_id, [], event("unlinked", time=NOW + 2))) is None
    assert run(stores.logouts.claim(NOW + 1, 10)) == [LogoutItem(1, Logout("orders", "7"), NOW + 1, 1)]


def test_mim27_a_removal_that_failed_tells_nobody(stores: SqlStores, monkeypatch: pytest.MonkeyPatch) -> None:
    link = run(stores.links.add(new_link(), [], event()))

    def breaks(*_: object) -> None:
        raise Unavailable("SQL went away")

    monkeypatch.setattr("linkmw.stores.sql.audit.record", breaks)
    with pytest.raises(Unavailable):
        run(stores.links.remove(link.link_id, [], event("unlinked")))
    assert run(stores.logouts.claim(NOW + 10, 10)) == []
    assert run(stores.links.of_account("orders", "7")) == link


def test_retention_forgets_what_is_over_and_old(stores: SqlStores, clock: Clock) -> None:
    run(stores.logouts.put([ONE, TWO], NOW))
    run(stores.logouts.claim(NOW, 10))
    run(stores.logouts.told(1))
    assert run(stores.logouts.forget(NOW)) == 0
    assert run(stores.logouts.forget(NOW + 1)) == 1
    assert run(stores.logouts.forget(NOW + 1)) == 0
    assert [item.item_id for item in run(stores.logouts.claim(NOW + CLAIM_SECONDS, 10))] == [2]


def test_ops08_who_waits_hears_of_what_this_process_put(stores: SqlStores) -> None:
    async def story() -> None:
        link = await stores.links.add(new_link(), [], event())
        await stores.logouts.arrival(0)
        for put in (
            lambda: stores.logouts.put([ONE], NOW),
            lambda: stores.links.remove(link.link_id, [], event("unlinked")),
        ):
            waiting = asyncio.ensure_future(stores.logouts.arrival(3600))
            await asyncio.sleep(0)
            await put()
            async with asyncio.timeout(5):
                await waiting

    run(story())


def test_nothing_to_tell_is_nothing_put(stores: SqlStores) -> None:
    run(stores.logouts.put([], NOW))
    assert run(stores.logouts.claim(NOW, 10)) == []
