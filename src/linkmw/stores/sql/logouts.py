"""Logouts that products have to be told of: committed, each handed to one process at a time, kept as a record."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Connection, RowMapping, delete, insert, literal, select, update

from linkmw.hub.ports import Logout, LogoutItem, Waiting
from linkmw.model import Identity
from linkmw.stores.sql import due, schema
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.values import clipped

CLAIM_SECONDS = 60  # longer than a product may take (LINKMW_HUB_HTTP_TIMEOUT)


def commit(connection: Connection, logouts: Sequence[Logout], now: int) -> None:
    """Add the logouts to the transaction of what they follow from; they are due at once."""
    rows = [
        {
            "client_id": logout.client_id,
            "account_id": logout.account_id,
            "hub_sid": logout.hub_sid,
            "created": now,
            "due": now,
            "tries": 0,
            "reason": "",
        }
        for logout in logouts
    ]
    if rows:
        connection.execute(insert(schema.logouts), rows)


def _item(row: RowMapping) -> LogoutItem:
    logout = Logout(row["client_id"], row["account_id"], row["hub_sid"])
    return LogoutItem(row["item_id"], logout, row["created"], row["tries"])


class SqlLogouts:
    """Implements hub.ports.Logouts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._arrived = asyncio.Event()

    async def put(self, logouts: Sequence[Logout], now: int) -> None:
        if logouts:
            await self._database.write(lambda connection: commit(connection, logouts, now))
            self.announce()

    async def put_of(self, identity: Identity, client_ids: Sequence[str], hub_sid: str, now: int) -> None:
        links = schema.links.c
        values = (literal(hub_sid), literal(now), literal(now), literal(0), literal(""))
        accounts = select(links.client_id, links.account_id, *values).where(
            links.issuer == identity.issuer, links.subject == identity.subject, links.client_id.in_(client_ids)
        )
        names = ("client_id", "account_id", "hub_sid", "created", "due", "tries", "reason")
        await self._database.write(lambda c: c.execute(insert(schema.logouts).from_select(names, accounts)))
        self.announce()

    def announce(self) -> None:
        """Some were committed, here or with what they follow from: nobody has to wait for the next look."""
        self._arrived.set()

    async def arrival(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), seconds)
        self._arrived.clear()

    async def claim(self, now: int, limit: int, without: Sequence[str] = ()) -> list[LogoutItem]:
        of_others = schema.logouts.c.client_id.not_in(without)
        rows = await self._database.write(
            lambda connection: due.claim(connection, schema.logouts, now, limit, CLAIM_SECONDS, of_others)
        )
        return [_item(row) for row in rows]

    async def told(self, item_id: int) -> None:
        await self._set(item_id, due=None, reason="")

    async def failed(self, item_id: int, reason: str, next_try: int | None) -> None:
        await self._set(item_id, due=next_try, reason=clipped(reason, schema.LINE))

    async def waiting(self) -> Waiting:
        return await self._database.read(lambda connection: due.waiting(connection, schema.logouts))

    async def forget(self, before: int) -> int:
        """Drop the records of logouts that were told, or given up, and made before that time; how many they were."""
        table = schema.logouts
        old = delete(table).where(table.c.due.is_(None), table.c.created < before)
        return await self._database.write(lambda connection: connection.execute(old).rowcount)

    async def _set(self, item_id: int, **values: object) -> None:
        change = update(schema.logouts).where(schema.logouts.c.item_id == item_id).values(values)
        await self._database.write(lambda connection: connection.execute(change))
