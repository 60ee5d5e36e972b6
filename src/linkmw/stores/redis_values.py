"""The values of keys, asked on a connection that redis-py opens and then leaves to us.

Opening is redis-py's alone: address, TLS, password, database. Sending and reading through its asyncio client takes many
times what the event loop takes for the same octets, which was most of what a page cost where Redis is asked each time
(docs/decisions.md). So this one question is written and read here, and every other command is redis-py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import redis.exceptions
from redis.exceptions import RedisError, ResponseError

from linkmw.stores import redis_reply
from linkmw.stores.redis_reply import Found


class Values:
    """One event loop's connection for values: opened when it is first asked, and again when it was lost.

    pool: redis-py's, which makes connections and keeps none of these. seconds: for opening, and again for an answer.
    is_free: may it be asked? Not before the last answer is there, and not where redis-py has nothing to leave to us.
    """

    def __init__(self, pool: Any, seconds: float) -> None:
        self._pool, self._seconds = pool, seconds
        self._connection: _Connection | None = None
        self.is_free = True

    async def of(self, keys: Sequence[bytes]) -> Found | ResponseError | None:
        """In the order of `keys`, None for what is not there; or what Redis says instead. None: redis-py has to ask.

        Raises as redis-py does, or ValueError for what is no reply.
        """
        self.is_free, leaves = False, True
        try:
            async with asyncio.timeout(self._seconds) as limit:
                if self._connection is None or self._connection.lost:
                    await self.close()
                    self._connection = await _opened(self._pool)
                    limit.reschedule(asyncio.get_running_loop().time() + self._seconds)
                leaves = self._connection is not None
                return await self._connection.ask(keys) if self._connection else None
        finally:
            self.is_free = leaves

    async def close(self) -> None:
        if self._connection:
            await self._connection.close()


class _Connection(asyncio.Protocol):
    """Asked one question at a time. lost: it is of no more use."""

    def __init__(self, opened: Any, transport: asyncio.WriteTransport) -> None:
        """opened: redis-py's, which closes the transport."""
        self._opened = opened
        self._transport = transport
        self._before = transport.get_protocol()  # redis-py's, which waits to hear of the end
        self._answer: asyncio.Future[Found | ResponseError] | None = None
        self._number = 0
        self._reply = b""
        self.lost = False
        transport.set_protocol(self)

    async def ask(self, keys: Sequence[bytes]) -> Found | ResponseError:
        """As `Values.of`. Whoever does not get the answer takes the connection along: what comes yet is nobody's."""
        self._answer = asyncio.get_running_loop().create_future()
        self._number, self._reply = len(keys), b""
        self._transport.write(redis_reply.question(keys))
        try:
            return await self._answer
        except BaseException:
            await self.close(at_once=True)
            raise
        finally:
            self._answer = None

    async def close(self, *, at_once: bool = False) -> None:
        self.lost = True
        await self._opened.disconnect(nowait=at_once)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():  # nobody has asked
            self.lost = True
            self._transport.abort()
            return
        self._reply += data
        try:
            found = redis_reply.read(self._reply, self._number)
        except (ValueError, RedisError) as error:
            self._answer.set_exception(error)
        else:
            if found is not None:
                self._answer.set_result(found)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(redis.exceptions.ConnectionError("lost"))
        self._before.connection_lost(error)


async def _opened(pool: Any) -> _Connection | None:
    """As redis-py's pool has them; None where redis-py leaves none to us. Raises as redis-py does."""
    opened = pool.make_connection()
    try:
        await opened.connect()
    except BaseException:
        await opened.disconnect(nowait=True)
        raise
    # Where redis-py keeps asyncio's writer, from 5.0 to 8.1; there is no public name for it.
    writer = getattr(opened, "_writer", None)
    if isinstance(writer, asyncio.StreamWriter) and opened.protocol in (2, "2"):
        return _Connection(opened, writer.transport)
    await opened.disconnect(nowait=True)
    return None
