"""Many links at once: looked through page by page, and made in batches (OPS-5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, insert, or_, select, true
from sqlalchemy.exc import IntegrityError

from linkmw.hub.links.store import Key, Made, Wanted
from linkmw.model import Identity, Link
from linkmw.signed import Seal
from linkmw.stores.sql import audit as trail
from linkmw.stores.sql import held, outbox, schema
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.links import about_of, check_texts, new_row, read_link

_table = schema.links
_MANY_IDENTITIES = 100  # of one address: more is no person's


class SqlBulk:
    """Implements hub.links.store.Bulk."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    async def page(self, wanted: Wanted, after: int, limit: int) -> list[Link]:
        query = (
            select(_table).where(_table.c.link_id > after, _matching(wanted)).order_by(_table.c.link_id).limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).mappings().all())
        return [read_link(row) for row in rows]

    async def owners(self, keys: Collection[Key]) -> dict[Key, Identity]:
        by_client = defaultdict(list)
        for client_id, account_id in keys:
            by_client[client_id].append(account_id)

        def find(connection: Connection) -> dict[Key, Identity]:
            found: dict[Key, Identity] = {}
            for client_id, account_ids in by_client.items():
                mine = and_(_table.c.client_id == client_id, _table.c.account_id.in_(account_ids))
                for row in connection.execute(select(_table).where(mine)).mappings():
                    found[client_id, row["account_id"]] = Identity(row["issuer"], row["subject"])
            return found

        return await self._database.read(find) if by_client else {}

    async def add(self, made: Sequence[Made]) -> set[Key]:
        for one in made:
            check_texts(one.link)
        # In one order, so that two of us never wait for each other.
        ordered = sorted(made, key=lambda one: one.key)
        taken = await self._database.write(lambda connection: self._add(connection, ordered)) if ordered else set()
        for one in made:
            if one.key not in taken:
                trail.announce(one.audit)
        return taken

    def _add(self, connection: Connection, made: Sequence[Made]) -> set[Key]:
        taken = set() if _inserted(connection, made) else {one.key for one in made if not _inserted(connection, [one])}
        there = [one for one in made if one.key not in taken]
        if there:
            held.drop_linked(connection, [one.key for one in there])
        trail.record_all(connection, [one.audit for one in there])
        for one in there:
            for mail in one.mails:
                outbox.commit(connection, self._seal, mail, one.link.created, about_of(one.audit))
        return taken


# The place of each is one after the last of its owner's, those of the same batch included.
_LAST = select(func.coalesce(func.max(_table.c.position) + 1, 0)).where(
    _table.c.issuer == bindparam("of_issuer"),
    _table.c.subject == bindparam("of_subject"),
    _table.c.client_id == bindparam("of_client_id"),
)


def _inserted(connection: Connection, made: Sequence[Made]) -> bool:
    """Are they all there now? Else none of them."""
    try:
        with connection.begin_nested():
            connection.execute(insert(_table).values(position=_LAST.scalar_subquery()), [_row(one) for one in made])
    except IntegrityError:
        return False
    return True


def _row(made: Made) -> Mapping[str, Any]:
    link = made.link
    owner = {"of_issuer": link.identity.issuer, "of_subject": link.identity.subject, "of_client_id": link.client_id}
    return {**new_row(link), **owner}


def _matching(wanted: Wanted) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = [true()]
    if wanted.client_ids is not None:
        found.append(_table.c.client_id.in_(wanted.client_ids))
    if wanted.account:
        found.append(or_(_table.c.account_id == wanted.account, _table.c.username == wanted.account))
    whose = [
        and_(_table.c.issuer == one.issuer, _table.c.subject == one.subject)
        for one in wanted.identities[:_MANY_IDENTITIES]
    ]
    if wanted.who:
        said = (_table.c.account_id, _table.c.username, _table.c.subject)
        mails = (func.lower(_table.c.email), func.lower(_table.c.identity_email))
        whose += [column == wanted.who for column in said] + [column == wanted.who.lower() for column in mails]
    return and_(*found, or_(*whose)) if whose else and_(*found)
