"""The link table: every race is decided by its UNIQUE constraints, never by looking first (MIM-16, B7)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    ScalarSelect,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from linkmw.errors import AccountTaken, LinkRefused, RequestRefused, TenantNotEnabled, Unavailable
from linkmw.hub.ports import MOST_LINKS, About, AuditEvent, Logout, Mail, NewLink, RemovedLink
from linkmw.model import Identity, Link
from linkmw.signed import Seal
from linkmw.stores.sql import audit as trail
from linkmw.stores.sql import held, outbox, schema
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.logouts import SqlLogouts
from linkmw.stores.sql.logouts import commit as commit_logouts
from linkmw.stores.sql.values import clipped, fits

_table = schema.links
# Of every sign-in: built once.
_OF_IDENTITY = (
    select(_table)
    .where(_table.c.issuer == bindparam("issuer"), _table.c.subject == bindparam("subject"))
    .where(_table.c.client_id.in_(bindparam("client_ids", expanding=True)))
    .order_by(_table.c.position, _table.c.link_id)
    .limit(bindparam("most"))
)
_OF_ACCOUNT = select(_table).where(
    _table.c.client_id == bindparam("client_id"), _table.c.account_id == bindparam("account_id")
)
_USED = (
    update(_table)
    .where(_table.c.link_id == bindparam("of"))
    .values(last_used=bindparam("at"), username=bindparam("known_as"))
)
REMAINS = ("link_id", "flow_hash", "unlink_token_hash", "client_id", "account_id")


def _hash(flow: str) -> str:
    # A flow id is this browser's; SQL and its backups keep a hash only (A9).
    return hashlib.sha256(flow.encode("utf-8", "surrogatepass")).hexdigest()


def read_link(row: RowMapping) -> Link:
    """A row of `links` as a value."""
    return Link(
        link_id=row["link_id"],
        client_id=row["client_id"],
        account_id=row["account_id"],
        username=row["username"],
        email=row["email"],
        identity=Identity(row["issuer"], row["subject"]),
        identity_email=row["identity_email"],
        created=row["created"],
        last_used=row["last_used"],
        position=row["position"],
        language=row["language"],
    )


def check_texts(link: NewLink) -> None:
    """Raises LinkRefused for a text that no column holds."""
    texts = (
        ("client_id", link.client_id, schema.ID),
        ("account_id", link.account.account_id, schema.ACCOUNT_ID),
        ("username", link.account.username, schema.USERNAME),
        ("email", link.account.email, schema.EMAIL),
        ("issuer", link.identity.issuer, schema.URL),
        ("subject", link.identity.subject, schema.SUBJECT),
        ("identity_email", link.identity_email, schema.EMAIL),
    )
    for name, value, limit in texts:
        if not fits(value, limit):
            raise LinkRefused(f"{name} cannot be stored: too long, or not plain text", code="value_refused")


def _of(identity: Identity) -> ColumnElement[bool]:
    return (_table.c.issuer == identity.issuer) & (_table.c.subject == identity.subject)


def _last_place(link: NewLink) -> ScalarSelect[Any]:
    """One after the identity's last link with this client. Two at once may get one place: the id orders those."""
    last = select(func.coalesce(func.max(_table.c.position) + 1, 0))
    return last.where(_of(link.identity), _table.c.client_id == link.client_id).scalar_subquery()


def new_row(link: NewLink) -> dict[str, Any]:
    """The row of a new link, without its place."""
    return {
        "client_id": link.client_id,
        "account_id": link.account.account_id,
        "username": link.account.username,
        "email": link.account.email,
        "issuer": link.identity.issuer,
        "subject": link.identity.subject,
        "identity_email": link.identity_email,
        "flow_hash": _hash(link.flow),
        "unlink_token_hash": link.unlink_token_hash,
        "proof": link.proof,
        "amr": " ".join(link.amr),
        "created": link.created,
        "language": link.language,
    }


def _insert(connection: Connection, link: NewLink) -> Link:
    held.drop_linked(connection, [(link.client_id, link.account.account_id)])
    row = {**new_row(link), "position": _last_place(link)}
    return read_link(connection.execute(insert(_table).values(row).returning(_table)).mappings().one())


