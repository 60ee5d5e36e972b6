"""The ledger of `linkmw hub migrate`, and the links it makes without mails or flows."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from linkmw.hub.migrate.ledger import Entry, Made
from linkmw.hub.ports import AuditEvent, Event, Logout
from linkmw.model import Identity
from linkmw.stores.sql import audit as trail
from linkmw.stores.sql import held, schema
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.logouts import commit as commit_logouts
from linkmw.stores.sql.values import clipped

ACTOR = "linkmw hub migrate"

_table = schema.migrated
_links = schema.links


def _entry(row: RowMapping) -> Entry:
    identity = Identity(row["issuer"], row["subject"]) if row["subject"] else None
    return Entry(row["account_id"], row["email"], row["reference"], identity, row["link_id"])


def _random_hash() -> str:
    """Of a flow and an unlink token that nobody ever had."""
    return hashlib.sha256(secrets.token_bytes(32)).hexdigest()


class SqlMigrated:
    """Implements hub.migrate.ledger.Ledger."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    def of_accounts(self, client_id: str, account_ids: Collection[str]) -> dict[str, Entry]:
        mine = select(_table).where(_table.c.client_id == client_id, _table.c.account_id.in_(account_ids))
        rows = self._database.read_now(lambda connection: connection.execute(mine).mappings().all())
        return {row["account_id"]: _entry(row) for row in rows}

    def linked(self, client_id: str, account_ids: Collection[str]) -> set[str]:
        found = select(_links.c.account_id).where(_links.c.client_id == client_id, _links.c.account_id.in_(account_ids))
        return set(self._database.read_now(lambda connection: connection.execute(found).scalars().all()))

    def begin(self, client_id: str, entries: Sequence[Entry]) -> None:
        rows = [
            {
                "client_id": client_id,
                "account_id": entry.account_id,
                "email": entry.email,
                "reference": entry.reference,
                "issuer": "",
                "subject": "",
                "begun": self._now(),
            }
            for entry in entries
        ]
        if rows:
            self._database.write_now(lambda connection: connection.execute(insert(_table), rows))

    def finish(self, organization_id: str, client_id: str, made: Sequence[Made]) -> set[str]:
        events = {
            one.account_id: _event("account_migrated", organization_id, client_id, one, self._now()) for one in made
        }

        def write(connection: Connection) -> set[str]:
            taken = set()
            for one in made:
                if not self._record(connection, client_id, one):
                    taken.add(one.account_id)
                    continue
                trail.record(connection, events[one.account_id])
            return taken

        taken = self._database.write_now(write) if made else set()
        for account_id in events.keys() - taken:
            trail.announce(events[account_id])
        return taken

    def _record(self, connection: Connection, client_id: str, one: Made) -> bool:
        try:
            with connection.begin_nested():
                link_id = _link(connection, client_id, one, self._now()) if one.link else None
        except IntegrityError:
            return False
        mine = (_table.c.client_id == client_id) & (_table.c.account_id == one.account_id)
        said = {"issuer": one.identity.issuer, "subject": one.identity.subject, "link_id": link_id}
        connection.execute(update(_table).where(mine).values(said))
        return True

    def drop(self, client_id: str, account_ids: Collection[str]) -> None:
        gone = delete(_table).where(_table.c.client_id == client_id, _table.c.account_id.in_(account_ids))
        if account_ids:
            self._database.write_now(lambda connection: connection.execute(gone))

    def after(self, client_id: str, account_id: str, limit: int) -> list[Entry]:
        mine = select(_table).where(_table.c.client_id == client_id, _table.c.account_id > account_id)
        ordered = mine.order_by(_table.c.account_id).limit(limit)
        rows = self._database.read_now(lambda connection: connection.execute(ordered).mappings().all())
        return [_entry(row) for row in rows]

    def unlink(self, organization_id: str, client_id: str, entry: Entry) -> None:
        mine = (_links.c.link_id == entry.link_id) & (_links.c.client_id == client_id)
        now = self._now()
        event = _event("migration_undone", organization_id, client_id, entry, now)

        def remove(connection: Connection) -> None:
            row = connection.execute(delete(_links).where(mine).returning(_links)).mappings().first()
            if row is not None:
                commit_logouts(connection, [Logout(client_id, entry.account_id)], now)
            trail.record(connection, event)

        self._database.write_now(remove)
        trail.announce(event)

    def has_links(self, identity: Identity) -> bool:
        mine = (_links.c.issuer == identity.issuer) & (_links.c.subject == identity.subject)
        found = select(_links.c.link_id).where(mine).limit(1)
        return self._database.read_now(lambda connection: connection.execute(found).first()) is not None


def _link(connection: Connection, client_id: str, one: Made, now: int) -> int:
    mine = (_links.c.issuer == one.identity.issuer) & (_links.c.subject == one.identity.subject)
    last = select(func.coalesce(func.max(_links.c.position) + 1, 0)).where(mine, _links.c.client_id == client_id)
    row = {
        "client_id": client_id,
        "account_id": one.account_id,
        "username": clipped(one.username, schema.USERNAME),
        "email": one.account_email,
        "issuer": one.identity.issuer,
        "subject": one.identity.subject,
        "identity_email": one.email,
        "flow_hash": _random_hash(),
        "unlink_token_hash": _random_hash(),
        "proof": "migration",
        "amr": "",
        "created": now,
        "position": last.scalar_subquery(),
    }
    held.drop_linked(connection, [(client_id, one.account_id)])
    return int(connection.execute(insert(_links).values(row).returning(_links.c.link_id)).scalar_one())


def _event(name: Event, organization_id: str, client_id: str, what: Made | Entry, now: int) -> AuditEvent:
    return AuditEvent(
        event=name,
        result="ok",
        time=now,
        organization_id=organization_id,
        client_id=client_id,
        account_id=what.account_id,
        issuer=what.identity.issuer if what.identity else "",
        subject=what.identity.subject if what.identity else "",
        actor=ACTOR,
    )
