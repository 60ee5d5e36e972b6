"""Links that were removed and are there again: what a backup brings back that was restored (DF06).

Compared with what remains of removed links, with the audit trail, and with the trail's lines in log files: the last of
them alone know what happened after the backup, when all of the database was restored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, insert, or_, select

from linkmw.hub.ports import AuditEvent, Event, Logout
from linkmw.model import Link
from linkmw.stores.sql import audit as trail
from linkmw.stores.sql import schema
from linkmw.stores.sql.engine import Database, take_time
from linkmw.stores.sql.links import REMAINS, read_link
from linkmw.stores.sql.logouts import commit as commit_logouts

EVENT: Event = "link_came_back"
ENDS = ("unlinked", "account_gone", "migration_undone")  # what the trail calls the end of a link
_links, _gone, _audit = schema.links, schema.removed_links, schema.audit


def by_remains(connection: Connection) -> list[Link]:
    """Links of which there are remains: quick, for the start of a hub."""
    return _found(connection, [select(_links).join(_gone, _gone.c.unlink_token_hash == _links.c.unlink_token_hash)])


def known_here(connection: Connection) -> list[Link]:
    """Links that the database itself knows to have been removed: restored in part, or by hand."""
    ended = and_(
        _audit.c.event.in_(ENDS),
        _audit.c.issuer == _links.c.issuer,
        _audit.c.subject == _links.c.subject,
        _audit.c.time > _links.c.created,
        _audit.c.client_id == _links.c.client_id,
        _audit.c.account_id == _links.c.account_id,
    )
    by_flow = select(_links).join(_gone, _gone.c.flow_hash == _links.c.flow_hash)
    by_trail = select(_links).join(_audit, ended)
    found = {link.link_id: link for link in [*by_remains(connection), *_found(connection, [by_flow, by_trail])]}
    return [found[link_id] for link_id in sorted(found)]


def _found(connection: Connection, queries: Iterable[Select[Any]]) -> list[Link]:
    take_time(connection)
    found = {row["link_id"]: read_link(row) for query in queries for row in connection.execute(query).mappings()}
    return [found[link_id] for link_id in sorted(found)]


def known_by(connection: Connection, lines: Iterable[str]) -> list[Link]:
    """Links that were removed after they were made, as lines of the audit trail say; other lines are passed over."""
    take_time(connection)
    found: dict[int, Link] = {}
    for client_id, account_id, issuer, subject, at in _ends(lines):
        mine = and_(
            _links.c.client_id == client_id,
            _links.c.account_id == account_id,
            _links.c.issuer == issuer,
            _links.c.subject == subject,
            _links.c.created < at,
        )
        row = connection.execute(select(_links).where(mine)).mappings().first()
        if row is not None:
            found[row["link_id"]] = read_link(row)
    return [found[link_id] for link_id in sorted(found)]


def _ends(lines: Iterable[str]) -> Iterator[tuple[str, str, str, str, int]]:
    for line in lines:
        if any(event in line for event in ENDS) and (ended := _end(line)):
            yield ended


def _end(line: str) -> tuple[str, str, str, str, int] | None:
    """Whose link ended when; None for another program's line."""
    try:
        said = json.loads(line[line.find("{") :])  # whatever kept the log may have put a time before it
        at = int(datetime.fromisoformat(said["time"]).timestamp())
        whose = (said["client_id"], said["account_id"], said["iss"], said["sub"])
        ended = said["event"] in ENDS and said["result"] == "ok" and "".join(whose).isprintable()
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return (*whose, at) if ended else None


def remove(database: Database, links: Iterable[Link], now: int, actor: str) -> int:
    """They are gone again, and their products are told; nobody is mailed, for they were when it happened."""

    def write(connection: Connection) -> list[AuditEvent]:
        events = []
        for link in links:
            row = connection.execute(
                _links.delete().where(_links.c.link_id == link.link_id).returning(_links)
            ).mappings()
            gone = row.first()
            if gone is None:
                continue
            kept = {name: gone[name] for name in REMAINS}
            known = or_(_gone.c.link_id == link.link_id, _gone.c.flow_hash == kept["flow_hash"])
            if connection.execute(select(_gone.c.link_id).where(known)).first() is None:
                connection.execute(insert(_gone).values({**kept, "removed": now}))
            commit_logouts(connection, [Logout(link.client_id, link.account_id)], now)
            events.append(_event(link, now, actor))
        trail.record_all(connection, events)
        return events

    events = database.write_now(write)
    for event in events:
        trail.announce(event)
    return len(events)


def _event(link: Link, now: int, actor: str) -> AuditEvent:
    return AuditEvent(
        event=EVENT,
        result="ok",
        time=now,
        client_id=link.client_id,
        account_id=link.account_id,
        issuer=link.identity.issuer,
        subject=link.identity.subject,
        actor=actor,
        username=link.username,
    )
