"""CPU time and memory of a process and everything it started, as Linux counts them in /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """The process and what it started, and so on."""
    found, waiting = [], [pid]
    while waiting:
        found.append(one := waiting.pop())
        with suppress(OSError):
            for thread in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
    return found


def seconds(pids: Iterable[int]) -> float:
    """CPU seconds, user and system, of these processes until now; children that have ended are their parent's."""
    return sum(sum(map(int, _fields(pid)[11:15])) for pid in pids) / _TICK


def own_seconds(pids: Iterable[int]) -> float:
    """CPU seconds of these processes alone, without any that they started."""
    return sum(sum(map(int, _fields(pid)[11:13])) for pid in pids) / _TICK


def _fields(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return ["0"] * 20


def resident(pids: Iterable[int]) -> int:
    """KiB of memory that these processes hold."""
    found = 0
    for pid in pids:
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            found += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return found
