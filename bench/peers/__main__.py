"""`make bench-peers`: linkmw beside what people would take instead (docs/performance.md).

Two measures: a session on every request, in one process (G1, G2), and a whole returning sign-in (G5).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

from bench import environment, signin
from bench.environment import OUT
from bench.machine import described
from bench.parties import LINKMW, PEERS
from bench.plot import bars
from bench.rounds import Row, row, table

from linkmw.demo.parts.processes import Processes, free_port
from linkmw.demo.parts.redis import Redis


def sessions(rounds: int, number: int) -> None:
    """The first measure, in a process of its own in the peers' environment."""
    python = environment.installed()
    with tempfile.TemporaryDirectory() as folder, Processes() as processes:
        redis = Redis(processes, "redis", Path(folder) / "redis", port=free_port(), password="of-the-benchmark")
        redis.start()
        command = [python.python, "-W", "ignore", "-m", "bench.peers.sessions", str(rounds), str(number)]
        done = subprocess.run(
            [*command, f"{folder}/django.db"],
            env={**os.environ, **environment.with_linkmw(), "REDIS": redis.url},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    said = [described(python)]
    for kind, taken in json.loads(done.stdout).items():
        rows = [row(name, mine, taken[kind]) for name, mine in taken.items()]
        said.append(table(f"{kind}, in process", rows))
        _plot(kind, rows)
    text = "\n\n".join(said)
    print(text)
    OUT.mkdir(exist_ok=True)
    (OUT / "sessions.txt").write_text(text + "\n", encoding="utf-8")


def _plot(kind: str, rows: list[Row]) -> None:
    """What each adds, in microseconds, as far as it is above the control's noise."""
    ratios = {one.name.removeprefix("+ "): one.ratio for one in rows[1:]}
    bars(f"session-{kind.lower()}.svg", f"CPU of a request, times bare {kind}", ratios)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=9, help="(default %(default)s)")
    options.add_argument("--number", type=int, default=4000, help="requests in a round (default %(default)s)")
    options.add_argument("--only", choices=("sessions", "sign-in"), help="one of the two measures")
    given = options.parse_args()
    if given.only != "sign-in":
        sessions(given.rounds, given.number)
    if given.only != "sessions":
        signin.measure({**LINKMW, **PEERS}, rounds=given.rounds, name="signin-peers")


if __name__ == "__main__":
    main()
