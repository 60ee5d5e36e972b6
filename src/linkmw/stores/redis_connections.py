"""Connections to one Redis that redis-py opens and then leaves to us; hiredis packs what is said on them, and reads it.

Opening is redis-py's alone: address, TLS, password, database. Its asyncio client takes several times what the event
loop and hiredis take for the same octets, for each command (docs/decisions.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import hiredis
from redis import exceptions

Word = bytes | str | int
Words = Sequence[Word]  # one command

# By their first word. Whatever has no class here is a plain ResponseError.
_KINDS: dict[str, type[Exception]] = {
    "CLUSTERDOWN": exceptions.ClusterDownError,
    "LOADING": exceptions.BusyLoadingError,
    "MASTERDOWN": exceptions.MasterDownError,
    "NOAUTH": exceptions.AuthenticationError,
    "NOPERM": exceptions.NoPermissionError,
    "NOSCRIPT": exceptions.NoScriptError,
    "OOM": exceptions.OutOfMemoryError,
    "READONLY": exceptions.ReadOnlyError,
}
_NOTHING_YET = object()


class Connections:
    """One event loop's. pool: redis-py's, which makes connections and keeps none of these.

    are_ours: False once redis-py has left none to us: from then on it has to ask.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._free: list[Connection] = []
        self.are_ours = True

    async def take(self) -> Connection | None:
        """One that nobody uses, opened if need be; None where redis-py leaves none to us. Raises as redis-py does."""
        while self._free:
            connection = self._free.pop()
            if not connection.lost:
                return connection
            await connection.close(at_once=True)
        opened = await _opened(self._pool)
        self.are_ours = opened is not None
        return opened

    def give_back(self, connection: Connection) -> None:
        """Nobody uses it any more."""
        self._free.append(connection)

    async def close(self) -> None:
        """Those that nobody uses are closed, and those that were lost."""
        while self._free:
            await self._free.pop().close()


class Connection(asyncio.Protocol):
    """Asked one thing at a time. lost: it is of no more use."""

    def __init__(self, opened: Any, transport: asyncio.WriteTransport) -> None:
        """opened: redis-py's, which packs commands and closes the transport."""
        self._opened = opened
        self._transport = transport
        self._before = transport.get_protocol()  # redis-py's, which waits to hear of the end
        self._reader = hiredis.Reader(
            protocolError=exceptions.InvalidResponse, replyError=_said, notEnoughData=_NOTHING_YET
        )
        self._answer: asyncio.Future[list[Any]] | None = None
        self._replies: list[Any] = []
        self._number = 0
        self.lost = False
        transport.set_protocol(self)

    async def ask(self, commands: Sequence[Words]) -> list[Any]:
        """The replies to `commands`; what the server says to one that it does not carry out is among them.

        Whoever does not get the answer takes the connection along: what comes yet is nobody's. Raises as redis-py does.
        """
        packed = b"".join(self._opened.pack_commands(commands))
        self._answer = asyncio.get_running_loop().create_future()
        self._number, self._replies = len(commands), []
        self._transport.write(packed)
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
        try:
            self._read(data)
        except exceptions.RedisError as error:
            self._answer.set_exception(error)
        else:
            if len(self._replies) == self._number:
                self._answer.set_result(self._replies)

    def _read(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not _NOTHING_YET:
            if isinstance(reply, exceptions.ConnectionError):  # another connection may be better, as redis-py has it
                raise reply
            self._replies.append(reply)
        if len(self._replies) > self._number:
            raise exceptions.InvalidResponse("more than was asked for")

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exceptions.ConnectionError("lost"))
        self._before.connection_lost(error)


def _said(text: str) -> Exception:
    return _KINDS.get(text.partition(" ")[0], exceptions.ResponseError)(text)


async def _opened(pool: Any) -> Connection | None:
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
        return Connection(opened, writer.transport)
    await opened.disconnect(nowait=True)
    return None