def _refuse_spent_flow(connection: Connection, link: NewLink) -> None:
    """Once the link of a flow was removed, that flow makes no second one. Asked after the insert, so that a removal
    which was under way until then is seen."""
    removed = schema.removed_links
    if connection.execute(select(removed.c.link_id).where(removed.c.flow_hash == _hash(link.flow))).first():
        raise LinkRefused("the link of this flow has been removed", code="flow_spent")


def _existing(connection: Connection, link: NewLink) -> Link | None:
    """What stands in the new link's way: the same link (an answer), or a reason to refuse; None when nothing does."""
    same_flow = connection.execute(select(_table).where(_table.c.flow_hash == _hash(link.flow))).mappings().first()
    if same_flow and (same_flow["client_id"], same_flow["account_id"]) != (link.client_id, link.account.account_id):
        raise RequestRefused("the flow has linked another account already", code="flow_spent")  # PR17
    mine = (_table.c.client_id == link.client_id) & (_table.c.account_id == link.account.account_id)
    found = same_flow or connection.execute(select(_table).where(mine)).mappings().first()
    if found is None:
        return None
    if Identity(found["issuer"], found["subject"]) != link.identity:
        raise AccountTaken
    return read_link(found)


def about_of(audit: AuditEvent) -> About:
    """Whom the mails of this event's transaction are about."""
    return About(audit.client_id, audit.account_id, audit.issuer, audit.subject)


def _has_client(connection: Connection, client_id: str) -> bool:
    client = schema.clients.c.client_id
    return connection.execute(select(client).where(client == client_id)).first() is not None


def _locked(connection: Connection, identity: Identity, client_id: str) -> list[Link]:
    """The identity's links with the client as they are now, in the owner's order; nobody else changes them until the
    commit.

    PostgreSQL sorts before it waits for a lock and then reads the row anew, so that places may have changed since: the
    rows are asked for in an order that never does, which also keeps two of us from waiting for each other.
    """
    mine = select(_table).where(_of(identity), _table.c.client_id == client_id)
    some = mine.order_by(_table.c.link_id).limit(MOST_LINKS + 1)
    rows = connection.execute(some.with_for_update()).mappings().all()
    return sorted((read_link(row) for row in rows), key=lambda link: (link.position, link.link_id))


def _place(connection: Connection, links: Sequence[Link], wanted: Sequence[int]) -> list[Link]:
    place_of = {link_id: place for place, link_id in enumerate(wanted)}
    for link in links:
        move = update(_table).where(_table.c.link_id == link.link_id).values(position=place_of[link.link_id])
        connection.execute(move)
    placed = [replace(link, position=place_of[link.link_id]) for link in links]
    return sorted(placed, key=lambda link: link.position)


