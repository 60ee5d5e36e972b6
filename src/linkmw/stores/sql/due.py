"""Rows that wait to be dealt with, each handed to one process: what mails and logouts have in common."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, func, select, update

from linkmw.hub.ports import Waiting


def claim(
    connection: Connection, table: Table, now: int, limit: int, seconds: int, *only: ColumnElement[bool]
) -> list[RowMapping]:
    """Rows of `table` that are due, oldest first, nobody else's for `seconds`; their try is counted.

    only: what else holds for them.
    """
    # SKIP LOCKED is PostgreSQL's; SQLite has one writer and needs none (SQLAlchemy leaves it out there).
    due = select(table.c.item_id).where(table.c.due <= now, *only).order_by(table.c.due, table.c.item_id).limit(limit)
    mine = update(table).where(table.c.item_id.in_(due.with_for_update(skip_locked=True).scalar_subquery()))
    taken = mine.values(due=now + seconds, tries=table.c.tries + 1).returning(table)
    return sorted(connection.execute(taken).mappings(), key=lambda row: int(row["item_id"]))


def waiting(connection: Connection, table: Table) -> Waiting:
    """How much is still to be dealt with, and since when; what was dealt with, or given up, is due no more."""
    left = select(func.count(), func.min(table.c.created)).where(table.c.due.is_not(None))
    many, since = connection.execute(left).one()
    return Waiting(many, since)
