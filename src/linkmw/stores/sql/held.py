"""Accounts that were proven and wait for the identity that owns their address (AKE-14, PR01)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from linkmw.errors import LinkRefused, TenantNotEnabled, Unavailable
from linkmw.hub.ports import AuditEvent, HeldAccount
from linkmw.model import Account
from linkmw.stores.sql import audit as trail
from linkmw.stores.sql import schema
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.values import fits

_table = schema.held


def read_held(row: RowMapping) -> HeldAccount:
    """A row of `held` as a value."""
    # That its own product has verified its address is not kept: nothing is decided by it here.
    return HeldAccount(
        client_id=row["client_id"],
        account=Account(row["account_id"], row["username"], row["account_email"]),
        email=row["email"],
        flow=row["flow"],
        amr=tuple(row["amr"].split()),
        created=row["created"],
        language=row["language"],
    )


def _check_texts(held: HeldAccount) -> None:
    texts = (
        ("client_id", held.client_id, schema.ID),
        ("account_id", held.account.account_id, schema.ACCOUNT_ID),
        ("username", held.account.username, schema.USERNAME),
        ("account_email", held.account.email, schema.EMAIL),
        ("email", held.email, schema.EMAIL),
    )
    for name, value, limit in texts:
        if not fits(value, limit):
            raise LinkRefused(f"{name} cannot be stored: too long, or not plain text", code="value_refused")


def _of(client_id: str, account_id: str) -> ColumnElement[bool]:
    return (_table.c.client_id == client_id) & (_table.c.account_id == account_id)


def _replace(connection: Connection, held: HeldAccount) -> None:
    connection.execute(delete(_table).where(_of(held.client_id, held.account.account_id)))
    row = {
        "client_id": held.client_id,
        "account_id": held.account.account_id,
        "username": held.account.username,
        "account_email": held.account.email,
        "email": held.email,
        "flow": held.flow,
        "amr": " ".join(held.amr),
        "created": held.created,
        "language": held.language,
    }
    connection.execute(insert(_table).values(row))


def drop_linked(connection: Connection, accounts: Sequence[tuple[str, str]]) -> None:
    """Part of the transaction that links these accounts, whichever way: they wait for nobody any more.

    accounts: client id and account id of each, one at least.
    """
    those = _table.c.client_id == bindparam("of_client"), _table.c.account_id == bindparam("of_account")
    named = [{"of_client": client_id, "of_account": account_id} for client_id, account_id in accounts]
    connection.execute(delete(_table).where(*those), named)


def _dropped(row: RowMapping, now: int) -> AuditEvent:
    return AuditEvent(
        event="held_dropped",
        result="ok",
        time=now,
        code="expired",
        organization_id=row["organization_id"],
        client_id=row["client_id"],
        account_id=row["account_id"],
        actor="retention",
        username=row["username"],
    )


class SqlHeld:
    """Implements hub.ports.Held."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    async def put(self, held: HeldAccount, audit: AuditEvent) -> None:
        """The account waits, and the trail says so. Raises LinkRefused for texts that no column holds."""
        _check_texts(held)

        def put(connection: Connection) -> None:
            _replace(connection, held)
            trail.record(connection, audit)

        for _ in range(3):  # again when the same account was put at the same moment
            try:
                await self._database.write(put)
            except IntegrityError:
                if not await self._has_client(held.client_id):
                    raise TenantNotEnabled from None
            else:
                trail.announce(audit)
                return
        raise Unavailable("an account was put down many times at once")

    async def _has_client(self, client_id: str) -> bool:
        known = select(schema.clients.c.client_id).where(schema.clients.c.client_id == client_id)
        return await self._database.read(lambda connection: connection.execute(known).first()) is not None

    async def of_email(self, organization_id: str, email: str) -> list[HeldAccount]:
        """Compared exactly: another case is another address (LT15)."""
        if not (fits(organization_id, schema.ID) and fits(email, schema.EMAIL)):
            return []
        clients = schema.clients
        mine = select(_table).join(clients, clients.c.client_id == _table.c.client_id)
        found = mine.where(clients.c.organization_id == organization_id, _table.c.email == email)
        ordered = found.order_by(_table.c.created, _table.c.client_id, _table.c.account_id)
        rows = await self._database.read(lambda connection: connection.execute(ordered).mappings().all())
        return [read_held(row) for row in rows]

    async def drop(self, client_id: str, account_id: str) -> None:
        if not (fits(client_id, schema.ID) and fits(account_id, schema.ACCOUNT_ID)):
            return
        gone = delete(_table).where(_of(client_id, account_id))
        await self._database.write(lambda connection: connection.execute(gone))

    async def forget(self, before: int) -> int:
        """Drop the accounts that wait since before that time, each with its line in the trail; how many they were."""

        def drop_old(connection: Connection) -> list[AuditEvent]:
            of = schema.clients.c.organization_id
            its_own = select(of).where(schema.clients.c.client_id == _table.c.client_id).scalar_subquery()
            old = delete(_table).where(_table.c.created < before)
            rows = connection.execute(old.returning(_table, its_own.label(of.name))).mappings().all()
            events = [_dropped(row, self._now()) for row in rows]
            for event in events:
                trail.record(connection, event)
            return events

        events = await self._database.write(drop_old)
        for event in events:
            trail.announce(event)
        return len(events)
