"""Many at once at SQLite and at PostgreSQL: a constraint decides, and what it decides is all there is (I1)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import func, select
from tests.races.racing import MANY, at_once, rounds
from tests.stores_sql.conftest import clock, database_url, dialect, key, prepared_postgresql, prepared_sqlite, stores
from tests.stores_sql.made import ANN, ISSUER, event, mail, new_link

from linkmw.errors import AccountTaken
from linkmw.hub.ports import NewLink
from linkmw.model import Identity, Link
from linkmw.stores.sql import SqlStores, schema

# The fixtures of both dialects.
__all__ = ["clock", "database_url", "dialect", "key", "prepared_postgresql", "prepared_sqlite", "stores"]


def add(stores: SqlStores, link: NewLink) -> Link:
    return asyncio.run(stores.links.add(link, [mail()], event()))


def add_all(stores: SqlStores, *links: NewLink) -> list[Link]:
    return asyncio.run(stores.links.add_all(links, [mail()], [event() for _ in links]))


def remove(stores: SqlStores, link_id: int) -> Link | None:
    return asyncio.run(stores.links.remove(link_id, [mail()], event("unlinked")))


def reorder(stores: SqlStores, person: Identity, seen: list[int], wanted: list[int]) -> list[int]:
    links = asyncio.run(stores.links.reorder(person, "orders", seen, wanted))
    return [link.link_id for link in links]


def order(stores: SqlStores, person: Identity) -> list[int]:
    return [link.link_id for link in asyncio.run(stores.links.of_identity(person, ["orders"]))]


def mails(stores: SqlStores) -> int:
    query = select(func.count()).select_from(schema.outbox)
    return int(stores.database.read_now(lambda connection: connection.execute(query).scalar_one()))


def test_rc01_rc02_of_sixteen_attempts_at_one_account_one_identity_has_it_with_one_mail(stores: SqlStores) -> None:
    """Half of them are one identity's, which sends its own twice over; the others are each somebody else's."""
    for number, name in enumerate(rounds("RC01, RC02 at SQL"), 1):
        people = [Identity(ISSUER, f"{name}-{n if n % 2 else 0}") for n in range(MANY)]
        flows = [f"{name}-{n if n % 2 else n // 4 * 4}" for n in range(MANY)]
        links = [new_link(one, name, flow) for one, flow in zip(people, flows, strict=True)]
        answers = at_once([partial(add, stores, link) for link in links])
        (winner,) = {answer.identity for answer in answers if isinstance(answer, Link)}
        for person, answer in zip(people, answers, strict=True):
            assert isinstance(answer, Link if person == winner else AccountTaken)
        assert len({answer.link_id for answer in answers if isinstance(answer, Link)}) == 1
        assert mails(stores) == number


def test_rc04_rc05_of_sixteen_removals_one_gets_the_link_and_one_mail_goes_out(stores: SqlStores) -> None:
    for number, name in enumerate(rounds("RC04, RC05 at SQL"), 1):
        link = add(stores, new_link(ANN, name, name))
        answers = at_once([partial(remove, stores, link.link_id)] * MANY)
        assert Counter(answers) == {link: 1, None: MANY - 1}
        assert mails(stores) == 2 * number


def test_rc06_of_sixteen_orders_at_once_one_holds_and_everybody_is_told_which(stores: SqlStores) -> None:
    made = [add(stores, new_link(ANN, str(n), f"f{n}")).link_id for n in range(4)]
    for _ in rounds("RC06 at SQL, orders"):
        seen = order(stores, ANN)
        wishes = [seen[n % 3 + 1 :] + seen[: n % 3 + 1] for n in range(MANY)]
        answers = at_once([partial(reorder, stores, ANN, seen, wish) for wish in wishes])
        now = order(stores, ANN)
        assert now in wishes
        assert all(answer == now for answer in answers)
        assert sorted(now) == sorted(made)


def test_rc06_rc17_reorder_beside_link_and_unlink_leaves_an_order_of_the_survivors(stores: SqlStores) -> None:
    for name in rounds("RC06 at SQL, link and unlink"):
        person = Identity(ISSUER, name)
        for n in range(3):
            add(stores, new_link(person, f"{name}-{n}", f"{name}-{n}"))
        seen = order(stores, person)
        gone = seen[:2] if int(name) % 2 else seen  # all of them, too: then only what is added is left
        works: list[Callable[[], Any]] = [partial(remove, stores, link_id) for link_id in gone]
        works += [partial(add, stores, new_link(person, f"{name}-n{n}", f"{name}-n{n}")) for n in range(2)]
        works += [partial(reorder, stores, person, seen, seen[::-1])] * (MANY - len(works))
        new = [link.link_id for link in at_once(works)[len(gone) : len(gone) + 2]]
        now = order(stores, person)
        assert sorted(now) == sorted({*seen, *new} - {*gone})
        survivors = [link_id for link_id in seen if link_id not in gone]
        assert [link_id for link_id in now if link_id in seen] in (survivors, survivors[::-1])


def test_rc06_a_flow_whose_link_was_removed_makes_none_however_the_two_meet(stores: SqlStores) -> None:
    for name in rounds("a spent flow at SQL"):
        new = new_link(ANN, name, name)
        link = add(stores, new)
        works = [partial(remove, stores, link.link_id), *[partial(add, stores, new)] * (MANY - 1)]
        removed, *answers = at_once(works)
        assert removed == link
        assert all(answer == link for answer in answers if isinstance(answer, Link))
        assert asyncio.run(stores.links.of_account("orders", name)) is None


def test_rc09_of_first_sign_ins_of_two_identities_one_makes_all_links(stores: SqlStores) -> None:
    for number, name in enumerate(rounds("RC09 at SQL"), 1):
        people = [Identity(ISSUER, f"{name}-{n % 2}") for n in range(MANY)]
        pairs = [
            (new_link(one, name, f"{one.subject}o"), new_link(one, name, f"{one.subject}s", client_id="stock"))
            for one in people
        ]
        works = [partial(add_all, stores, *(pair if n % 4 < 2 else pair[::-1])) for n, pair in enumerate(pairs)]
        answers = at_once(works)
        assert Counter(type(answer) for answer in answers) == {list: MANY // 2, AccountTaken: MANY // 2}
        assert len({one.identity for answer in answers if isinstance(answer, list) for one in answer}) == 1
        assert mails(stores) == number
