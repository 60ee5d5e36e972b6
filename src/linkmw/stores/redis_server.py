"""One Redis server over redis-py's asyncio client or its blocking one, behind one set of time-outs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from linkmw.stores.breaker import Breaker
from linkmw.stores.redis_connections import Connections, Word, Words

MAX_CONNECTIONS = 16  # a process keeps no more busy, and opening many at once would take longer than one may take


@dataclass(frozen=True, slots=True)
class Command:
    """A command on one key. repeatable: sent twice it does what it does once, so a lost reply may be asked again."""

    key: bytes = field(repr=False)
    words: Words = field(repr=False)
    repeatable: bool = False

    @property
    def tries(self) -> int:
        return 2 if self.repeatable else 1


# What a broken peer makes redis-py raise: its own errors, the socket's, and those of reading what is no reply.
CANNOT_SAY = (RedisError, OSError, ValueError)
LOST = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError)

# Of redis-py's own clients each command costs twice what its connections take (performance.md, G5), so it is these that
# are talked to. Before 5.3 a connection is asked for by the name of a command, from then on it must not be.
_NAMED = () if redis.VERSION >= (5, 3) else ("",)


class Line(Protocol):
    """Connections to one server."""

    async def send(self, commands: Sequence[Words]) -> list[Any]:
        """The replies to `commands`, sent in this order on one connection, in one round trip; raises as redis-py does.

        What the server says to a command that it does not carry out is among them, a ResponseError, and the next
        one is carried out all the same.
        """

    async def close(self) -> None:
        """Give the connections back."""


class Server:
    """One server, which is left alone for a while when it kept its callers waiting."""

    def __init__(self, line: Line, breaker: Breaker) -> None:
        self._line = line
        self._breaker = breaker

    async def ask(
        self,
        *command: Word,
        key: bytes = b"",  # noqa: ARG002 one server keeps them all
        tries: int,
        asking: bool = False,
    ) -> Any:
        """The reply; raises what redis-py raises, or Unavailable while it is left alone. tries: sendings, at most.

        asking: right after ASKING, for a slot that is just moving to this server.
        """
        reply = (await self._replies([("ASKING",), command] if asking else [command], tries))[-1]
        if isinstance(reply, ResponseError):
            raise reply
        return reply

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        """The replies, as of `Line.send`; raises as `ask`. Sent again as a whole, where each of them may be."""
        return await self._replies([command.words for command in commands], min(command.tries for command in commands))

    async def ping(self) -> None:
        """It answers; raises as `ask`."""
        await self.ask("PING", tries=2)

    async def everywhere(self, *command: Word) -> list[Any]:
        """The one reply."""
        return [await self.ask(*command, tries=2)]

    async def close(self) -> None:
        """Close the connections; of the asyncio client those of the running loop."""
        await self._line.close()

    async def _replies(self, commands: Sequence[Words], tries: int) -> list[Any]:
        began = self._breaker.enter()
        try:
            replies = await self._send(commands, tries, began)
        except CANNOT_SAY:
            self._breaker.failed(began)
            raise
        self._breaker.answered()  # with a ResponseError, too
        return replies

    async def _send(self, commands: Sequence[Words], tries: int, began: float) -> list[Any]:
        """The second try follows a loss that was quick, as a restart's is: a server that kept us waiting would do so
        again, and a page has to say so within a second (RF01)."""
        try:
            return await self._line.send(commands)
        except LOST:
            if tries == 1 or self._breaker.waited(began):
                raise
        return await self._send(commands, tries - 1, began)


class BlockingLine:
    """The blocking client: its coroutine methods answer in place, as `run_now` demands."""

    def __init__(self, url: str, timeout: float) -> None:
        # redis-py 8 would try every command ten times more (security.md, section 0.7).
        retry = Retry(NoBackoff(), 0)
        options = {**_pool_options(url, timeout), "socket_timeout": timeout, "timeout": timeout}
        self._pool: Any = redis.BlockingConnectionPool.from_url(url, retry=retry, **options)

    async def send(self, commands: Sequence[Words]) -> list[Any]:
        connection = self._pool.get_connection(*_NAMED)
        try:
            connection.send_packed_command(connection.pack_commands(commands))
            return [self._reply(connection) for _ in commands]
        finally:
            self._pool.release(connection)

    def _reply(self, connection: Any) -> Any:
        try:
            return connection.read_response()
        except ResponseError as said:
            return said

    async def close(self) -> None:
        self._pool.disconnect()


class _Here(NamedTuple):
    """One event loop's connections. places: for whoever takes one. pool: redis-py's, which makes them."""

    pool: Any
    places: asyncio.Semaphore
    connections: Connections


class AsyncLine:
    """The asyncio client. Connections belong to the event loop that opened them, so each loop has its own."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Here] = WeakKeyDictionary()
        self._open()  # an unreadable URL shows at start

    async def send(self, commands: Sequence[Words]) -> list[Any]:
        pool, places, connections = self._of_this_loop()
        async with asyncio.timeout(self._timeout) as limit, places:
            if connections.are_ours and (connection := await connections.take()) is not None:
                self._begin_anew(limit)
                try:
                    return await connection.ask(commands)
                finally:
                    connections.give_back(connection)
            return await self._by_redis_py(pool, limit, commands)

    async def _by_redis_py(self, pool: Any, limit: asyncio.Timeout, commands: Sequence[Words]) -> list[Any]:
        connection = await pool.get_connection(*_NAMED)
        try:
            self._begin_anew(limit)
            await connection.send_packed_command(connection.pack_commands(commands))
            return [await self._reply(connection) for _ in commands]
        finally:
            await pool.release(connection)

    def _begin_anew(self, limit: asyncio.Timeout) -> None:
        """An answer may take as long as a connection before it."""
        limit.reschedule(asyncio.get_running_loop().time() + self._timeout)

    async def _reply(self, connection: Any) -> Any:
        try:
            return await connection.read_response()
        except ResponseError as said:
            return said

    async def close(self) -> None:
        here = self._of_this_loop()
        await here.connections.close()
        await here.pool.disconnect()

    def _of_this_loop(self) -> _Here:
        loop = asyncio.get_running_loop()
        found = self._loops.get(loop)
        if found is None:
            pool = self._open()
            found = self._loops[loop] = _Here(pool, asyncio.Semaphore(MAX_CONNECTIONS), Connections(pool))
        return found

    def _open(self) -> Any:
        retry = AsyncRetry(NoBackoff(), 0)
        # `send` sees to the time: this option would make a task of every sending, and has a default. It sees to the
        # number of connections too, for less than redis-py's pool that waits.
        options = {**_pool_options(self._url, self._timeout), "socket_timeout": None}
        return redis.asyncio.ConnectionPool.from_url(self._url, retry=retry, **options)


def connect_seconds(timeout: float) -> float:
    """Half of what a command may take: 0.25 s of 0.5 (security.md, section 3)."""
    return timeout / 2


def was_refused(error: BaseException | None) -> bool:
    """Was there nobody to connect to? Then nothing was sent, and even a write may be sent to somebody else."""
    while error is not None and not isinstance(error, ConnectionRefusedError):
        error = error.__cause__ or error.__context__
    return error is not None


def _pool_options(url: str, timeout: float) -> dict[str, Any]:
    return {
        "max_connections": MAX_CONNECTIONS,
        "socket_connect_timeout": connect_seconds(timeout),
        **({} if url.startswith("unix:") else {"socket_keepalive": True}),  # of TCP alone: redis-py refuses it else
        "protocol": 2,  # no HELLO: a new connection is one round trip, and every server speaks it
        "decode_responses": False,
    }
