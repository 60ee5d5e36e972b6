"""The database: SQLite by default, PostgreSQL (psycopg 3) beyond one machine; one work, one transaction.

The engine is the blocking one, and a port's whole transaction runs in a worker thread. That is plainer than asyncio
in SQLAlchemy: aiosqlite is a thread as well, but hops to it for every statement and needs greenlet; and the command
line, Alembic and the hub share one code path, with nothing of the event loop inside a transaction.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from linkmw import metrics, tracing
from linkmw.errors import SettingsError, Unavailable
from linkmw.run import in_thread

T = TypeVar("T")

STATEMENT_SECONDS = 2  # security.md, section 3
_WRITES = "linkmw_writes"
_WAITS = "linkmw_waits"


def open_engine(url: str) -> Engine:
    """An engine for `url` (`sqlite:///…` or `postgresql://…`); nothing is connected yet. Raises SettingsError."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError("LINKMW_HUB_DATABASE_URL is not a URL like sqlite:///linkmw-hub.db") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(parsed)
    if backend == "postgresql":
        return _open_postgresql(parsed)
    raise SettingsError(f"LINKMW_HUB_DATABASE_URL begins with {backend}: SQLite and PostgreSQL are supported")


def _open_sqlite(url: URL) -> Engine:
    if url.database in (None, "", ":memory:"):
        raise SettingsError("LINKMW_HUB_DATABASE_URL names no file: links kept in memory are gone with the process")
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        connect_args={"timeout": STATEMENT_SECONDS},
        pool_timeout=STATEMENT_SECONDS,
        hide_parameters=True,  # e-mails and hashes stay out of messages and logs (I9)
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def make_private(engine: Engine) -> None:
    """An SQLite file that is not there yet is made, mode 0600, which its WAL takes over."""
    path = engine.url.database
    if engine.dialect.name == "sqlite" and path and not path.startswith("file:") and not os.path.exists(path):
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise Unavailable(f"the database file cannot be made: {error.strerror}") from None


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = (
        None  # sqlite3 would begin transactions on its own, and deferred ones; see _begin_sqlite
    )
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads first and writes then fails at once with "database is locked", busy time-out or
    # not, when somebody else wrote in between. Whoever is going to write takes the lock at the start and waits for it.
    options = connection.get_execution_options()
    if not options.get(_WRITES, False):
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {options.get(_WAITS, STATEMENT_SECONDS) * 1000:.0f}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _open_postgresql(url: URL) -> Engine:
    from linkmw.stores.sql import answering  # psycopg is not there where SQLite is enough

    limit = STATEMENT_SECONDS * 1000
    options = f"-c statement_timeout={limit} -c lock_timeout={limit} -c idle_in_transaction_session_timeout={5 * limit}"
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={"connect_timeout": STATEMENT_SECONDS, "options": options, "application_name": "linkmw"},
        pool_pre_ping=True,  # a restarted server costs one round trip, not a failed sign-in
        pool_timeout=STATEMENT_SECONDS,
        isolation_level="READ COMMITTED",  # constraints decide the races, not snapshots (DF03)
        hide_parameters=True,
    )
    breaker = answering.breaker()
    event.listen(engine, "do_connect", lambda _, __, arguments, options: answering.connect(breaker, arguments, options))
    event.listen(engine, "checkin", _be_patient_no_more)
    return engine


def _be_patient_no_more(connection: Any, _: object) -> None:
    if connection is not None:
        connection.patient = False


@dataclass(frozen=True, slots=True)
class Database:
    """Runs work in transactions. `work` gets a connection, is committed when it returns, rolled back when it raises.

    All errors but IntegrityError, which is an answer, become Unavailable: no store error reads as "not found" (I4).
    """

    engine: Engine
    _writing: Engine = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_writing", self.engine.execution_options(**{_WRITES: True}))

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """`work` in a transaction that writes nothing, here and now."""
        with unavailable(), self.engine.begin() as connection:
            return work(connection)

    def write_now(self, work: Callable[[Connection], T], waits: float = STATEMENT_SECONDS) -> T:
        """`work` in a transaction that may write, here and now. Raises IntegrityError as the database does.

        waits: how many seconds to wait for SQLite's one writer. On PostgreSQL, `SET LOCAL lock_timeout` says so.
        """
        engine = self._writing if waits == STATEMENT_SECONDS else self._writing.execution_options(**{_WAITS: waits})
        with unavailable(), engine.begin() as connection:
            return work(connection)

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await in_thread(self.read_now, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await in_thread(self.write_now, work)

    async def ping(self) -> bool:
        """True; raises Unavailable."""
        return await self.read(lambda connection: connection.execute(text("SELECT 1")).scalar_one() == 1)


def take_time(connection: Connection) -> None:
    """What follows in this transaction may take what it takes: nobody waits for a page."""
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.dbapi_connection
        driver.patient = True
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


@contextmanager
def unavailable() -> Iterator[None]:
    """What the database could not do is Unavailable, with the driver's first line; values never get into it."""
    try:
        with tracing.span("sql"), metrics.timed("sql"):
            yield
    except IntegrityError:
        raise
    except PoolTimeout:
        raise Unavailable("SQL did not answer: every connection is in use") from None
    except DBAPIError as error:
        raise Unavailable(f"SQL did not answer: {_reason(error)}") from None


def _reason(error: DBAPIError) -> str:
    named = type(error.orig).__name__
    # Only these speak of the server and the schema; a DataError quotes the value it could not take.
    speaks = isinstance(error, OperationalError | ProgrammingError)
    return f"{named}: {str(error.orig).partition(chr(10))[0][:200]}" if speaks else named
