"""The outbox: mails committed with what they tell of, sealed, each handed to one process at a time."""

from __future__ import annotations

import json
import logging
import secrets
from dataclasses import asdict

from sqlalchemy import Connection, RowMapping, delete, insert, update

from linkmw.hub.ports import NOBODY, About, Mail, OutboxItem, Waiting
from linkmw.signed import Seal, Unopenable
from linkmw.stores.sql import due, schema
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.values import clipped

_log = logging.getLogger("linkmw.mail")

# Longer than a mail can take (hub/mail/smtp.py adds its time-outs up): a second process takes it only when the first
# one is gone.
CLAIM_SECONDS = 300


def _purpose(reference: str) -> str:
    return f"outbox:{reference}:body"


def commit(connection: Connection, seal: Seal, mail: Mail, now: int, about: About = NOBODY) -> None:
    """Add the mail to the transaction of what it tells of; it is due at once."""
    reference = secrets.token_hex(16)
    body = seal.close(json.dumps(asdict(mail)).encode(), _purpose(reference))
    row = {
        "reference": reference,
        "kind": mail.kind,
        "body": body,
        "created": now,
        "due": now,
        "tries": 0,
        "reason": "",
        "client_id": about.client_id,
        "account_id": about.account_id,
        "issuer": about.issuer,
        "subject": about.subject,
    }
    connection.execute(insert(schema.outbox).values(row))


def opened(row: RowMapping, seal: Seal) -> Mail | None:
    """The mail of a row that has its content; None, and the log says so, when the key of then is not there."""
    try:
        return Mail(**json.loads(seal.open(row["body"], _purpose(row["reference"]))))
    except Unopenable:  # the key was changed; the mail waits for it, the others go out
        _log.error("mail %d does not open with LINKMW_HUB_KEY", row["item_id"])
        return None


class SqlOutbox:
    """Implements hub.ports.Outbox."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    async def put(self, mail: Mail, now: int, about: About = NOBODY) -> None:
        await self._database.write(lambda connection: commit(connection, self._seal, mail, now, about))

    async def claim(self, now: int, limit: int) -> list[OutboxItem]:
        rows = await self._database.write(lambda c: due.claim(c, schema.outbox, now, limit, CLAIM_SECONDS))
        return [item for row in rows if (item := self._open(row)) is not None]

    def _open(self, row: RowMapping) -> OutboxItem | None:
        mail = opened(row, self._seal)
        return OutboxItem(row["item_id"], mail, row["tries"], row["reference"]) if mail else None

    async def sent(self, item_id: int, now: int) -> None:
        """The row stays as a record without its content."""
        await self._set(item_id, due=None, sent=now, body="", reason="")

    async def failed(self, item_id: int, reason: str, next_try: int | None) -> None:
        await self._set(item_id, due=next_try, reason=clipped(reason, schema.LINE))

    async def waiting(self) -> Waiting:
        return await self._database.read(lambda connection: due.waiting(connection, schema.outbox))

    async def forget(self, before: int) -> int:
        """Drop the records of mails that were sent, or given up, and committed before that time; how many they were."""
        table = schema.outbox
        old = delete(table).where(table.c.due.is_(None), table.c.created < before)
        return await self._database.write(lambda connection: connection.execute(old).rowcount)

    async def _set(self, item_id: int, **values: object) -> None:
        table = schema.outbox
        change = update(table).where(table.c.item_id == item_id, table.c.sent.is_(None)).values(values)
        await self._database.write(lambda connection: connection.execute(change))
