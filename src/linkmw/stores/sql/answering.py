"""Connections to PostgreSQL that are given up when the server, or the way to it, does not answer in time (DF01).

`statement_timeout` is the server's to keep. Whoever hears nothing from it (a black hole, a slow network) would wait
until TCP gives up, a quarter of an hour.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeVar

import psycopg

from linkmw.stores.breaker import Breaker

T = TypeVar("T")

ANSWER_SECONDS = 2.5  # half a second more than a statement may take at the server
_SLOW_SECONDS = 1.0  # a failure that took as long is a silence: nobody else waits for it


class Answering(psycopg.Connection[Any]):
    """patient: what is asked may take what it takes. breaker: of the server."""

    patient = False
    breaker: Breaker | None = None

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **named: Any) -> T:
        """As psycopg's own. Raises OperationalError after ANSWER_SECONDS, and the connection is closed then."""
        if self.patient:
            return super().wait(gen, *args, **named)
        began = time.monotonic()
        try:
            return super().wait(_in_time(gen, began + ANSWER_SECONDS), *args, **named)
        except _TooLateError:
            if self.breaker:
                self.breaker.failed(began)
            self.pgconn.finish()  # without a word to a server that does not answer
            raise


class _TooLateError(psycopg.OperationalError):
    """Nothing was heard."""


def connect(breaker: Breaker, arguments: Sequence[Any], options: Mapping[str, Any]) -> Answering:
    """A new connection. Raises psycopg.OperationalError, and Unavailable while the server is left alone."""
    began = breaker.enter()
    try:
        connection = Answering.connect(*arguments, **options)
    except psycopg.OperationalError:
        breaker.failed(began)
        raise
    breaker.answered()
    connection.breaker = breaker
    return connection


def breaker() -> Breaker:
    """For one server."""
    return Breaker("SQL", _SLOW_SECONDS)


def _in_time(gen: Generator[Any, Any, T], until: float) -> Generator[Any, Any, T]:
    """`gen`, which psycopg wakes ten times a second at least."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if time.monotonic() > until:
                raise _TooLateError("the server did not answer in time")
            wanted = gen.send(ready)
    except StopIteration as done:
        value: T = done.value
        return value
