"""The owner's order of links, on SQLite and PostgreSQL (MIM-19): changed as it was seen, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from tests.stores_sql.made import ANN, BOB, event, mail, new_link

from linkmw.model import Identity, Link
from linkmw.stores.sql import SqlStores


def add(stores: SqlStores, account: str, identity: Identity = ANN, client_id: str = "orders") -> Link:
    link = new_link(identity, account, flow=f"{client_id} {account}", client_id=client_id)
    return asyncio.run(stores.links.add(link, [mail()], event()))


def order(stores: SqlStores, identity: Identity = ANN, client_id: str = "orders") -> list[int]:
    return [link.link_id for link in asyncio.run(stores.links.of_identity(identity, [client_id]))]


def reorder(
    stores: SqlStores, seen: Sequence[int], wanted: Sequence[int], identity: Identity = ANN, client_id: str = "orders"
) -> list[int]:
    links = asyncio.run(stores.links.reorder(identity, client_id, seen, wanted))
    return [link.link_id for link in links]


def test_mim19_the_order_that_was_seen_becomes_the_order_that_is_wanted(stores: SqlStores) -> None:
    one, two, three = (add(stores, str(n)).link_id for n in range(3))
    assert reorder(stores, [one, two, three], [three, one, two]) == [three, one, two]
    assert order(stores) == [three, one, two]
    assert reorder(stores, [three, one, two], [three, two, one]) == [three, two, one]
    assert order(stores) == [three, two, one]


def test_mim19_a_new_link_comes_last_whatever_the_order_was(stores: SqlStores) -> None:
    one, two = (add(stores, str(n)).link_id for n in range(2))
    reorder(stores, [one, two], [two, one])
    new = add(stores, "9").link_id
    assert order(stores) == [two, one, new]


def test_mim19_an_order_that_holds_no_more_changes_nothing_and_answers_what_holds(stores: SqlStores) -> None:
    one, two, three = (add(stores, str(n)).link_id for n in range(3))
    reorder(stores, [one, two, three], [two, one, three])
    assert reorder(stores, [one, two, three], [three, two, one]) == [two, one, three]
    assert order(stores) == [two, one, three]


@pytest.mark.parametrize("wanted", [[], [0], [0, 0], [0, 1, 1], [0, 1, 9], [1, 0, 2]])
def test_mim19_what_is_no_permutation_changes_nothing(stores: SqlStores, wanted: list[int]) -> None:
    made = [add(stores, str(n)).link_id for n in range(2)]
    strange = [made[n] if n < 2 else 900 + n for n in wanted]
    assert reorder(stores, made, strange) == made
    assert order(stores) == made


def test_lt14_only_the_owner_orders_and_only_within_one_product(stores: SqlStores) -> None:
    made = [add(stores, str(n)).link_id for n in range(2)]
    stock = add(stores, "5", client_id="stock").link_id
    assert reorder(stores, made, made[::-1], identity=BOB) == []
    assert reorder(stores, made, made[::-1], client_id="stock") == [stock]
    assert reorder(stores, [*made, stock], [stock, *made]) == made
    assert order(stores) == made
