"""What the support page reads (hub.ports.Support): every query is bounded, by an index or by a number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, or_, select, tuple_, update

from linkmw.hub.ports import AuditEvent, MailRecord, Rollout
from linkmw.model import Identity, Link
from linkmw.stores.sql import audit as trail
from linkmw.stores.sql import links, schema
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.values import fits

MOST_FOUND = 20  # links of one name; more is no search for somebody
MOST_MAILS = 20
MOST_EVENTS = 30
MOST_FAILURES = 20
_DAY = 86_400

_MADE = ("linked", "account_migrated")
_GONE = ("unlinked", "account_gone", "migration_undone")
STEPS = ("proof_asked", "proved", "address_mailed", "linked")
_links, _audit, _outbox = schema.links, schema.audit, schema.outbox


class SqlSupport:
    """Implements hub.ports.Support."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, client_ids: Sequence[str], name: str) -> list[Link]:
        if not fits(name, schema.EMAIL):
            return []
        spelt = {name, name.lower()}
        having = [_links.c[column].in_(spelt) for column in ("email", "identity_email")] + [_links.c.username == name]
        # An id is looked for under each product, as its index has it.
        having += [and_(_links.c.client_id == client, _links.c.account_id == name) for client in client_ids]
        found = select(_links).where(_links.c.client_id.in_(client_ids), or_(*having)).order_by(_links.c.link_id)
        return [links.read_link(row) for row in await self._rows(found.limit(MOST_FOUND))]

    async def mails(self, identity: Identity, links: Sequence[Link], client_ids: Sequence[str]) -> list[MailRecord]:
        accounts = [(link.client_id, link.account_id) for link in links[:MOST_FOUND]]
        about = _of(_outbox, identity) | tuple_(_outbox.c.client_id, _outbox.c.account_id).in_(accounts)
        newest = select(_outbox).where(_outbox.c.client_id.in_(client_ids), about).order_by(_outbox.c.item_id.desc())
        return [_mail(row) for row in await self._rows(newest.limit(MOST_MAILS))]

    async def send_again(self, item_id: int, now: int) -> bool:
        unsent = update(_outbox).where(_outbox.c.item_id == item_id, _outbox.c.sent.is_(None))
        anew = unsent.values(due=now, tries=0, reason="").returning(_outbox.c.item_id)
        return await self._database.write(lambda connection: connection.execute(anew).first()) is not None

    async def trail(self, organization_id: str, identity: Identity) -> list[AuditEvent]:
        mine = _of(_audit, identity) & (_audit.c.organization_id == organization_id)
        return await self._events(mine)

    async def by_reference(self, organization_id: str, ref: str) -> list[AuditEvent]:
        if not ref or not fits(ref, schema.WORD):
            return []
        return await self._events((_audit.c.ref == ref) & (_audit.c.organization_id == organization_id))

    async def rollout(self, organization_id: str, client_ids: Sequence[str], now: int, days: int) -> Rollout:
        today = now // _DAY

        def read(connection: Connection) -> Rollout:
            at = (_audit.c.organization_id == organization_id) & (_audit.c.time >= (today - days + 1) * _DAY)
            return Rollout(
                linked=_linked(connection, at, client_ids, today, days),
                steps=_steps(connection, at),
                failures=_failures(connection, at),
            )

        return await self._database.read(read)

    async def _events(self, condition: ColumnElement[bool]) -> list[AuditEvent]:
        newest = select(_audit).where(condition).order_by(_audit.c.audit_id.desc()).limit(MOST_EVENTS)
        return [trail.read_event(row) for row in await self._rows(newest)]

    async def _rows(self, query: Any) -> Sequence[RowMapping]:
        return await self._database.read(lambda connection: connection.execute(query).mappings().all())


def _of(table: Any, identity: Identity) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = (table.c.issuer == identity.issuer) & (table.c.subject == identity.subject)
    return condition


def _mail(row: RowMapping) -> MailRecord:
    state: Literal["sent", "waiting", "given_up"] = (
        "sent" if row["sent"] is not None else "waiting" if row["due"] is not None else "given_up"
    )
    return MailRecord(row["item_id"], row["kind"], row["created"], state, row["tries"], row["reason"])


def _linked(
    connection: Connection, at: ColumnElement[bool], client_ids: Sequence[str], today: int, days: int
) -> dict[int, int]:
    """From how many there are now, back by what each day added or took: right also where older rows are forgotten."""
    day = _audit.c.time.op("/")(_DAY).label("day")
    change = func.sum(case((_audit.c.event.in_(_MADE), 1), else_=-1))
    by_day = select(day, change).where(at, _audit.c.event.in_((*_MADE, *_GONE)), _audit.c.result == "ok").group_by(day)
    changes = {int(row[0]): int(row[1]) for row in connection.execute(by_day)}
    many = connection.execute(select(func.count()).where(_links.c.client_id.in_(client_ids))).scalar_one()
    found = {}
    for number in range(today, today - days, -1):
        found[number] = max(many, 0)
        many -= changes.get(number, 0)
    return dict(sorted(found.items()))


def _steps(connection: Connection, at: ColumnElement[bool]) -> dict[str, int]:
    flows = func.count(func.distinct(_audit.c.flow))
    counted = select(_audit.c.event, flows).where(at, _audit.c.event.in_(STEPS), _audit.c.flow != "")
    many = {row[0]: int(row[1]) for row in connection.execute(counted.group_by(_audit.c.event))}
    return {step: many.get(step, 0) for step in STEPS}


def _failures(connection: Connection, at: ColumnElement[bool]) -> dict[tuple[str, str], int]:
    many = func.count()
    refused = select(_audit.c.event, _audit.c.code, many).where(at, _audit.c.result == "refused")
    most = refused.group_by(_audit.c.event, _audit.c.code).order_by(many.desc(), _audit.c.code).limit(MOST_FAILURES)
    return {(row[0], row[1]): int(row[2]) for row in connection.execute(most)}
