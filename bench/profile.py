"""Where the time of a sign-in goes: linkmw's two processes under cProfile while people sign in.

CPU of the event loop's thread; SQL is done in others, and is what is missing to the whole. cProfile makes Python's
calls dearer than they are, so believe the order and the counts, not the microseconds.
"""

from __future__ import annotations

import os
import pstats
import signal
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.environment import OUT
from bench.stand import Party, Stand

NUMBER = 400
_MOST = 40
Stats = Mapping[tuple[str, int, str], tuple[int, int, float, float, Any]]


def where_the_time_goes(around: Stand, party: Party, number: int = NUMBER) -> None:
    """A file for each process, of what one sign-in took: by package, by our own functions, by function."""
    around.sign_in(party, 60, checked=True)
    for process in party.processes:
        os.kill(process.pid, signal.SIGUSR1)
    around.sign_in(party, number)
    for process in party.processes:
        os.kill(process.pid, signal.SIGINT)
        around.processes.wait(lambda one=process: not one.running, what=process.name, seconds=30)  # type: ignore[misc]
        text = "\n".join(_said(pstats.Stats(str(around.profile_of(process.name))).stats, number))  # type: ignore[attr-defined]
        OUT.mkdir(exist_ok=True)
        (OUT / f"profile-{process.name.split(',')[0]}.txt").write_text(text + "\n", encoding="utf-8")
        print(f"{process.name}\n{text}")


def _said(stats: Stats, number: int) -> Iterator[str]:
    packages: dict[str, float] = defaultdict(float)
    for (file, _, _name), (_, _, own, _, _) in stats.items():
        packages[_package(file)] += own
    yield "µs of a sign-in spent in each package's own code"
    for name, own in sorted(packages.items(), key=lambda item: -item[1])[:25]:
        yield f"{own / number * 1e6:8.0f}  {name}"
    yield "\ncalls and µs of a sign-in in each function of ours, with all it calls"
    ours = [item for item in stats.items() if "linkmw" in item[0][0]]
    for key, (_, calls, _, whole, _) in sorted(ours, key=lambda item: -item[1][3])[:_MOST]:
        yield f"{calls / number:7.1f} {whole / number * 1e6:8.0f}  {_named(key)}"
    yield "\ncalls and µs of a sign-in in each function, without what it calls"
    for key, (_, calls, own, _, _) in sorted(stats.items(), key=lambda item: -item[1][2])[:_MOST]:
        yield f"{calls / number:7.1f} {own / number * 1e6:8.0f}  {_named(key)}"


def _package(file: str) -> str:
    parts = Path(file).parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1]
    return "linkmw" if "linkmw" in file else "built-in" if file == "~" else "standard library"


def _named(key: tuple[str, int, str]) -> str:
    file, line, name = key
    return name if file == "~" else f"{'/'.join(Path(file).parts[-3:])}:{line} {name}"
