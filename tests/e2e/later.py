"""Time that passes for our own processes without anybody waiting for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import redis

HERE = Path(__file__).parent


class Later:
    """The clock of the processes that are started with its `settings`, and the age of what their Redis servers hold.

    Keycloak's clock is not moved: beyond its tokens' five minutes nobody can sign in there before `now` again.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.settings = {"PYTHONPATH": str(HERE / "clock"), "TESTS_CLOCK": str(file)}
        self.now()

    def passes(self, seconds: int, *servers: str) -> None:
        """It is that much later, and everything in these Redis servers (their URLs) that much older."""
        self._set(self._ahead + seconds)
        for url in servers:
            with redis.Redis.from_url(url) as server:
                _age(server, seconds * 1000)

    def now(self) -> None:
        """The clocks are right again; what has grown old stays so."""
        self._set(0)

    def _set(self, ahead: int) -> None:
        self._ahead = ahead
        draft = self._file.with_suffix(".part")
        draft.write_text(str(ahead))
        draft.replace(self._file)  # whole at any moment: a process may be looking


def _age(server: Any, milliseconds: int) -> None:
    for key in list(server.scan_iter(count=1000)):
        left = server.pttl(key)
        if left > 0:
            server.pexpire(key, max(1, left - milliseconds))
