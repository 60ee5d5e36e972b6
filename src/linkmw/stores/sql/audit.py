"""The audit trail: one row in SQL and one JSON line in the log `linkmw.audit` per event (OPS-2)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, delete, insert, select

from linkmw import metrics
from linkmw.errors import Unavailable
from linkmw.hub.ports import AuditEvent
from linkmw.log import audit_line
from linkmw.model import Identity
from linkmw.stores.sql import schema
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.values import clipped

_log = logging.getLogger("linkmw.audit")
_trouble = logging.getLogger("linkmw.sql")

_FIELDS = tuple(field.name for field in fields(AuditEvent))
_INSERT = insert(schema.audit)
_LIMITS = {
    "event": schema.WORD,
    "result": schema.WORD,
    "code": schema.WORD,
    "ref": schema.WORD,
    "organization_id": schema.ID,
    "client_id": schema.ID,
    "account_id": schema.ACCOUNT_ID,
    "issuer": schema.URL,
    "subject": schema.SUBJECT,
    "flow": schema.WORD,
    "ip": schema.WORD,
    "actor": schema.NAME,
    "username": schema.USERNAME,
    "user_agent": schema.LINE,
}


def line(event: AuditEvent) -> str:
    """The event as one JSON line, in the field names operators were promised."""
    return audit_line(
        event.time,
        event=event.event,
        result=event.result,
        code=event.code,
        ref=event.ref,
        tenant=event.organization_id,
        client_id=event.client_id,
        account_id=event.account_id,
        iss=event.issuer,
        sub=event.subject,
        flow=event.flow,
        ip=event.ip,
        actor=event.actor,
    )


def record(connection: Connection, event: AuditEvent) -> None:
    """Add the row to the transaction of what it tells of; `announce` follows once that is committed."""
    record_all(connection, [event])


def record_all(connection: Connection, events: Sequence[AuditEvent]) -> None:
    """As `record`, for many."""
    if events:
        connection.execute(_INSERT, [_row(event) for event in events])


def _row(event: AuditEvent) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(event, name) for name in _FIELDS}
    row.update((name, clipped(row[name], limit)) for name, limit in _LIMITS.items())
    return row


def announce(event: AuditEvent) -> None:
    """Write the event's line to the log, and count it."""
    whose = event.organization_id, event.client_id
    metrics.count(metrics.EVENTS, event.event, event.result, event.code, *whose)
    _log.info("%s", line(event))


def read_event(row: RowMapping) -> AuditEvent:
    """A row of `audit` as a value."""
    return AuditEvent(**{name: value for name, value in row.items() if name != "audit_id"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: all that fit whatever is given. since, until: seconds since the epoch, `until` not included."""

    since: int | None = None
    until: int | None = None
    events: tuple[str, ...] = ()
    organization_id: str = ""
    client_id: str = ""
    account_id: str = ""

    def conditions(self) -> list[ColumnElement[bool]]:
        column = schema.audit.c
        found = [
            column[name] == value
            for name in ("organization_id", "client_id", "account_id")
            if (value := getattr(self, name))
        ]
        if self.since is not None:
            found.append(column.time >= self.since)
        if self.until is not None:
            found.append(column.time < self.until)
        return [*found, column.event.in_(self.events)] if self.events else found


def _later(audit_id: int, wanted: Wanted | None) -> Select[Any]:
    return select(schema.audit).where(schema.audit.c.audit_id > audit_id, *(wanted or Wanted()).conditions())


class SqlAudit:
    """Implements hub.ports.Audit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, event: AuditEvent) -> None:
        """The log first: it has the event even while SQL is away."""
        announce(event)
        try:
            await self._database.write(lambda connection: record(connection, event))
        except Unavailable as error:
            _trouble.error("the audit row of %s was not written: %s", event.event, error)

    async def recent(self, identity: Identity, limit: int) -> list[AuditEvent]:
        """The identity's newest events, newest first."""
        mine = (schema.audit.c.issuer == identity.issuer) & (schema.audit.c.subject == identity.subject)
        newest = select(schema.audit).where(mine).order_by(schema.audit.c.audit_id.desc()).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(newest).mappings().all())
        return [read_event(row) for row in rows]

    def after(self, audit_id: int, limit: int, wanted: Wanted | None = None) -> list[tuple[int, AuditEvent]]:
        """Events later than row `audit_id`, oldest first, each with its row's id; of more than `limit` the newest."""
        newest = _later(audit_id, wanted).order_by(schema.audit.c.audit_id.desc()).limit(limit)
        return self._rows(newest)[::-1]

    def page(self, audit_id: int, limit: int, wanted: Wanted | None = None) -> list[tuple[int, AuditEvent]]:
        """As `after`, but of more than `limit` the oldest: for whoever reads on from there."""
        return self._rows(_later(audit_id, wanted).order_by(schema.audit.c.audit_id).limit(limit))

    def _rows(self, query: Select[Any]) -> list[tuple[int, AuditEvent]]:
        rows = self._database.read_now(lambda connection: connection.execute(query).mappings().all())
        return [(row["audit_id"], read_event(row)) for row in rows]

    async def forget(self, before: int) -> int:
        """Drop the events from before that time (LINKMW_HUB_AUDIT_DAYS); how many they were."""
        old = delete(schema.audit).where(schema.audit.c.time < before)
        return await self._database.write(lambda connection: connection.execute(old).rowcount)
