"""How long after a logout was accepted a session still stands in other processes of the product (G4), on loopback.

Each process hears on its own connection, and answers requests all the while. All clocks are the machine's one.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from dataclasses import dataclass, replace
from typing import Any

from bench.unclaimed import ON

from linkmw.gate import build
from linkmw.model import Marker, Session
from linkmw.run import run_now
from linkmw.stores.redis import GateStores, connect_blocking

GOAL = 2.0  # ms, the 99th percentile (G4)
READY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Spread:
    """In milliseconds after the logout was accepted, of every process in every round."""

    processes: int
    rounds: int
    median: float
    p99: float
    most: float


def _serves(url: str, orders: Any) -> None:
    """One process: asks about the session it is told of until that has ended, and says when it saw so."""
    guard = build.guard(replace(ON, redis_url=url), blocking=True)
    while (marker := orders.recv()) is not None:
        end = time.monotonic() + READY_SECONDS
        while not guard.knows(marker):
            assert run_now(guard.stands(marker)), "ended before its end"
            assert time.monotonic() < end, "never remembered"
        orders.send("ready")
        while run_now(guard.stands(marker)):  # as each request asks
            time.sleep(0.00005)  # a server between two requests
        seen = time.monotonic()
        assert not run_now(guard.stands(marker)), "stands after its end"
        orders.send(seen)


def measure(url: str, *, processes: int = 4, rounds: int = 500) -> Spread:
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(processes)]
    workers = [context.Process(target=_serves, args=(url, there)) for _, there in pairs]
    for worker in workers:
        worker.start()
    sessions = GateStores(connect_blocking(url, timeout=5), ON.redis_prefix).sessions
    taken: list[float] = []
    for number in range(rounds):
        now = int(time.time())
        sid, account_id = f"sid-{number}", f"account-{number}"
        assert run_now(sessions.put(Session(sid, account_id, "identity", "hub-sid", now, now + 600)))
        for here, _ in pairs:
            here.send(Marker(sid, now + 600))
        for here, _ in pairs:
            assert here.recv() == "ready"
        assert len(run_now(sessions.end_all(account_id=account_id, until=now))) == 1
        accepted = time.monotonic()
        taken += [max(here.recv() - accepted, 0.0) * 1000 for here, _ in pairs]
    for here, _ in pairs:
        here.send(None)
    for worker in workers:
        worker.join()
    return Spread(processes, rounds, statistics.median(taken), statistics.quantiles(taken, n=100)[98], max(taken))


def said(found: Spread) -> str:
    verdict = "kept" if found.p99 <= GOAL else "MISSED"
    return (
        f"{found.processes} processes, {found.rounds} logouts: median {found.median:.2f} ms, "
        f"p99 {found.p99:.2f} ms, at most {found.most:.2f} ms\n"
        f"G4: p99 {found.p99:.2f} ms of at most {GOAL} ms: {verdict}"
    )
