"""The hub as several machines run it: two processes behind a proxy, sharing nothing but Redis and SQL."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx2
from tests.e2e.walker import Walker

from linkmw.demo.hub import _COMMAND, Hub
from linkmw.demo.parts.answering import status
from linkmw.demo.parts.processes import Process, free_port
from linkmw.demo.parts.progress import Say, silent
from linkmw.demo.stage import Stage

_START_SECONDS = 60


class RoundRobin:
    """A TCP proxy: each connection goes to the next of the targets that takes it."""

    def __init__(self, port: int, targets: list[int]) -> None:
        self._targets = itertools.cycle(targets)
        self._count = len(targets)
        self._server = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._server.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            for _ in range(self._count):
                with suppress(OSError), socket.create_connection(("127.0.0.1", next(self._targets))) as server:
                    back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                    back.start()
                    _pump(client, server)
                    back.join()
                    return


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while said := source.recv(65_536):
            target.sendall(said)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class TwoHubs(Hub):
    """Two processes of one hub behind a proxy at its address. `start` and `stop` may alternate."""

    ports: tuple[int, ...] = ()
    hubs: tuple[Process, ...] = ()
    proxy: RoundRobin | None = None

    def start(self, say: Say = silent) -> None:
        say("starting")
        self.ports = self.ports or (free_port(), free_port())
        self.hubs = tuple(another(self._processes, self, port) for port in self.ports)
        self.process = self.hubs[0]
        self.proxy = RoundRobin(self._port, list(self.ports))
        self._processes.on_stop(self.proxy.close)
        say("ready")

    def stop(self) -> None:
        if self.proxy:
            self.proxy.close()
        for process in self.hubs:
            process.stop()


def another(processes: Any, hub: Hub, port: int) -> Process:
    """One more process of this hub, which answers."""
    process = processes.start(
        f"hub at {port}",
        [_COMMAND, "hub", "serve", "--host", "127.0.0.1", "--port", str(port)],
        log=hub._folder / f"hub-{port}.log",
        env=hub.settings,
        cwd=hub._folder,
    )
    processes.wait(
        lambda: status(f"http://127.0.0.1:{port}/healthz") == 200,
        what="the hub to answer", seconds=_START_SECONDS, process=process,
    )  # fmt: skip
    return process


def keeps_no_connection(walker: Walker) -> None:
    """From now on each request of this browser comes by a connection of its own, so the proxy sends it to the next."""
    walker._client.close()
    walker._client = httpx2.Client(
        follow_redirects=False, timeout=20, limits=httpx2.Limits(max_keepalive_connections=0)
    )


class ByTurns(httpx2.HTTPTransport):
    """Requests to one port go to these by turns; `went` has where."""

    def __init__(self, port: int, ports: list[int]) -> None:
        super().__init__(limits=httpx2.Limits(max_keepalive_connections=0))
        self.went: list[int] = []
        self._port, self._ports = port, itertools.cycle(ports)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.port == self._port:
            self.went.append(next(self._ports))
            request.url = request.url.copy_with(port=self.went[-1])
        return super().handle_request(request)


def goes_by_turns(walker: Walker, transport: ByTurns) -> None:
    """From now on this browser's requests to the hub go to its processes by turns."""
    walker._client.close()
    walker._client = httpx2.Client(follow_redirects=False, timeout=20, transport=transport)


def second_hub(stage: Stage) -> Iterator[int]:
    """The port of a second process of the stage's hub."""
    port = free_port()
    process = another(stage.processes, stage.hub, port)
    try:
        yield port
    finally:
        process.stop()
