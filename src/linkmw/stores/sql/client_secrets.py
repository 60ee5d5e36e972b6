"""Client secrets of products: two live at once at most, kept as hashes, ended by command or at a stated time."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, update

from linkmw.errors import RegistrationRefused
from linkmw.secret import Secret
from linkmw.stores.sql import schema
from linkmw.stores.sql.registry import LIVE_SECRETS, secret_hash

_table = schema.client_secrets


@dataclass(frozen=True, slots=True)
class LiveSecret:
    """A secret that opens now, by its number; nobody can ask what it is. expires: None until it is retired."""

    secret_id: int
    created: int
    expires: int | None


def new_secret() -> Secret:
    return Secret(secrets.token_urlsafe(32))  # 256 random bits


def add(connection: Connection, client_id: str, secret: Secret, now: int) -> None:
    """One more secret. With the one before it two are live; any older ends now."""
    connection.execute(insert(_table).values(client_id=client_id, secret_hash=secret_hash(secret), created=now))
    kept = [one.secret_id for one in live(connection, client_id, now)[:LIVE_SECRETS]]
    _end(connection, and_(_live(client_id, now), _table.c.secret_id.not_in(kept)), now)


def rotate(connection: Connection, client_id: str, now: int, overlap: int | None) -> Secret:
    """A new secret; those before it end in `overlap` seconds, or with None when they are retired.

    Raises RegistrationRefused for a product that is not there.
    """
    _need(connection, client_id)
    before = [one.secret_id for one in live(connection, client_id, now)]
    secret = new_secret()
    add(connection, client_id, secret, now)
    if overlap is not None:
        sooner = or_(_table.c.expires.is_(None), _table.c.expires > now + overlap)
        _end(connection, and_(_table.c.secret_id.in_(before), sooner), now + overlap)
    return secret


def retire(connection: Connection, client_id: str, now: int) -> int:
    """All secrets but the newest end now; how many that were. Raises RegistrationRefused as above."""
    _need(connection, client_id)
    old = [one.secret_id for one in live(connection, client_id, now)[1:]]
    _end(connection, _table.c.secret_id.in_(old), now)
    return len(old)


def live(connection: Connection, client_id: str, now: int) -> list[LiveSecret]:
    """The newest first."""
    mine = select(_table).where(_live(client_id, now)).order_by(_table.c.secret_id.desc())
    rows = connection.execute(mine).mappings()
    return [LiveSecret(row["secret_id"], row["created"], row["expires"]) for row in rows]


def _live(client_id: str, now: int) -> ColumnElement[bool]:
    return and_(_table.c.client_id == client_id, or_(_table.c.expires.is_(None), _table.c.expires > now))


def _end(connection: Connection, which: ColumnElement[bool], at: int) -> None:
    connection.execute(update(_table).where(which).values(expires=at))


def _need(connection: Connection, client_id: str) -> None:
    clients = schema.clients.c.client_id
    if connection.execute(select(clients).where(clients == client_id)).first() is None:
        raise RegistrationRefused(f"there is no client {client_id}")
