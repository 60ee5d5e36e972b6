"""`make bench-signin`: what a whole returning sign-in costs the relying party, linkmw beside its best peer (G5).

linkmw's side is product, hub, links and hand-over; the provider's own CPU is left out, a browser's and Redis' too.
Interleaved rounds, CPU time of whole process trees, medians; `--profile` tells where linkmw's time goes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import cpu
from bench.environment import OUT
from bench.machine import described
from bench.parties import BEST, LINKMW, OURS, PEERS, Start
from bench.plot import bars
from bench.profile import where_the_time_goes
from bench.rounds import spread
from bench.stand import Party, Stand, stand

GOAL = 3.2  # ms of CPU (G5)
SHARE = 0.8  # of the best Python peer's
WARM = 20
_ROUND_SECONDS = 1.0  # of CPU, so that a tick of 10 ms is under a percent


@dataclass(frozen=True, slots=True)
class Row:
    """milliseconds: CPU per sign-in. ratio: to the best peer, per round. calls: to the provider, by endpoint."""

    name: str
    milliseconds: float
    ratio: float
    spread: float
    a_second: float
    mebibytes: float
    calls: dict[str, float]


def compare(around: Stand, parties: Mapping[str, Party], *, rounds: int) -> list[Row]:
    """A row for each, one of which is the best peer that the others are compared with."""
    numbers, calls = {}, {}
    for name, party in parties.items():
        around.sign_in(party, WARM, checked=True)
        before, used = around.asked(), cpu.seconds(_pids(party))
        around.sign_in(party, WARM)
        took = (cpu.seconds(_pids(party)) - used) / WARM
        calls[name] = {word: (n - before.get(word, 0)) / WARM for word, n in around.asked().items()}
        numbers[name] = max(40, min(1000, int(_ROUND_SECONDS / max(took, 0.001))))
    taken: dict[str, list[float]] = {name: [] for name in parties}
    rates: dict[str, list[float]] = {name: [] for name in parties}
    for turn in range(rounds):
        for name, party in parties.items():
            used = cpu.seconds(_pids(party))
            rates[name].append(around.sign_in(party, numbers[name]))
            taken[name].append((cpu.seconds(_pids(party)) - used) / numbers[name] * 1000)
        print(f"round {turn + 1} of {rounds}", flush=True)
    return [_row(party, taken, rates, calls[name]) for name, party in parties.items()]


def _pids(party: Party) -> list[int]:
    return [pid for process in party.processes for pid in cpu.tree(process.pid)]


def _row(
    party: Party, taken: Mapping[str, list[float]], rates: Mapping[str, list[float]], calls: dict[str, float]
) -> Row:
    mine, best = taken[party.name], taken[BEST]
    asked = {word: round(n, 2) for word, n in calls.items() if n > 0.01 and word not in ("stats", "auth")}
    return Row(
        party.name,
        statistics.median(mine),
        statistics.median(one / other for one, other in zip(mine, best, strict=True)),
        spread(mine),
        statistics.median(rates[party.name]),
        cpu.resident(_pids(party)) / 1024,
        asked,
    )


def table(rows: list[Row]) -> str:
    lines = [f"{'relying party':<46} {'CPU ms':>7} {'x best':>7} {'spread':>7} {'a second':>9} {'MiB':>5}  calls"]
    for row in sorted(rows, key=lambda row: row.milliseconds):
        calls = ", ".join(f"{n:g} {word}" for word, n in row.calls.items())
        lines.append(
            f"{row.name:<46} {row.milliseconds:7.2f} {row.ratio:7.2f} {row.spread:7.0%} {row.a_second:9.0f} "
            f"{row.mebibytes:5.0f}  {calls}"
        )
    return "\n".join(lines)


def verdict(rows: list[Row]) -> str:
    ours = next(row for row in rows if row.name == OURS)
    kept = ours.milliseconds <= GOAL and ours.ratio <= SHARE
    return (
        f"G5: {ours.milliseconds:.2f} ms of at most {GOAL} ms, {ours.ratio:.2f} of the best peer, at most {SHARE}: "
        f"{'kept' if kept else 'MISSED'}"
    )


def measure(starts: Mapping[str, Start], *, rounds: int, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder, stand(Path(folder)) as around:
        parties = {name: start(around, name) for name, start in starts.items()}
        rows = compare(around, parties, rounds=rounds)
        text = "\n".join((described(around.python), table(rows), verdict(rows)))
        print(text)
        OUT.mkdir(exist_ok=True)
        (OUT / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
        (OUT / f"{name}.json").write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
        bars(f"{name}.svg", "CPU of a whole sign-in, times the best Python peer", {row.name: row.ratio for row in rows})


def profile() -> None:
    with tempfile.TemporaryDirectory() as folder, stand(Path(folder)) as around:
        around.profiled = True
        where_the_time_goes(around, LINKMW[OURS](around, OURS))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=7, help="(default %(default)s)")
    options.add_argument("--all", action="store_true", help="beside every peer, not the best alone")
    options.add_argument("--profile", action="store_true", help="tell where linkmw's time goes, and compare nothing")
    given = options.parse_args()
    if given.profile:
        profile()
        return
    peers = PEERS if given.all else {BEST: PEERS[BEST]}
    name = "signin-peers" if given.all else "signin"
    measure({**LINKMW, **peers}, rounds=given.rounds, name=name)


if __name__ == "__main__":
    main()