class SqlLinks:
    """Implements hub.ports.Links."""

    def __init__(self, database: Database, seal: Seal, logouts: SqlLogouts) -> None:
        self._database = database
        self._seal = seal
        self._logouts = logouts

    async def add(self, link: NewLink, mails: Sequence[Mail], audit: AuditEvent) -> Link:
        check_texts(link)

        def insert_all(connection: Connection) -> Link:
            made = _insert(connection, link)
            _refuse_spent_flow(connection, link)
            self._tell(connection, mails, audit, link.created)
            return made

        for _ in range(2):  # again when what stood in the way was removed in the meantime
            try:
                made = await self._database.write(insert_all)
            except IntegrityError:
                existing = await self._in_the_way(link)
                if existing is not None:
                    return existing
            else:
                trail.announce(audit)
                return made
        raise Unavailable("a link was made and removed at the same moment")

    async def add_all(
        self, links: Sequence[NewLink], mails: Sequence[Mail], audits: Sequence[AuditEvent]
    ) -> list[Link]:
        for link in links:
            check_texts(link)

        def insert_all(connection: Connection, missing: Sequence[NewLink]) -> None:
            # In one order, so that two of us never wait for each other.
            for link in sorted(missing, key=lambda one: (one.client_id, one.account.account_id)):
                _insert(connection, link)
                _refuse_spent_flow(connection, link)
            for mail in mails:
                outbox.commit(connection, self._seal, mail, links[0].created, about_of(audits[0]))
            for audit in audits:
                trail.record(connection, audit)

        for _ in range(3):  # again when what stood in the way was removed, or made, in the meantime
            existing = [await self._in_the_way(link) for link in links]
            missing = [link for link, found in zip(links, existing, strict=True) if found is None]
            if not missing:
                return [found for found in existing if found is not None]
            try:
                await self._database.write(partial(insert_all, missing=missing))
            except IntegrityError:
                continue
            for audit in audits:
                trail.announce(audit)
        raise Unavailable("links were made and removed at the same moment")

    async def _in_the_way(self, link: NewLink) -> Link | None:
        existing = await self._database.read(lambda connection: _existing(connection, link))
        if existing is None and not await self._database.read(lambda c: _has_client(c, link.client_id)):
            raise TenantNotEnabled
        return existing

    def _tell(self, connection: Connection, mails: Sequence[Mail], audit: AuditEvent, now: int) -> None:
        for mail in mails:
            outbox.commit(connection, self._seal, mail, now, about_of(audit))
        trail.record(connection, audit)

    async def of_identity(self, identity: Identity, client_ids: Sequence[str]) -> list[Link]:
        if not (fits(identity.issuer, schema.URL) and fits(identity.subject, schema.SUBJECT)):
            return []
        known = [client_id for client_id in client_ids if fits(client_id, schema.ID)]
        asked = {"issuer": identity.issuer, "subject": identity.subject, "client_ids": known, "most": MOST_LINKS}
        rows = await self._database.read(lambda connection: connection.execute(_OF_IDENTITY, asked).mappings().all())
        return [read_link(row) for row in rows]

    async def of_account(self, client_id: str, account_id: str) -> Link | None:
        if not (fits(client_id, schema.ID) and fits(account_id, schema.ACCOUNT_ID)):
            return None
        return await self._one(_OF_ACCOUNT, client_id=client_id, account_id=account_id)

    async def by_unlink_token(self, token_hash: str) -> Link | None:
        if not fits(token_hash, schema.ID):
            return None
        return await self._one(select(_table).where(_table.c.unlink_token_hash == token_hash))

    async def removed(self, token_hash: str) -> RemovedLink | None:
        if not fits(token_hash, schema.ID):
            return None
        gone = schema.removed_links.c
        again = exists().where(_table.c.client_id == gone.client_id, _table.c.account_id == gone.account_id)
        found = select(gone.removed, again.label("again")).where(gone.unlink_token_hash == token_hash)
        row = await self._database.read(lambda connection: connection.execute(found).first())
        return RemovedLink(row.removed, bool(row.again)) if row else None

    async def _one(self, query: Select[Any], **asked: str) -> Link | None:
        row = await self._database.read(lambda connection: connection.execute(query, asked).mappings().first())
        return None if row is None else read_link(row)

    async def remove(self, link_id: int, mails: Sequence[Mail], audit: AuditEvent) -> Link | None:
        def remove_all(connection: Connection) -> Link | None:
            gone = delete(_table).where(_table.c.link_id == link_id).returning(_table)
            row = connection.execute(gone).mappings().first()
            if row is None:
                return None
            kept = {name: row[name] for name in REMAINS}
            connection.execute(insert(schema.removed_links).values({**kept, "removed": audit.time}))
            self._tell(connection, mails, audit, audit.time)
            commit_logouts(connection, [Logout(row["client_id"], row["account_id"])], audit.time)
            return read_link(row)

        removed = await self._database.write(remove_all)
        if removed is not None:
            trail.announce(audit)
            self._logouts.announce()
        return removed

    async def reorder(
        self, identity: Identity, client_id: str, seen: Sequence[int], wanted: Sequence[int]
    ) -> list[Link]:
        if not fits(client_id, schema.ID):
            return []

        def change(connection: Connection) -> list[Link]:
            links = _locked(connection, identity, client_id)
            if len(links) > MOST_LINKS:  # nobody has seen them all
                return links[:MOST_LINKS]
            if [link.link_id for link in links] != list(seen) or sorted(seen) != sorted(wanted):
                return links
            return _place(connection, links, wanted)

        return await self._database.write(change)

    async def used(self, link_id: int, username: str, audit: AuditEvent) -> None:
        known_as = clipped(username, schema.USERNAME)  # the account may have been renamed since

        def note(connection: Connection) -> None:
            connection.execute(_USED, {"of": link_id, "at": audit.time, "known_as": known_as})
            trail.record(connection, audit)

        await self._database.write(note)
        trail.announce(audit)
