"""Redis as five commands, over redis-py's asyncio client or its blocking one, behind one set of time-outs.

Everything that redis-py means by "cannot say" (refused, silent, loading, read-only, full, no permission, garbage)
leaves here as `Unavailable`, named by its class alone: redis-py's messages may quote hosts, keys and arguments.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from linkmw import metrics, tracing
from linkmw.errors import SettingsError, Unavailable
from linkmw.stores.breaker import Breaker

COMMAND_SECONDS = 0.5
MAX_CONNECTIONS = 16  # a process keeps no more busy, and opening many at once would take longer than one may take

Word = bytes | str | int

# What a broken peer makes redis-py raise: its own errors, the socket's, and those of reading what is no reply.
_CANNOT_SAY = (RedisError, OSError, ValueError)
_LOST = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script on one key. repeatable: sent twice it does what it does once, so a lost reply may be asked again."""

    text: str
    repeatable: bool
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        sha1 = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()  # the name EVALSHA knows it by
        object.__setattr__(self, "digest", sha1)


class Client(Protocol):
    """One way to reach Redis."""

    async def send(self, *command: Word) -> Any:
        """The reply to one command; raises what redis-py raises."""

    async def close(self) -> None:
        """Give the connections back."""


class Commands:
    """What the stores say to Redis. Every method raises Unavailable when Redis cannot say.

    A read is tried twice, a write once: a write whose reply is lost may still be carried out later, after a newer one
    (security.md, RF02). The second try follows a loss that was quick, as a restart's is: a server that kept us waiting
    would do so again, and a page has to say so within a second (RF01).
    """

    def __init__(self, client: Client, breaker: Breaker) -> None:
        self._client = client
        self._breaker = breaker

    async def get(self, key: bytes) -> bytes | None:
        """The value of `key`; None when there is none."""
        found: bytes | None = await self._ask("GET", key, tries=2)
        return found

    async def put(self, key: bytes, value: bytes, seconds: int) -> None:
        """Keep `value` for `seconds`; for none at all it is forgotten instead."""
        if seconds <= 0:
            return await self.drop(key)
        await self._ask("SET", key, value, "EX", seconds, tries=1)
        return None

    async def put_until(self, key: bytes, value: bytes, expires: int) -> None:
        """Keep `value` until `expires`, seconds since the epoch by Redis' clock."""
        await self._ask("SET", key, value, "EXAT", expires, tries=1)

    async def drop(self, key: bytes) -> None:
        """Forget `key`."""
        await self._ask("DEL", key, tries=1)

    async def run(self, script: Script, key: bytes, *arguments: Word) -> Any:
        """What `script` returns for `key`."""
        tries = 2 if script.repeatable else 1
        try:
            return await self._ask("EVALSHA", script.digest, 1, key, *arguments, tries=tries)
        except NoScriptError:  # not carried out: this server has not seen the text yet
            return await self._ask("EVAL", script.text, 1, key, *arguments, tries=tries)

    async def ping(self) -> bool:
        """True when Redis answers."""
        await self._ask("PING", tries=2)
        return True

    async def close(self) -> None:
        """Close the connections; of the asyncio client those of the running loop."""
        await self._client.close()

    async def _ask(self, *command: Word, tries: int) -> Any:
        with tracing.span("redis"), metrics.timed("redis"):
            return await self._asked(*command, tries=tries)

    async def _asked(self, *command: Word, tries: int) -> Any:
        began = self._breaker.enter()
        try:
            reply = await self._send(*command, tries=tries, began=began)
        except NoScriptError:
            self._breaker.answered()
            raise
        except _CANNOT_SAY as error:
            self._breaker.failed(began)
            raise Unavailable(f"Redis: {type(error).__name__}") from None
        self._breaker.answered()
        return reply

    async def _send(self, *command: Word, tries: int, began: float) -> Any:
        try:
            return await self._client.send(*command)
        except _LOST:
            if tries == 1 or self._breaker.waited(began):
                raise
        return await self._send(*command, tries=tries - 1, began=began)


class _Blocking:
    """The blocking client: its coroutine methods answer in place, as `run_now` demands."""

    def __init__(self, url: str, timeout: float) -> None:
        # redis-py 8 would try every command ten times more (security.md, section 0.7).
        retry = Retry(NoBackoff(), 0)
        self._pool = redis.BlockingConnectionPool.from_url(url, retry=retry, **_pool_options(timeout))
        self._execute: Callable[..., Any] = redis.Redis(connection_pool=self._pool).execute_command

    async def send(self, *command: Word) -> Any:
        return self._execute(*command)

    async def close(self) -> None:
        self._pool.disconnect()


class _Async:
    """The asyncio client. Connections belong to the event loop that opened them, so each loop has its own pool."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = WeakKeyDictionary()
        self._open()  # an unreadable URL shows at start

    async def send(self, *command: Word) -> Any:
        execute: Callable[..., Awaitable[Any]] = self._of_this_loop().execute_command
        return await execute(*command)

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


def _connect_seconds(timeout: float) -> float:
    """Half of what a command may take: 0.25 s of 0.5 (security.md, section 3)."""
    return timeout / 2


def _pool_options(timeout: float) -> dict[str, Any]:
    return {
        "max_connections": MAX_CONNECTIONS,
        "timeout": timeout,
        "socket_connect_timeout": _connect_seconds(timeout),
        "socket_timeout": timeout,
        "socket_keepalive": True,
        "protocol": 2,  # no HELLO: a new connection is one round trip, and every server speaks it
        "decode_responses": False,
    }


def _commands(client: type[_Async] | type[_Blocking], url: str, timeout: float) -> Commands:
    try:
        return Commands(client(url, timeout), Breaker(_connect_seconds(timeout)))
    except ValueError:  # its message may quote the password
        raise SettingsError("the Redis URL is not like redis://user:password@host:6379/0") from None


def connect(url: str, *, timeout: float = COMMAND_SECONDS) -> Commands:
    """Commands that are awaited in an event loop; connects at the first command. timeout: seconds for one command.

    Raises SettingsError for a URL that cannot be read.
    """
    return _commands(_Async, url, timeout)


def connect_blocking(url: str, *, timeout: float = COMMAND_SECONDS) -> Commands:
    """Commands that never suspend, for WSGI and `run_now`; safe in many threads and after a fork. As `connect`."""
    return _commands(_Blocking, url, timeout)
