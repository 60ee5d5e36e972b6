"""Everything that is started here is stopped here, by its own process group, however the run ends.

A child is the leader of a session of its own: Ctrl-C in the terminal reaches us alone, and we stop the children in
order. What a child starts itself (`kc.sh` starts `java`) belongs to its group and goes with it.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_POLL_SECONDS = 0.1
_STOP_SECONDS = 10.0  # Keycloak takes about one; one that is still starting may not listen at all
_LOG_LINES = 15
# Below the ports that the system hands to outgoing connections: one of those could take the port that a part is to
# listen on, in the seconds until it does.
_PORTS = range(20_000, 32_000)
_given: set[int] = set()


class PartFailed(Exception):
    """A real part did not start or did not answer. The message says which, and shows the end of its log."""


class Stopping(Exception):
    """The run is being stopped: whoever waits for a part gives up."""


def free_port() -> int:
    """A TCP port on loopback that nobody uses, and that this process has not been given before."""
    while True:
        port = random.choice(_PORTS)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: what is left of a closed connection does not stop them.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def log_end(log: Path) -> str:
    """The last lines of a log, indented; "" when there is none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "".join(f"\n    {line}" for line in lines[-_LOG_LINES:])


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Our environment for a child, without what somebody exported for a product: settings of linkmw and Django."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LINKMW_", "DJANGO_", "DEMO_"))}
    return {**kept, "PYTHONUNBUFFERED": "1", **extra}


class Process:
    """One child and its group."""

    def __init__(self, name: str, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._popen = popen
        self._stopped = False

    @property
    def pid(self) -> int:
        """The child's process id, which is its group's id as well."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def ask(self, line: str, seconds: float) -> None:
        """One that `listens` was told this, and has answered. Raises PartFailed when it ends or time is up."""
        assert self._popen.stdin, "it does not listen"
        assert self._popen.stdout, "it does not listen"
        with contextlib.suppress(BrokenPipeError):  # then it has nothing to say either
            self._popen.stdin.write(f"{line}\n".encode())
            self._popen.stdin.flush()
        answers, _, _ = select.select([self._popen.stdout], [], [], seconds)
        if not answers or not self._popen.stdout.readline():
            raise PartFailed(f"no answer from {self.name} within {seconds:.0f} s:{log_end(self.log)}")

    @property
    def exit_code(self) -> int | None:
        return self._popen.poll()

    def stop(self) -> None:
        """The whole group has ended: asked first, killed after ten seconds. Stopping twice does nothing."""
        if self._stopped:
            return  # its number may be somebody else's by now
        self._stopped = True
        self._signal(signal.SIGCONT)  # a paused process would not hear the next one
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(_STOP_SECONDS)
        # Even when the leader has gone by itself: what it left behind in its group goes too.
        self._signal(signal.SIGKILL)
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):  # what was not read is not flushed any more
                    pipe.close()

    def kill(self) -> None:
        """The group is gone without a goodbye: what a power cut looks like. `stop` still tidies up after it."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """The group neither answers nor refuses: what a hanging machine looks like from outside."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        # macOS answers EPERM for a group of zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


class Processes:
    """All that one run started; a context manager that stops it in the reverse order."""

    def __init__(self) -> None:
        self._stops: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        listens: bool = False,
    ) -> Process:
        """The command runs, its output appended to `log`. Raises Stopping; PartFailed when there is no such command.

        listens: it reads lines from us and answers each by one (`Process.ask`); only its errors go to `log`.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        # Under the lock: a process cannot slip in while another thread stops everything.
        with self._lock, log.open("ab") as output:
            self.go_on()
            try:
                popen = subprocess.Popen(
                    [str(word) for word in command],
                    stdin=subprocess.PIPE if listens else subprocess.DEVNULL,
                    stdout=subprocess.PIPE if listens else output,
                    stderr=output,
                    env=child_environment(env or {}),
                    cwd=cwd,
                    start_new_session=True,
                )
            except OSError as error:
                raise PartFailed(f"{name} cannot be started: {error.strerror}") from error
            log.with_suffix(".pid").write_text(f"{popen.pid}\n", "ascii")  # its group's, too: to pause it by hand
            process = Process(name, popen, log)
            self._stops.append(process.stop)
        return process

    def run(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        seconds: float,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """The command has run to its end, with exit code 0. Raises PartFailed, Stopping."""
        process = self.start(name, command, log=log, env=env, cwd=cwd)
        self.wait(lambda: not process.running, what=f"{name} to finish", seconds=seconds)
        if process.exit_code != 0:
            raise PartFailed(f"{name} ended with exit code {process.exit_code}:{log_end(log)}")

    def on_stop(self, stop: Callable[[], None]) -> None:
        """`stop` is called when the run ends: for parts that live in our own process."""
        with self._lock:
            self.go_on()
            self._stops.append(stop)

    def wait(self, ready: Callable[[], bool], *, what: str, seconds: float, process: Process | None = None) -> None:
        """`ready` has answered True. Raises PartFailed when `process` ends first or time is up, Stopping."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.go_on()
            if process is not None and not process.running:
                raise PartFailed(f"{process.name} ended with exit code {process.exit_code}:{log_end(process.log)}")
            if time.monotonic() > deadline:
                end = log_end(process.log) if process else ""
                raise PartFailed(f"waited {seconds:.0f} s for {what}{':' if end else ''}{end}")
            self._stopping.wait(_POLL_SECONDS)

    def go_on(self) -> None:
        """Nothing happens, unless the run is being stopped: then Stopping is raised."""
        if self._stopping.is_set():
            raise Stopping

    def stop(self) -> None:
        """Everything has been stopped; nothing can be started any more."""
        self._stopping.set()
        with self._lock:
            while self._stops:
                self._stops.pop()()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
