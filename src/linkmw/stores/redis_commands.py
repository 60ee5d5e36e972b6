"""Redis as a few commands, over redis-py's asyncio client or its blocking one, behind one set of time-outs.

Everything that redis-py means by "cannot say" (refused, silent, loading, read-only, full, no permission, garbage)
leaves here as `Unavailable`, named by its class alone: redis-py's messages may quote hosts, keys and arguments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Protocol

from redis.exceptions import NoScriptError, ResponseError

from linkmw import metrics, tracing
from linkmw.errors import SettingsError, Unavailable
from linkmw.stores import redis_routes, redis_url
from linkmw.stores.breaker import Breaker
from linkmw.stores.joined import Joined
from linkmw.stores.redis_connections import Word
from linkmw.stores.redis_routes import Router
from linkmw.stores.redis_server import (
    CANNOT_SAY,
    AsyncLine,
    BlockingLine,
    Command,
    Line,
    Server,
    connect_seconds,
)

COMMAND_SECONDS = 0.5
_VALUE = (bytes, NoneType)


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script on one key. repeatable: sent twice it does what it does once, so a lost reply may be asked again."""

    text: str
    repeatable: bool
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        sha1 = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()  # the name EVALSHA knows it by
        object.__setattr__(self, "digest", sha1)


def putting(key: bytes, value: bytes, seconds: int) -> Command:
    """Keep `value` for `seconds`; for none at all it is forgotten instead."""
    return Command(key, ("SET", key, value, "EX", seconds) if seconds > 0 else ("DEL", key))


def putting_until(key: bytes, value: bytes, expires: int) -> Command:
    """Keep `value` until `expires`, seconds since the epoch by Redis' clock."""
    return Command(key, ("SET", key, value, "EXAT", expires))


def running(script: Script, key: bytes, *arguments: Word) -> Command:
    """Run `script` for `key`: by its text, which every server understands at once, so that what follows it in one
    round trip comes after it."""
    return Command(key, ("EVAL", script.text, 1, key, *arguments), script.repeatable)


class Client(Protocol):
    """One way to reach Redis: a server, or whichever of many keeps a key. Raises Unavailable, or as redis-py does."""

    async def ask(self, *command: Word, key: bytes = b"", tries: int) -> Any:
        """The reply to one command, sent at most `tries` times."""

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to `commands`, carried out in this order; a ResponseError may be among them."""

    async def ping(self) -> None:
        """All is well."""

    async def everywhere(self, *command: Word) -> list[Any]:
        """The replies of every server that keeps keys."""

    async def close(self) -> None:
        """Give the connections back."""


class Commands:
    """What the stores say to Redis. Every method raises Unavailable when Redis cannot say.

    A read is tried twice, a write once: a write whose reply is lost may still be carried out later, after a newer one
    (security.md, RF02).

    joins: may several reads share one question? In an event loop, of a server that keeps all keys.
    """

    def __init__(self, client: Client, *, joins: bool = False) -> None:
        self._client = client
        self._joined = Joined(self._get_all) if joins else None

    async def get(self, key: bytes) -> bytes | None:
        """The value of `key`; None when there is none."""
        found: bytes | None = await self._ask("GET", key, key=key, tries=2)
        return found

    def get_joined(self, key: bytes) -> Awaitable[bytes | None]:
        """The same; who comes while such a question is under way shares the next, where that can be."""
        return self._joined.get(key) if self._joined else self.get(key)

    async def put(self, key: bytes, value: bytes, seconds: int) -> None:
        """Keep `value` for `seconds`; for none at all it is forgotten instead."""
        await self.all(putting(key, value, seconds))

    async def drop(self, key: bytes) -> None:
        """Forget `key`."""
        await self._ask("DEL", key, key=key, tries=1)

    async def run(self, script: Script, key: bytes, *arguments: Word) -> Any:
        """What `script` returns for `key`."""
        tries = 2 if script.repeatable else 1
        try:
            return await self._ask("EVALSHA", script.digest, 1, key, *arguments, key=key, tries=tries)
        except NoScriptError:  # not carried out: this server has not seen the text yet
            return await self._ask("EVAL", script.text, 1, key, *arguments, key=key, tries=tries)

    async def all(self, *commands: Command) -> list[Any]:
        """The replies to `commands`, carried out in this order: in one round trip, where one server keeps all keys.

        None may need what another replies. Where one is refused this raises, and those after it may have been carried
        out all the same; where the replies are lost, any of them may.
        """
        with _asking():
            replies = await self._client.ask_all(commands)
            refused = next((reply for reply in replies if isinstance(reply, ResponseError)), None)
            if refused is not None:
                raise refused
        return replies

    async def ping(self) -> bool:
        """True when Redis answers: every server that keeps keys, and its Cluster is whole."""
        with _asking():
            await self._client.ping()
        return True

    async def everywhere(self, *command: Word) -> list[Any]:
        """The replies to a command that reads, of every server that keeps keys."""
        with _asking():
            return await self._client.everywhere(*command)

    async def close(self) -> None:
        """Close the connections; of the asyncio client those of the running loop."""
        await self._client.close()

    async def _get_all(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        with _asking():
            found: list[bytes | None] = await self._client.ask("MGET", *keys, key=keys[0], tries=2)
            if not isinstance(found, list) or [type(value) in _VALUE for value in found] != [True] * len(keys):
                raise ValueError("no reply to MGET")
        return found

    async def _ask(self, *command: Word, key: bytes = b"", tries: int) -> Any:
        with _asking():
            return await self._client.ask(*command, key=key, tries=tries)


@contextmanager
def _asking() -> Iterator[None]:
    """Timed and traced; whatever keeps Redis from answering is Unavailable."""
    with tracing.span("redis"), metrics.timed("redis"):
        try:
            yield
        except NoScriptError:
            raise
        except CANNOT_SAY as error:
            raise Unavailable(f"Redis: {type(error).__name__}") from None


def _client(line: Callable[[str, float], Line], url: str, timeout: float) -> Client:
    patience = connect_seconds(timeout)

    def server(one: str) -> Server:
        return Server(line(one, timeout), Breaker("Redis", patience))

    if not redis_url.kind_of(url):
        return server(url)
    found = redis_url.read(url)
    if found.kind == "cluster":
        guide = redis_routes.cluster(found.seeds)
    else:
        guide = redis_routes.sentinel(found.seeds, found.service)
    return Router(guide, lambda one: server(found.guide_url(one)), lambda one: server(found.data_url(one)), patience)


def _commands(line: Callable[[str, float], Line], url: str, timeout: float) -> Commands:
    try:
        return Commands(_client(line, url, timeout), joins=line is AsyncLine and redis_url.kind_of(url) != "cluster")
    except ValueError:  # its message may quote the password
        like = redis_url.LIKE[redis_url.kind_of(url)]
        raise SettingsError(f"the Redis URL is not like {like}") from None


def connect(url: str, *, timeout: float = COMMAND_SECONDS) -> Commands:
    """Commands that are awaited in an event loop; connects at the first command. timeout: seconds for one command.

    Raises SettingsError for a URL that cannot be read.
    """
    return _commands(AsyncLine, url, timeout)


def connect_blocking(url: str, *, timeout: float = COMMAND_SECONDS) -> Commands:
    """Commands that never suspend, for WSGI and `run_now`; safe in many threads and after a fork. As `connect`."""
    return _commands(BlockingLine, url, timeout)
