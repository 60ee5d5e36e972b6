"""Which migration the database is at, and the way to the newest one. Alembic is loaded when asked, never by a port."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, inspect, text

from linkmw.errors import SettingsError
from linkmw.stores.sql import schema
from linkmw.stores.sql.engine import Database, make_private, take_time

if TYPE_CHECKING:
    from alembic.config import Config

# PostgreSQL's advisory lock of two upgrades at once; SQLite has one writer anyway. The number is "linkmw" in ASCII.
_LOCK = 0x6C696E6B6D77
_WAITS = 60  # seconds for another upgrade to end: hubs that begin together all find the tables they need

Standing = Literal["current", "empty", "older", "newer", "half"]

_SENTENCES = {
    "empty": "the database has no tables yet: run `linkmw hub init`, or `linkmw hub db upgrade`",
    "older": "the database is at {found}, this linkmw needs {newest}: run `linkmw hub db upgrade`",
    "half": "the database is half made: {missing} is missing, though it is at {found}; restore a backup of all of it",
    "newer": "the database is at {found}, which this linkmw does not know: it was upgraded by a newer one",
}


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "linkmw.stores:migrations")
    config.set_main_option("path_separator", "os")
    return config


def newest() -> str:
    """The migration this linkmw was written for."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _known() -> set[str]:
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def current(database: Database) -> str:
    """The migration the database is at; "" for one without tables."""
    from alembic.runtime.migration import MigrationContext

    def read(connection: Connection) -> str:
        return MigrationContext.configure(connection).get_current_revision() or ""

    return database.read_now(read)


def standing(found: str, last: str = "", known: Collection[str] = ()) -> Standing:
    """How a database at migration `found` stands to this linkmw. last, known: its newest migration, and all of them."""
    if not found:
        return "empty"
    if found == (last or newest()):
        return "current"
    return "older" if found in (known or _known()) else "newer"


def require_current(database: Database) -> None:
    """Nothing, when the schema is the one this linkmw was written for. Raises SettingsError with what to do (DF04)."""
    found = current(database)
    stands = standing(found)
    missing = sorted(set(schema.metadata.tables) - tables(database))
    if stands == "empty" and len(missing) < len(schema.metadata.tables):
        stands, missing, found = "half", ["alembic_version"], "no version at all"
    elif stands == "current" and missing:
        stands = "half"
    if stands != "current":
        sentence = _SENTENCES[stands].format(found=found, newest=newest(), missing=", ".join(missing))
        raise SettingsError(sentence, code=f"schema_{stands}")


def tables(database: Database) -> set[str]:
    """Which tables there are."""
    return set(database.read_now(lambda connection: inspect(connection).get_table_names()))


def suits(database: Database) -> bool:
    """Can a hub that runs go on with it? Also once a newer one has upgraded it: migrations expand first (DF04)."""
    return standing(current(database), *_of_this_process()) in ("current", "newer")


@cache
def _of_this_process() -> tuple[str, frozenset[str]]:
    return newest(), frozenset(_known())


def upgrade(database: Database) -> bool:
    """Bring the schema to the newest migration, in one transaction; whether there was anything to do.

    A new SQLite file is its owner's alone. Raises SettingsError for a database that a newer linkmw has upgraded.
    """
    make_private(database.engine)
    found = current(database)
    if standing(found) == "newer" or (not found and tables(database) & set(schema.metadata.tables)):
        require_current(database)
    database.write_now(upgrade_in, waits=_WAITS)
    return current(database) != found


def upgrade_in(connection: Connection) -> None:
    """As `upgrade`, as a part of this transaction."""
    from alembic import command

    if connection.dialect.name == "postgresql":
        take_time(connection)
        connection.execute(text(f"SET LOCAL lock_timeout = '{_WAITS}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
