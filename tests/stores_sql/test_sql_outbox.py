"""The outbox and the audit trail."""

from __future__ import annotations

import asyncio
import json
import logging
from itertools import chain

import pytest
from sqlalchemy import select
from tests.stores_sql.made import ANN, BOB, NOW, Clock, event, mail, new_link
from tests.stores_sql.test_sql_links import at_once

from linkmw.errors import Unavailable
from linkmw.hub.ports import AuditEvent, OutboxItem
from linkmw.hub.retention import Retention
from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores, schema
from linkmw.stores.sql.outbox import CLAIM_SECONDS


def fill(stores: SqlStores, mails: int) -> None:
    for number in range(mails):
        link = new_link(account=str(number), flow=f"f{number}")
        asyncio.run(stores.links.add(link, [mail(subject=f"Mail {number}")], event()))


def claim(stores: SqlStores, now: int = NOW, limit: int = 10) -> list[OutboxItem]:
    return asyncio.run(stores.outbox.claim(now, limit))


def test_mim07_sixteen_processes_at_once_get_every_mail_once(stores: SqlStores) -> None:
    fill(stores, 20)
    taken = list(chain.from_iterable(at_once(lambda _: claim(stores, limit=3))))
    taken += claim(stores, limit=100)
    assert sorted(item.mail.subject for item in taken) == sorted(f"Mail {number}" for number in range(20))
    assert len({item.reference for item in taken}) == 20


def test_kf06_a_mail_whose_process_died_is_taken_over_once_its_claim_is_over(stores: SqlStores) -> None:
    fill(stores, 1)
    first = claim(stores)
    assert claim(stores, NOW + CLAIM_SECONDS - 1) == []
    again = claim(stores, NOW + CLAIM_SECONDS)
    assert [(item.item_id, item.reference, item.tries) for item in again] == [(first[0].item_id, first[0].reference, 2)]


def test_kf06_a_failed_mail_waits_and_one_given_up_is_kept(stores: SqlStores) -> None:
    fill(stores, 1)
    item = claim(stores)[0]
    asyncio.run(stores.outbox.failed(item.item_id, "451", NOW + 60))
    assert claim(stores, NOW + 59) == []
    item = claim(stores, NOW + 60)[0]
    asyncio.run(stores.outbox.failed(item.item_id, "550\0" + "x" * 1000, None))
    assert claim(stores, NOW + 10**8) == []
    row = stores.database.read_now(lambda c: c.execute(select(schema.outbox)).mappings().one())
    assert (row["sent"], row["reason"][:3], row["body"] != "") == (None, "550", True)


def test_df02_a_sent_mail_is_never_due_again_and_its_content_is_gone(stores: SqlStores) -> None:
    fill(stores, 1)
    item = claim(stores)[0]
    asyncio.run(stores.outbox.sent(item.item_id, NOW + 1))
    asyncio.run(stores.outbox.failed(item.item_id, "a late time-out", NOW + 2))
    assert claim(stores, NOW + 10**8) == []
    row = stores.database.read_now(lambda c: c.execute(select(schema.outbox)).mappings().one())
    assert (row["sent"], row["body"], row["reason"]) == (NOW + 1, "", "")


def test_a_mail_does_not_open_with_another_key_and_waits_for_its_own(
    stores: SqlStores, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    fill(stores, 1)
    other = SqlStores.open(database_url, new_key())
    assert claim(other) == []
    assert "does not open" in caplog.text
    other.close()
    assert [item.mail for item in claim(stores, NOW + CLAIM_SECONDS)] == [mail(subject="Mail 0")]


def test_ops2_an_event_is_a_row_and_a_json_line(stores: SqlStores, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "linkmw.audit")
    told = AuditEvent(
        "sign_in", "refused", NOW, "token_rejected", "7Q4K-M2XD", "acme", "orders", "7", ANN.issuer, "ann", "ab12",
        "192.0.2.1", "visitor",
    )  # fmt: skip
    asyncio.run(stores.audit.write(told))
    assert asyncio.run(stores.audit.recent(ANN, 5)) == [told]
    assert asyncio.run(stores.audit.recent(BOB, 5)) == []
    assert json.loads(caplog.messages[0]) == {
        "time": "2027-01-15T08:00:00Z",
        "event": "sign_in",
        "result": "refused",
        "code": "token_rejected",
        "ref": "7Q4K-M2XD",
        "tenant": "acme",
        "client_id": "orders",
        "account_id": "7",
        "iss": ANN.issuer,
        "sub": "ann",
        "flow": "ab12",
        "ip": "192.0.2.1",
        "actor": "visitor",
    }


def test_ops2_a_link_is_logged_once_and_only_when_it_was_made(
    stores: SqlStores, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "linkmw.audit")
    for _ in range(3):
        fill(stores, 1)
    assert [record.name for record in caplog.records] == ["linkmw.audit"]


def test_df05_an_event_is_recorded_whatever_a_stranger_put_into_it(
    stores: SqlStores, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "linkmw.audit")
    odd = AuditEvent("sign_in", "refused", NOW, issuer=ANN.issuer, subject="ann", account_id="\0\ud800\n" + "x" * 9999)
    asyncio.run(stores.audit.write(odd))
    assert asyncio.run(stores.audit.recent(ANN, 1))[0].account_id[3:10] == "xxxxxxx"
    assert "\n" not in caplog.messages[0]


def test_i11_an_event_is_in_the_log_even_when_sql_is_away(stores: SqlStores, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    drop = schema.audit.delete().compile().string.replace("DELETE FROM", "DROP TABLE")
    stores.database.write_now(lambda connection: connection.exec_driver_sql(drop))
    asyncio.run(stores.audit.write(event()))
    assert [record.name for record in caplog.records] == ["linkmw.audit", "linkmw.sql"]


def test_ops2_old_events_are_forgotten_and_new_ones_come_oldest_first(stores: SqlStores, clock: Clock) -> None:
    for number in range(4):
        asyncio.run(stores.audit.write(event(f"e{number}", time=NOW + number)))
    assert asyncio.run(stores.audit.forget(NOW + 1)) == 1
    tail = stores.audit.after(0, 2)
    assert [told.event for _, told in tail] == ["e2", "e3"]
    assert stores.audit.after(tail[-1][0], 2) == []


def test_ops2_finished_mails_are_forgotten_and_waiting_ones_are_not(stores: SqlStores) -> None:
    fill(stores, 3)
    sent, given_up, _waiting = claim(stores)
    asyncio.run(stores.outbox.sent(sent.item_id, NOW))
    asyncio.run(stores.outbox.failed(given_up.item_id, "550", None))
    assert asyncio.run(stores.outbox.forget(NOW)) == 0
    assert asyncio.run(stores.outbox.forget(NOW + 1)) == 2
    assert [item.mail.subject for item in claim(stores, NOW + CLAIM_SECONDS)] == ["Mail 2"]


def test_ops2_the_hub_forgets_after_the_days_that_were_set(stores: SqlStores, clock: Clock) -> None:
    for age in (399, 400, 401):
        asyncio.run(stores.audit.write(event(f"{age} days", time=NOW - age * 86400)))

    async def story() -> None:
        async with Retention([away, stores.audit.forget, looked], 400, clock).running():
            await asyncio.wait_for(done.wait(), 10)

    async def away(_before: int) -> int:
        raise Unavailable

    async def looked(_before: int) -> int:
        done.set()
        return 0

    done = asyncio.Event()
    asyncio.run(story())
    assert [told.event for told in asyncio.run(stores.audit.recent(ANN, 9))] == ["400 days", "399 days"]
