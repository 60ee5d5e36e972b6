"""What the hub may not lose, in SQL: Links, Held, Registry, Keys, Audit, Outbox, Logouts and Support of `hub.ports`."""

from __future__ import annotations

import time
from collections.abc import Callable

from linkmw.run import in_thread
from linkmw.signed import Seal
from linkmw.stores.sql import version
from linkmw.stores.sql.admin import Admin
from linkmw.stores.sql.audit import SqlAudit
from linkmw.stores.sql.bulk import SqlBulk
from linkmw.stores.sql.engine import Database, open_engine
from linkmw.stores.sql.held import SqlHeld
from linkmw.stores.sql.keys import SqlKeys
from linkmw.stores.sql.links import SqlLinks
from linkmw.stores.sql.logouts import SqlLogouts
from linkmw.stores.sql.outbox import SqlOutbox
from linkmw.stores.sql.persons import SqlPersons
from linkmw.stores.sql.registry import SqlRegistry
from linkmw.stores.sql.support import SqlSupport

__all__ = ["Admin", "SqlStores", "clock"]


def clock() -> int:
    """Seconds since the epoch."""
    return int(time.time())


class SqlStores:
    """The durable half of a hub's ports, over one database."""

    def __init__(self, database: Database, seal: Seal, now: Callable[[], int] = clock) -> None:
        self.database = database
        self.logouts = SqlLogouts(database)
        self.links = SqlLinks(database, seal, self.logouts)
        self.bulk = SqlBulk(database, seal)
        self.persons = SqlPersons(database, seal, self.logouts)
        self.held = SqlHeld(database, now)
        self.registry = SqlRegistry(database, seal)
        self.keys = SqlKeys(database, seal, now)
        self.audit = SqlAudit(database)
        self.outbox = SqlOutbox(database, seal)
        self.support = SqlSupport(database)
        self.admin = Admin(database, seal, now)

    @classmethod
    def open(cls, database_url: str, key: str, now: Callable[[], int] = clock) -> SqlStores:
        """The stores of that URL, under LINKMW_HUB_KEY; nothing is connected yet. Raises SettingsError."""
        return cls(Database(open_engine(database_url)), Seal.read(key), now)

    def require_current_schema(self) -> None:
        """Raises SettingsError, in a sentence, for a database of another version (DF04). Call it before serving."""
        version.require_current(self.database)

    async def ping(self) -> bool:
        """True; raises Unavailable."""
        return await self.database.ping()

    async def suits(self) -> bool:
        """Is the schema one to go on with? Raises Unavailable."""
        return await in_thread(version.suits, self.database)

    def close(self) -> None:
        """Close every connection."""
        self.database.engine.dispose()
