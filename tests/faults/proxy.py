"""A proxy of our own between two parts: it passes everything on, until it is told to misbehave."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

Way = Literal["passes", "refuses", "delays", "black hole", "cuts", "rubbish"]
WAYS: tuple[Way, ...] = ("refuses", "delays", "black hole", "cuts", "rubbish")

DELAY_SECONDS = 3.0  # RF01, KF01: "slow"
RUBBISH = b"\x16\x03\x01HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<h1>Welcome to the hotel</h1>\x00\xff"
_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: closing resets


class Proxies:
    """The one thread that all proxies of a run live in."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()
        self._made: list[Proxy] = []

    def before(self, target: int | Path, port: int) -> Proxy:
        """A proxy that listens at `port`. target: a port on loopback, or a Unix socket."""
        proxy = Proxy(self, target, port)
        self.run(proxy.listen())
        self._made.append(proxy)
        return proxy

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(10)

    def stop(self) -> None:
        for proxy in self._made:
            proxy.becomes("refuses")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Proxy:
    """One way from a part to another. What it does may change at any moment, also for the connections that stand.

    refuses: nobody listens, and what stood is reset. delays: each piece of a reply comes three seconds late. black
    hole: connections are taken, nothing moves in either direction; what was said in it arrives when it is over, as TCP
    repeats it. cuts: half of the reply, then a reset. rubbish: what is asked is answered with what no protocol says.
    """

    def __init__(self, proxies: Proxies, target: int | Path, port: int) -> None:
        self.port = port
        self.connections = 0
        self._proxies, self._target = proxies, target
        self._way: Way = "passes"
        self._moves = asyncio.Event()
        self._moves.set()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def way(self) -> Way:
        return self._way

    def becomes(self, way: Way) -> None:
        self._proxies.run(self._becomes(way))

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _becomes(self, way: Way) -> None:
        self._way = way
        if way == "black hole":
            self._moves.clear()
        else:
            self._moves.set()
        if way == "refuses" and self._server:
            self._server.close()
            self._server = None
            for writer in tuple(self._open):
                _reset(writer)
        elif way != "refuses" and self._server is None:
            await self.listen()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(client)
        try:
            await self._moves.wait()
            if isinstance(self._target, Path):
                there, server = await asyncio.open_unix_connection(str(self._target))
            else:
                there, server = await asyncio.open_connection("127.0.0.1", self._target)
            self._open.add(server)
            try:
                # When either direction has ended, so has the other: none of these protocols half-closes.
                ways = (self._asks(reader, server, client), self._answers(there, client))
                both = [asyncio.ensure_future(one) for one in ways]
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                for one in both:
                    one.cancel()
                await asyncio.gather(*both, return_exceptions=True)
            finally:
                self._open.discard(server)
                server.close()
        except OSError:
            _reset(client)  # the part itself is not there: to its client as if the proxy were not
        finally:
            self._open.discard(client)
            client.close()

    async def _asks(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        while said := await reader.read(_CHUNK):
            await self._moves.wait()
            if self._way == "rubbish":
                client.write(RUBBISH)
                await client.drain()
                return
            server.write(said)
            await server.drain()

    async def _answers(self, there: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while reply := await there.read(_CHUNK):
            await self._moves.wait()
            if self._way == "delays":
                await asyncio.sleep(DELAY_SECONDS)
            if self._way == "cuts":
                client.write(reply[: len(reply) // 2])
                await client.drain()
                _reset(client)
                return
            client.write(reply)
            await client.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        raw = writer.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
