"""Accounts that wait for their identity, and links that are made together, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select
from tests.stores_sql.made import ANN, BOB, HUB, NOW, Clock, client, event, mail, new_link, tenant

from linkmw.errors import AccountTaken, LinkRefused, TenantNotEnabled
from linkmw.hub.ports import HeldAccount, NewLink
from linkmw.model import Account, Identity, Link
from linkmw.stores.sql import SqlStores, schema

MANY = 16
EMAIL = "ann@example.com"


def held(account: str = "7", email: str = EMAIL, client_id: str = "orders", **more: Any) -> HeldAccount:
    waiting = Account(account, f"user{account}", f"user{account}@example.com")
    return HeldAccount(client_id, waiting, email, f"flow {account}", ("pwd", "otp"), NOW, **more)


def put(stores: SqlStores, *accounts: HeldAccount) -> None:
    for account in accounts:
        asyncio.run(stores.held.put(account, event("held")))


def waiting(stores: SqlStores, email: str = EMAIL, organization_id: str = "acme") -> list[HeldAccount]:
    return asyncio.run(stores.held.of_email(organization_id, email))


def rows(stores: SqlStores, table: Any) -> int:
    query = select(func.count()).select_from(table)
    return stores.database.read_now(lambda connection: connection.execute(query).scalar_one())


def at_once(work: Callable[[int], Any]) -> list[Any]:
    barrier = threading.Barrier(MANY)

    def one(number: int) -> Any:
        barrier.wait()
        try:
            return work(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(one, range(MANY)))


def test_ake14_what_waits_is_found_by_its_address_and_recorded(stores: SqlStores) -> None:
    put(stores, held("7", language="de"), held("8", client_id="stock"))
    assert waiting(stores) == [held("7", language="de"), held("8", client_id="stock")]
    assert (rows(stores, schema.held), rows(stores, schema.audit)) == (2, 2)


def test_lt15_another_case_is_another_address(stores: SqlStores) -> None:
    put(stores, held())
    for other in ("Ann@example.com", "ann@EXAMPLE.com", "ann@example.com.", "ann@example.com\0", "x" * 1000):
        assert waiting(stores, other) == []


def test_lt17_what_waits_in_one_tenant_is_not_there_in_another(stores: SqlStores) -> None:
    stores.admin.add_tenant(tenant("globex"))
    stores.admin.add_client(client("wiki", organization_id="globex"), HUB)
    put(stores, held(), held(client_id="wiki"))
    assert [one.client_id for one in waiting(stores, organization_id="globex")] == ["wiki"]
    assert [one.client_id for one in waiting(stores)] == ["orders"]


def test_an_account_waits_for_one_address_at_a_time(stores: SqlStores) -> None:
    put(stores, held(email="old@example.com"), held())
    assert waiting(stores, "old@example.com") == []
    assert waiting(stores) == [held()]


def test_an_account_put_down_by_sixteen_at_once_waits_once(stores: SqlStores) -> None:
    answers = at_once(lambda number: put(stores, held(email=f"ann{number}@example.com")))
    assert rows(stores, schema.held) == 1
    assert Counter(type(answer) for answer in answers)[type(None)] >= 1


def test_what_was_linked_waits_no_more(stores: SqlStores) -> None:
    put(stores, held("7"), held("8"))
    asyncio.run(stores.held.drop("orders", "7"))
    asyncio.run(stores.held.drop("orders", "7"))
    asyncio.run(stores.held.drop("orders", "\0"))
    assert waiting(stores) == [held("8")]


def test_ake14_what_is_linked_whichever_way_waits_no_more(stores: SqlStores) -> None:
    put(stores, held("7"), held("8"), held("7", client_id="stock"))
    asyncio.run(stores.links.add(new_link(BOB, "7", "by hand"), [], event()))
    assert waiting(stores) == [held("8"), held("7", client_id="stock")]
    together(stores, new_link(ANN, "8", "one"), new_link(ANN, "7", "two", client_id="stock"))
    assert waiting(stores) == []


def test_ake14_what_could_not_be_linked_waits_on(stores: SqlStores) -> None:
    put(stores, held("7"))
    unreadable = replace(new_link(ANN, "7", "flow"), account=Account("7", "x" * 400))
    with pytest.raises(LinkRefused):
        asyncio.run(stores.links.add(unreadable, [], event()))
    assert waiting(stores) == [held("7")]


def test_ake14_ops02_nothing_waits_for_ever_and_the_trail_says_what_was_dropped(
    stores: SqlStores, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "linkmw.audit")
    put(stores, replace(held("7"), created=NOW - 1), held("8"))
    before = rows(stores, schema.audit)
    assert asyncio.run(stores.held.forget(NOW)) == 1
    assert waiting(stores) == [held("8")]
    ((_, dropped),) = stores.audit.after(before, 9)
    assert (dropped.event, dropped.result, dropped.code, dropped.actor) == (
        "held_dropped",
        "ok",
        "expired",
        "retention",
    )
    assert (dropped.organization_id, dropped.client_id, dropped.account_id) == ("acme", "orders", "7")
    assert dropped.time == clock()
    assert caplog.text.count("held_dropped") == 1
    assert asyncio.run(stores.held.forget(NOW)) == 0


def test_texts_that_no_column_holds_are_refused(stores: SqlStores) -> None:
    with pytest.raises(LinkRefused):
        put(stores, held(email="x" * 400))
    with pytest.raises(TenantNotEnabled):
        put(stores, held(client_id="unknown"))


# ---- links that are made together


def together(stores: SqlStores, *links: NewLink) -> list[Link]:
    events = [event() for _ in links]
    return asyncio.run(stores.links.add_all(links, [mail()], events))


def two(identity: Identity = ANN) -> tuple[NewLink, NewLink]:
    of = identity.subject
    return new_link(identity, "7", f"{of} 1"), new_link(identity, "8", f"{of} 2", client_id="stock")


def test_ake06_mim07_links_of_a_first_sign_in_are_one_transaction_with_one_mail(stores: SqlStores) -> None:
    made = together(stores, *two())
    assert [(link.client_id, link.account_id) for link in made] == [("orders", "7"), ("stock", "8")]
    assert (rows(stores, schema.links), rows(stores, schema.outbox), rows(stores, schema.audit)) == (2, 1, 2)


def test_ake06_of_accounts_of_which_one_is_anothers_none_is_linked(stores: SqlStores) -> None:
    asyncio.run(stores.links.add(new_link(BOB, "8", "bob", client_id="stock"), [], event()))
    with pytest.raises(AccountTaken):
        together(stores, *two())
    assert (rows(stores, schema.links), rows(stores, schema.outbox)) == (1, 0)


def test_df02_the_same_again_answers_the_links_and_sends_nothing(stores: SqlStores) -> None:
    assert together(stores, *two()) == together(stores, *reversed(two()))[::-1]
    assert rows(stores, schema.outbox) == 1


def test_an_account_linked_to_the_same_identity_already_stands_in_nobodys_way(stores: SqlStores) -> None:
    first, second = two()
    before = asyncio.run(stores.links.add(replace(first, flow="before", unlink_token_hash="x"), [], event()))
    made = together(stores, first, second)
    assert made[0] == before
    assert rows(stores, schema.links) == 2


def test_a_flow_whose_link_was_removed_makes_no_second_one(stores: SqlStores) -> None:
    made = together(stores, *two())
    asyncio.run(stores.links.remove(made[0].link_id, [], event("unlinked")))
    with pytest.raises(LinkRefused):
        together(stores, *two())
    assert rows(stores, schema.links) == 1
