"""One identity's rows in every table, read and erased (OPS-5)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, false, func, insert, or_, select, update

from linkmw.hub.persons import Erased, MailOf, Person, Whom
from linkmw.hub.ports import AuditEvent, Logout, Mail
from linkmw.model import Identity
from linkmw.signed import Seal
from linkmw.stores.sql import audit as trail
from linkmw.stores.sql import outbox, schema
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.held import read_held
from linkmw.stores.sql.links import REMAINS, about_of, read_link
from linkmw.stores.sql.logouts import SqlLogouts
from linkmw.stores.sql.logouts import commit as commit_logouts

_links, _held, _migrated, _audit = schema.links, schema.held, schema.migrated, schema.audit
_outbox = schema.outbox
_MAILS = 200  # at a time: each is up to 100 KiB, and after an import there are many


class SqlPersons:
    """Implements hub.persons.Persons."""

    def __init__(self, database: Database, seal: Seal, logouts: SqlLogouts) -> None:
        self._database = database
        self._seal = seal
        self._logouts = logouts

    async def addresses(self, identity: Identity) -> set[str]:
        mine = select(_links.c.email, _links.c.identity_email).where(_by(_links, identity))
        begun = select(_migrated.c.email).where(_by(_migrated, identity))

        def find(connection: Connection) -> set[str]:
            said = {one for row in connection.execute(mine) for one in row}
            return said | set(connection.execute(begun).scalars())

        return await self._database.read(find)

    async def of(self, whom: Whom, client_ids: Collection[str]) -> Person:
        def find(connection: Connection) -> Person:
            mine = select(_links).where(_by(_links, whom.identity)).order_by(_links.c.link_id)
            waiting = select(_held).where(_waiting(whom, client_ids)).order_by(_held.c.created)
            begun = select(_migrated).where(_by(_migrated, whom.identity))
            told = select(_audit).where(_by(_audit, whom.identity)).order_by(_audit.c.audit_id)
            return Person(
                links=[read_link(row) for row in connection.execute(mine).mappings()],
                held=[read_held(row) for row in connection.execute(waiting).mappings()],
                migrated=[_without_reference(row) for row in connection.execute(begun).mappings()],
                audit=[trail.read_event(row) for row in connection.execute(told).mappings()],
                mails=list(self._mails(connection, whom)),
            )

        return await self._database.read(find)

    async def erase(
        self, whom: Whom, client_ids: Collection[str], pseudonym: str, mails: Sequence[Mail], event: AuditEvent
    ) -> Erased:
        def write(connection: Connection) -> Erased:
            old = [mail.item_id for mail in self._mails(connection, whom)]
            gone = update(_outbox).where(_outbox.c.item_id.in_(old))
            connection.execute(gone.values(body="", due=None, reason="erased"))
            connection.execute(update(_outbox).where(_by(_outbox, whom.identity)).values(subject=pseudonym))
            links = self._unlinked(connection, whom, event.time)
            held = connection.execute(delete(_held).where(_waiting(whom, client_ids))).rowcount
            migrated = connection.execute(delete(_migrated).where(_by(_migrated, whom.identity))).rowcount
            nobody = {"subject": pseudonym, "ip": "", "username": "", "user_agent": ""}
            named = connection.execute(update(_audit).where(_by(_audit, whom.identity)).values(nobody)).rowcount
            for mail in mails:
                outbox.commit(connection, self._seal, mail, event.time, about_of(event))
            trail.record(connection, event)
            return Erased(pseudonym, links, held, migrated, named, len(old))

        erased = await self._database.write(write)
        trail.announce(event)
        self._logouts.announce()
        return erased

    def _unlinked(self, connection: Connection, whom: Whom, now: int) -> int:
        """The links are gone, whichever product's; what each leaves says whose account it was, not who opened it."""
        rows = connection.execute(delete(_links).where(_by(_links, whom.identity)).returning(_links)).mappings().all()
        for row in rows:
            kept = {name: row[name] for name in REMAINS}
            connection.execute(insert(schema.removed_links).values({**kept, "removed": now}))
        commit_logouts(connection, [Logout(row["client_id"], row["account_id"]) for row in rows], now)
        return len(rows)

    def _mails(self, connection: Connection, whom: Whom) -> Iterator[MailOf]:
        """Mails to the person that have their content still: one that was sent names nobody any more."""
        last, full = 0, select(_outbox).where(_outbox.c.body != "").order_by(_outbox.c.item_id).limit(_MAILS)
        while rows := connection.execute(full.where(_outbox.c.item_id > last)).mappings().all():
            for row in rows:
                mail = outbox.opened(row, self._seal)
                if mail is not None and mail.recipient.lower() in whom.addresses:
                    yield MailOf(row["item_id"], row["kind"], row["created"], row["sent"], mail.recipient, mail.subject)
            last = rows[-1]["item_id"]


def _by(table: Any, identity: Identity) -> ColumnElement[bool]:
    return and_(table.c.issuer == identity.issuer, table.c.subject == identity.subject)


def _waiting(whom: Whom, client_ids: Collection[str]) -> ColumnElement[bool]:
    """Accounts of the tenant that wait for one of the person's addresses."""
    if not whom.addresses:
        return false()
    addresses = list(whom.addresses)
    theirs = or_(func.lower(_held.c.email).in_(addresses), func.lower(_held.c.account_email).in_(addresses))
    return and_(_held.c.client_id.in_(list(client_ids)), theirs)


def _without_reference(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in ("client_id", "account_id", "email", "begun")}
