"""One Redis server over redis-py's asyncio client or its blocking one, behind one set of time-outs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from linkmw.stores.breaker import Breaker

MAX_CONNECTIONS = 16  # a process keeps no more busy, and opening many at once would take longer than one may take

Word = bytes | str | int

# What a broken peer makes redis-py raise: its own errors, the socket's, and those of reading what is no reply.
CANNOT_SAY = (RedisError, OSError, ValueError)
LOST = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError)


class Line(Protocol):
    """Connections to one server. Both methods raise what redis-py raises."""

    async def send(self, *command: Word) -> Any:
        """The reply to one command."""

    async def send_asking(self, *command: Word) -> Any:
        """The reply to one command of a slot that is just moving to this server, right after ASKING."""

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

        The second try follows a loss that was quick, as a restart's is: a server that kept us waiting would do so
        again, and a page has to say so within a second (RF01).
        """
        began = self._breaker.enter()
        try:
            reply = await self._send(command, tries, asking, began)
        except ResponseError:  # an answer, whatever it says
            self._breaker.answered()
            raise
        except CANNOT_SAY:
            self._breaker.failed(began)
            raise
        self._breaker.answered()
        return reply

    async def ping(self) -> None:
        """It answers; raises as `ask`."""
        await self.ask("PING", tries=2)

    async def everywhere(self, *command: Word) -> list[Any]:
        """The one reply."""
        return [await self.ask(*command, tries=2)]

    async def close(self) -> None:
        """Close the connections; of the asyncio client those of the running loop."""
        await self._line.close()

    async def _send(self, command: tuple[Word, ...], tries: int, asking: bool, began: float) -> Any:
        send = self._line.send_asking if asking else self._line.send
        try:
            return await send(*command)
        except LOST:
            if tries == 1 or self._breaker.waited(began):
                raise
        return await self._send(command, tries - 1, asking, began)


class BlockingLine:
    """The blocking client: its coroutine methods answer in place, as `run_now` demands."""

    def __init__(self, url: str, timeout: float) -> None:
        # redis-py 8 would try every command ten times more (security.md, section 0.7).
        retry = Retry(NoBackoff(), 0)
        self._pool = redis.BlockingConnectionPool.from_url(url, retry=retry, **_pool_options(timeout))
        self._redis = redis.Redis(connection_pool=self._pool)
        self._execute: Callable[..., Any] = self._redis.execute_command

    async def send(self, *command: Word) -> Any:
        return self._execute(*command)

    async def send_asking(self, *command: Word) -> Any:
        pipeline: Any = self._redis.pipeline(transaction=False)
        pipeline.execute_command("ASKING")
        pipeline.execute_command(*command)
        return _last(pipeline.execute(raise_on_error=False))

    async def close(self) -> None:
        self._pool.disconnect()


class AsyncLine:
    """The asyncio client. Connections belong to the event loop that opened them, so each loop has its own pool."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = WeakKeyDictionary()
        self._open()  # an unreadable URL shows at start

    async def send(self, *command: Word) -> Any:
        execute: Callable[..., Awaitable[Any]] = self._of_this_loop().execute_command
        return await execute(*command)

    async def send_asking(self, *command: Word) -> Any:
        pipeline: Any = self._of_this_loop().pipeline(transaction=False)
        pipeline.execute_command("ASKING")
        pipeline.execute_command(*command)
        return _last(await pipeline.execute(raise_on_error=False))

    async def close(self) -> None:
        await self._of_this_loop().connection_pool.disconnect()

    def _of_this_loop(self) -> redis.asyncio.Redis:
        loop = asyncio.get_running_loop()
        found = self._pools.get(loop)
        if found is None:
            found = self._pools[loop] = self._open()
        return found

    def _open(self) -> redis.asyncio.Redis:
        retry = AsyncRetry(NoBackoff(), 0)
        pool = redis.asyncio.BlockingConnectionPool.from_url(self._url, retry=retry, **_pool_options(self._timeout))
        return redis.asyncio.Redis(connection_pool=pool)


def connect_seconds(timeout: float) -> float:
    """Half of what a command may take: 0.25 s of 0.5 (security.md, section 3)."""
    return timeout / 2


def was_refused(error: BaseException | None) -> bool:
    """Was there nobody to connect to? Then nothing was sent, and even a write may be sent to somebody else."""
    while error is not None and not isinstance(error, ConnectionRefusedError):
        error = error.__cause__ or error.__context__
    return error is not None


def _last(replies: list[Any]) -> Any:
    reply = replies[-1]
    if isinstance(reply, Exception):
        raise reply
    return reply


def _pool_options(timeout: float) -> dict[str, Any]:
    return {
        "max_connections": MAX_CONNECTIONS,
        "timeout": timeout,
        "socket_connect_timeout": connect_seconds(timeout),
        "socket_timeout": timeout,
        "socket_keepalive": True,
        "protocol": 2,  # no HELLO: a new connection is one round trip, and every server speaks it
        "decode_responses": False,
    }
