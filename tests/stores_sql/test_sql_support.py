"""What the support page reads, on both dialects: found exactly, within one tenant, counted by the day."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from tests.stores_sql.made import ANN, BOB, HUB, NOW, client, mail, new_link, tenant

from linkmw.hub.ports import About, AuditEvent, Event
from linkmw.stores.sql import SqlStores

T = TypeVar("T")
DAY = 86_400
TODAY = NOW // DAY
OURS = ["orders", "stock"]


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def happened(stores: SqlStores, name: Event, days_ago: int = 0, **more: Any) -> None:
    said = {"organization_id": "acme", "client_id": "orders", **more}
    run(stores.audit.write(AuditEvent(name, "refused" if "code" in more else "ok", NOW - days_ago * DAY, **said)))


def linked(stores: SqlStores, account: str, days_ago: int, **more: Any) -> None:
    new = replace(new_link(account=account, flow=f"flow {account}", **more), created=NOW - days_ago * DAY)
    told = AuditEvent("linked", "ok", new.created, organization_id="acme", client_id=new.client_id, flow=account)
    run(stores.links.add(new, [], told))


@pytest.mark.parametrize("name", ["user7", "7", "user7@example.com", "USER7@example.com", "ann@example.com"])
def test_pr27_a_link_is_found_by_what_is_written_exactly(stores: SqlStores, name: str) -> None:
    linked(stores, "7", 0)
    linked(stores, "8", 0, identity=BOB)
    assert [link.account_id for link in run(stores.support.find(OURS, name))] == ["7"]


@pytest.mark.parametrize("name", ["user", "%", "_ser7", "", "User7", "\0", "x" * 999, "user7@example", "flow 7"])
def test_pr27_and_by_nothing_else(stores: SqlStores, name: str) -> None:
    linked(stores, "7", 0)
    assert run(stores.support.find(OURS, name)) == []


def test_pr08_pr27_another_tenants_are_not_there(stores: SqlStores) -> None:
    stores.admin.add_tenant(tenant("globex"))
    stores.admin.add_client(client("shop", organization_id="globex"), HUB)
    linked(stores, "9", 0, client_id="shop")
    happened(stores, "sign_in_failed", organization_id="globex", code="expired", ref="7Q4K-M2XD", subject="ann")
    run(stores.outbox.put(mail(), NOW, About("shop", "9", ANN.issuer, ANN.subject)))
    assert run(stores.support.find(OURS, "user9")) == []
    assert run(stores.support.by_reference("acme", "7Q4K-M2XD")) == []
    assert run(stores.support.mails(ANN, [], OURS)) == []
    assert run(stores.support.trail("acme", ANN)) == []
    assert len(run(stores.support.by_reference("globex", "7Q4K-M2XD"))) == 1
    assert run(stores.support.rollout("acme", OURS, NOW, 30)).failures == {}


def test_i12_a_mail_is_known_by_whom_it_is_about_and_its_row_shows_neither_address_nor_content(
    stores: SqlStores,
) -> None:
    run(stores.outbox.put(mail(subject="A"), NOW, About("orders", "7", ANN.issuer, ANN.subject)))
    run(stores.outbox.put(mail(subject="B"), NOW, About("orders", "7")))  # before anybody had the account
    run(stores.outbox.put(mail(subject="C"), NOW, About("orders", "8", BOB.issuer, BOB.subject)))
    linked(stores, "7", 0)
    links = run(stores.links.of_identity(ANN, OURS))
    found = run(stores.support.mails(ANN, links, OURS))
    assert [(record.item_id, record.state) for record in found] == [(2, "waiting"), (1, "waiting")]
    assert "example" not in repr(found)
    items = {item.item_id: item for item in run(stores.outbox.claim(NOW, 10))}
    run(stores.outbox.sent(1, NOW))
    run(stores.outbox.failed(2, "SMTPRecipientsRefused 550", None))
    assert [record.state for record in run(stores.support.mails(ANN, links, OURS))] == ["given_up", "sent"]
    assert [run(stores.support.send_again(item_id, NOW + 60)) for item_id in (1, 2, 99)] == [False, True, False]
    assert [item.mail for item in run(stores.outbox.claim(NOW + 60, 10))] == [items[2].mail]


def test_ops2_the_curve_ends_with_what_there_is_and_goes_back_by_what_happened(stores: SqlStores) -> None:
    for account, days_ago in (("1", 40), ("2", 3), ("3", 3), ("4", 1), ("5", 0)):
        linked(stores, account, days_ago)
    [gone] = [link for link in run(stores.links.of_identity(ANN, OURS)) if link.account_id == "4"]
    told = AuditEvent("unlinked", "ok", NOW, organization_id="acme", client_id="orders")
    run(stores.links.remove(gone.link_id, [], told))
    found = run(stores.support.rollout("acme", OURS, NOW, 5)).linked
    assert found == {TODAY - 4: 1, TODAY - 3: 3, TODAY - 2: 3, TODAY - 1: 4, TODAY: 4}
    run(stores.audit.forget(NOW - DAY))  # the trail is shorter now; how many there are is not
    assert list(run(stores.support.rollout("acme", OURS, NOW, 5)).linked.values())[-2:] == [4, 4]


def test_ops2_steps_are_flows_however_often_each_was_tried(stores: SqlStores) -> None:
    for flow in ("a", "a", "b", "c"):
        happened(stores, "proof_asked", flow=flow)
    happened(stores, "proved", flow="a")
    happened(stores, "linked", flow="a")
    happened(stores, "proof_asked", 30, flow="too long ago")
    found = run(stores.support.rollout("acme", OURS, NOW, 30)).steps
    assert found == {"proof_asked": 3, "proved": 1, "address_mailed": 0, "linked": 1}


def test_ops2_failures_are_the_most_frequent_ones_first(stores: SqlStores) -> None:
    for number in range(25):
        happened(stores, "sign_in_failed", code=f"code_{number:02}")
    for _ in range(3):
        happened(stores, "link_refused", code="account_taken")
    found = run(stores.support.rollout("acme", OURS, NOW, 30)).failures
    assert (len(found), next(iter(found.items()))) == (20, (("link_refused", "account_taken"), 3))


def test_ops2_a_tenant_where_nothing_happened_has_a_page_too(stores: SqlStores) -> None:
    found = run(stores.support.rollout("acme", [], NOW, 365))
    assert (len(found.linked), set(found.linked.values()), found.failures) == (365, {0}, {})


def test_ops3_what_waits_is_counted_with_the_age_of_the_oldest(stores: SqlStores) -> None:
    assert (run(stores.outbox.waiting()).many, run(stores.outbox.waiting()).since) == (0, None)
    for age in (5, 90):
        run(stores.outbox.put(mail(), NOW - age))
    found = run(stores.outbox.waiting())
    assert (found.many, found.since) == (2, NOW - 90)
    [item, other] = run(stores.outbox.claim(NOW, 10))
    run(stores.outbox.sent(item.item_id, NOW))
    run(stores.outbox.failed(other.item_id, "550", None))
    assert run(stores.outbox.waiting()).many == 0
    assert run(stores.logouts.waiting()).many == 0


def test_ops3_df04_a_schema_of_an_older_version_does_not_suit_and_a_newer_one_does(stores: SqlStores) -> None:
    assert run(stores.suits())
    for version, suits in (("0001", False), ("9999", True)):
        write = f"UPDATE alembic_version SET version_num = '{version}'"
        stores.database.write_now(lambda connection, write=write: connection.exec_driver_sql(write))  # type: ignore[misc]
        assert run(stores.suits()) is suits
