"""The link table on SQLite and PostgreSQL: what no race, repeat or fault may break."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from tests.stores_sql.made import ANN, BOB, ISSUER, NOW, event, mail, new_link

from linkmw.errors import AccountTaken, LinkRefused, RequestRefused, TenantNotEnabled, Unavailable
from linkmw.hub.ports import NewLink
from linkmw.model import Account, Identity, Link
from linkmw.signed import Seal
from linkmw.stores.sql import SqlStores, schema

MANY = 16


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """What `work(0)` … `work(15)` answer or raise, begun at the same moment in threads of their own."""
    barrier = threading.Barrier(MANY)

    def one(number: int) -> Any:
        barrier.wait()
        try:
            return work(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(one, range(MANY)))


def add(stores: SqlStores, link: NewLink) -> Link:
    return asyncio.run(stores.links.add(link, [mail()], event()))


def rows(stores: SqlStores, table: Any) -> int:
    query = select(func.count()).select_from(table)
    return stores.database.read_now(lambda connection: connection.execute(query).scalar_one())


def test_mim16_of_sixteen_identities_at_once_one_gets_the_account(stores: SqlStores) -> None:
    for account in map(str, range(5)):

        def one(number: int, account: str = account) -> Link:
            person = Identity(ISSUER, f"person{number}")
            return add(stores, new_link(person, account, flow=f"{account}-{number}"))

        answers = at_once(one)
        assert Counter(type(answer) for answer in answers) == {Link: 1, AccountTaken: MANY - 1}
    assert (rows(stores, schema.links), rows(stores, schema.outbox), rows(stores, schema.audit)) == (5, 5, 5)


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "SERIALIZABLE"])
def test_df03_the_race_has_one_winner_whatever_the_isolation(
    database_url: str, key: str, stores: SqlStores, isolation: str
) -> None:
    """As this whole suite runs on both: a constraint decides, not a snapshot. SQLite knows one isolation."""
    strict = SqlStores.open(database_url, key)
    if strict.database.engine.dialect.name == "postgresql":
        engine = strict.database.engine.execution_options(isolation_level=isolation)
        strict = SqlStores(replace(strict.database, engine=engine), Seal.read(key))
    answers = at_once(lambda number: add(strict, new_link(Identity(ISSUER, f"person{number}"), flow=f"f{number}")))
    kinds = Counter(type(answer) for answer in answers)
    # SERIALIZABLE may tell a loser that it could not be serialised: he asks again, and is told who has the account.
    assert kinds[Link] == 1
    assert kinds[AccountTaken] + kinds[Unavailable] == MANY - 1
    assert (rows(stores, schema.links), rows(stores, schema.outbox), rows(stores, schema.audit)) == (1, 1, 1)
    strict.close()


def test_df02_sixteen_repeats_of_one_flow_at_once_make_one_link_and_one_mail(stores: SqlStores) -> None:
    answers = at_once(lambda _: add(stores, new_link()))
    assert len({answer.link_id for answer in answers}) == 1
    assert (rows(stores, schema.links), rows(stores, schema.outbox), rows(stores, schema.audit)) == (1, 1, 1)


def test_df02_a_commit_whose_reply_was_lost_is_answered_by_the_repeat(
    stores: SqlStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialect = stores.database.engine.dialect
    commit = dialect.do_commit

    def commit_and_lose_the_reply(connection: Any) -> None:
        commit(connection)
        monkeypatch.undo()
        raise OperationalError("COMMIT", {}, ConnectionResetError("connection reset"))

    monkeypatch.setattr(dialect, "do_commit", commit_and_lose_the_reply)
    with pytest.raises(Unavailable):
        add(stores, new_link())
    assert add(stores, new_link()).account_id == "7"
    assert (rows(stores, schema.links), rows(stores, schema.outbox)) == (1, 1)


def test_i1_the_table_itself_refuses_a_second_identity(stores: SqlStores) -> None:
    add(stores, new_link(ANN))
    with pytest.raises(AccountTaken):
        add(stores, new_link(BOB, flow="f2"))
    assert asyncio.run(stores.links.of_account("orders", "7")).identity == ANN  # type: ignore[union-attr]


def test_mim07_linking_again_what_is_linked_answers_it_and_sends_nothing(stores: SqlStores) -> None:
    first = add(stores, new_link())
    assert add(stores, new_link(flow="f2")) == first
    assert (rows(stores, schema.outbox), rows(stores, schema.audit)) == (1, 1)


def test_mim15_accounts_with_one_id_in_two_products_are_two(stores: SqlStores) -> None:
    assert add(stores, new_link(ANN)).link_id != add(stores, new_link(BOB, flow="f2", client_id="stock")).link_id


def test_pr17_a_flow_links_one_account_only(stores: SqlStores) -> None:
    add(stores, new_link(account="7"))
    with pytest.raises(RequestRefused, match="another account"):
        add(stores, new_link(account="8"))


def test_pr17_a_flow_whose_link_was_removed_makes_no_second_one(stores: SqlStores) -> None:
    link = add(stores, new_link())
    assert asyncio.run(stores.links.remove(link.link_id, [], event("unlinked"))) == link
    with pytest.raises(LinkRefused, match="removed"):
        add(stores, new_link())
    assert rows(stores, schema.links) == 0


def test_mim27_a_removed_link_can_be_made_again_by_whoever_proves_it(stores: SqlStores) -> None:
    first = add(stores, new_link(ANN))
    asyncio.run(stores.links.remove(first.link_id, [], event("unlinked")))
    second = add(stores, new_link(BOB, flow="f2"))
    assert (second.identity, second.link_id > first.link_id) == (BOB, True)


def test_um03_of_sixteen_removals_at_once_one_gets_the_link_and_one_mail_goes_out(stores: SqlStores) -> None:
    link = add(stores, new_link())
    remove = lambda _: asyncio.run(stores.links.remove(link.link_id, [mail()], event("unlinked")))  # noqa: E731
    answers = at_once(remove)
    assert Counter(answers) == {link: 1, None: MANY - 1}
    assert (rows(stores, schema.outbox), rows(stores, schema.audit)) == (2, 2)


def test_um04_the_mails_token_finds_its_link_until_that_is_removed(stores: SqlStores) -> None:
    new = new_link()
    link = add(stores, new)
    found = stores.links.by_unlink_token
    assert asyncio.run(found(new.unlink_token_hash)) == link
    assert asyncio.run(found("0" * 64)) is None
    asyncio.run(stores.links.remove(link.link_id, [], event("unlinked")))
    assert asyncio.run(found(new.unlink_token_hash)) is None


def test_mim17_an_identitys_links_come_in_the_owners_order_and_of_the_clients_asked_for(stores: SqlStores) -> None:
    made = [add(stores, new_link(account=str(n), flow=f"f{n}")) for n in (3, 1, 2)]
    add(stores, new_link(account="9", flow="f9", client_id="stock"))
    add(stores, new_link(BOB, account="8", flow="f8"))
    found = asyncio.run(stores.links.of_identity(ANN, ["orders"]))
    assert found == made
    assert [link.position for link in found] == [0, 1, 2]
    assert asyncio.run(stores.links.of_identity(ANN, [])) == []


def test_mim14_a_sign_in_is_noted_with_the_name_the_account_has_now(stores: SqlStores) -> None:
    link = add(stores, new_link())
    audited = rows(stores, schema.audit)
    asyncio.run(stores.links.used(link.link_id, "renamed", event("signed_in", time=NOW + 5)))
    assert asyncio.run(stores.links.of_account("orders", "7")) == replace(link, last_used=NOW + 5, username="renamed")
    assert rows(stores, schema.audit) == audited + 1


def test_ops2_a_sign_in_that_the_trail_cannot_hold_is_not_noted_at_its_link_either(
    stores: SqlStores, caplog: pytest.LogCaptureFixture
) -> None:
    link = add(stores, new_link())
    caplog.clear()
    stores.database.write_now(lambda connection: connection.execute(text("DROP TABLE audit")))
    with pytest.raises(Unavailable):
        asyncio.run(stores.links.used(link.link_id, "renamed", event("signed_in", time=NOW + 5)))
    assert asyncio.run(stores.links.of_account("orders", "7")) == link
    assert "signed_in" not in caplog.text


def test_pr08_a_link_with_an_unknown_client_is_refused(stores: SqlStores) -> None:
    with pytest.raises(TenantNotEnabled):
        add(stores, new_link(client_id="nobody"))
    assert (rows(stores, schema.outbox), rows(stores, schema.audit)) == (0, 0)


@pytest.mark.parametrize("account_id", ["'; DROP TABLE links; --", "1e3", "01000", "ß\u2028", "x" * 255])
def test_df05_odd_account_ids_are_kept_to_the_letter(stores: SqlStores, account_id: str) -> None:
    add(stores, new_link(account=account_id) if len(account_id) < 60 else long_account(account_id))
    found = asyncio.run(stores.links.of_account("orders", account_id))
    assert found is not None
    assert found.account_id == account_id
    assert asyncio.run(stores.links.of_account("orders", "1000")) is None


def long_account(account_id: str) -> NewLink:
    return replace(new_link(), account=Account(account_id, "ann"))


@pytest.mark.parametrize("account_id", ["a\0b", "\ud800", "x" * 256, "x" * 1_000_000])
def test_df05_what_no_column_can_hold_is_refused_and_never_found(stores: SqlStores, account_id: str) -> None:
    with pytest.raises(LinkRefused, match="account_id"):
        add(stores, long_account(account_id))
    assert asyncio.run(stores.links.of_account("orders", account_id)) is None
    assert asyncio.run(stores.links.of_account(account_id, "7")) is None
    assert asyncio.run(stores.links.by_unlink_token(account_id)) is None
    assert asyncio.run(stores.links.of_identity(Identity(ISSUER, account_id), ["orders"])) == []


def test_df05_the_table_itself_refuses_what_is_too_long(stores: SqlStores) -> None:
    query = schema.tenants.update().values(brand="x" * 201)
    with pytest.raises(Exception, match="ck_tenants_brand"):
        stores.database.write_now(lambda connection: connection.execute(query))


def test_neither_flow_ids_nor_mails_stand_in_the_database_in_the_clear(stores: SqlStores) -> None:
    asyncio.run(stores.links.add(new_link(flow="flow-of-ann"), [mail(subject="Remove Link inside")], event()))
    tables = (schema.links, schema.outbox, schema.audit)
    dump = stores.database.read_now(lambda c: repr([c.execute(select(table)).all() for table in tables]))
    assert "user7" in dump
    assert "flow-of-ann" not in dump
    assert "Remove Link" not in dump
