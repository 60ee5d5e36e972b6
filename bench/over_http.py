"""`make bench-http`: a request with a live linkmw session over HTTP, beside the same application without linkmw (G3).

CPU of the application's processes and of Redis, and requests a second, over kept connections on loopback. Before it is
timed a variant's session is ended in Redis, and its next answer has to be nobody's. Prints tables and writes them to
bench/.out/; believe no difference below that of the control.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import redis
from bench import cpu, rounds
from bench.environment import OUT
from bench.load import Load
from bench.machine import described
from bench.signed_in import HELLO, NATIVE, Truth, checked, cookie_of, flask_app
from bench.stand import Stand, stand
from bench.unclaimed import ON
from itsdangerous import TimestampSigner

from linkmw.demo.parts.processes import Process, free_port

CPU, RATE, STRICT = 1.10, 0.93, 1.50  # times the bare application: CPU, requests a second, CPU with Redis asked (G3)
BARE, CONTROL, REMEMBERED, ASKED = "bare", "the same again (control)", "+ linkmw", "+ linkmw, Redis asked each time"
VARIANTS = (BARE, CONTROL, REMEMBERED, ASKED)
PATH = "/orders/17"
_NO_TELLING = ("on", ">of-the-benchmark", "~*", "+@all", "-subscribe")
_WARM = 500


@dataclass(frozen=True, slots=True)
class Kind:
    """An application as its server runs it. app: the module under bench/peers. cookie: who is signed in."""

    name: str
    server: str
    app: str
    cookie: str
    told: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Served:
    """One variant that runs, beside the Redis it may ask."""

    process: Process
    redis: Process
    load: Load

    def cpu_seconds(self) -> float:
        return cpu.seconds([*cpu.tree(self.process.pid), self.redis.pid])


@dataclass(frozen=True, slots=True)
class Row:
    """cpu: of a request, in microseconds. a_second: requests; rate: that, times the bare application's, per round."""

    cpu: rounds.Row
    a_second: float
    rate: float
    rate_spread: float


def kinds() -> list[Kind]:
    payload = base64.b64encode(json.dumps(NATIVE).encode())
    session = f"session={TimestampSigner('k' * 32).sign(payload).decode()}"
    return [
        Kind("Starlette, a session at no cost", "uvicorn", "greeting_starlette", "", {"SESSION": "free"}),
        Kind("Starlette, SessionMiddleware", "uvicorn", "greeting_starlette", session, {"SESSION": "cookie"}),
        Kind("Flask, its signed session", "gunicorn", "greeting_flask", cookie_of(flask_app("", linked=False)), {}),
    ]


def served(around: Stand, kind: Kind, variant: str, number: int) -> Served:
    """It runs, answers as it should and hears of an end."""
    prefix = f"bench{number}:"
    linked = {} if variant in (BARE, CONTROL) else _linked(_url(around, asked=variant == ASKED), prefix)
    port = free_port()
    start = around.uvicorn if kind.server == "uvicorn" else around.gunicorn
    process = start(f"variant-{number}", f"bench.peers.{kind.app}:app", port, {**kind.told, **linked})
    load = Load(port, PATH, kind.cookie, HELLO)
    checked(load.answer, Truth(around.redis.url, prefix) if linked else None)
    assert around.redis.process is not None, "a Redis of our own: its CPU counts"
    return Served(process, around.redis.process, load)


def _linked(url: str, prefix: str) -> dict[str, str]:
    return {
        "LINKMW_HUB_URL": ON.hub_url,
        "LINKMW_PUBLIC_URL": ON.public_url,
        "LINKMW_ORGANIZATION_ID": ON.organization_id,
        "LINKMW_CLIENT_ID": ON.client_id,
        "LINKMW_CLIENT_SECRET": str(ON.client_secret),
        "LINKMW_REDIS_URL": url,
        "LINKMW_REDIS_PREFIX": prefix,
        "LINKMW_REDIS_TIMEOUT": "30",
        "LINKMW_SIGNED_IN_PATH": "/account",  # so that the proof by its own login is on, which looks at each cookie
    }


def _url(around: Stand, *, asked: bool) -> str:
    """asked: as somebody whom Redis may not tell of changes, so that it is asked each time (docs/decisions.md)."""
    if not asked:
        return around.redis.url
    with redis.Redis.from_url(around.redis.url) as client:
        client.execute_command("ACL", "SETUSER", "asks", *_NO_TELLING)  # type: ignore[no-untyped-call]
    return f"redis://asks:of-the-benchmark@{around.redis.url.rpartition('@')[2]}"


def measure(variants: Mapping[str, Served], *, number: int, turns: int, at_once: int) -> list[Row]:
    """A row for each; number: requests in a round, of one that asks Redis half as many."""
    numbers = {name: number // 2 if name == ASKED else number for name in variants}
    taken: dict[str, list[float]] = {name: [] for name in variants}
    rates: dict[str, list[float]] = {name: [] for name in variants}
    for one in variants.values():
        one.load.run(_WARM, at_once)
    for _ in range(turns):
        for name, one in variants.items():
            used = one.cpu_seconds()
            rates[name].append(one.load.run(numbers[name], at_once))
            taken[name].append((one.cpu_seconds() - used) / numbers[name] * 1e6)
    return [_row(name, taken, rates) for name in variants]


def _row(name: str, taken: Mapping[str, list[float]], rates: Mapping[str, list[float]]) -> Row:
    mine = rates[name]
    ratio = statistics.median(one / other for one, other in zip(mine, rates[BARE], strict=True))
    return Row(rounds.row(name, taken[name], taken[BARE]), statistics.median(mine), ratio, rounds.spread(mine))


def table(title: str, found: list[Row]) -> str:
    lines = [f"{title:<36} {'CPU µs':>8} {'x bare':>7} {'spread':>7} {'a second':>9} {'x bare':>7} {'spread':>7}"]
    lines += [
        f"{row.cpu.name:<36} {row.cpu.microseconds:8.1f} {row.cpu.ratio:7.3f} {row.cpu.spread:7.0%} "
        f"{row.a_second:9.0f} {row.rate:7.3f} {row.rate_spread:7.0%}"
        for row in found
    ]
    return "\n".join([*lines, *_verdicts(found)])


def _verdicts(found: list[Row]) -> Iterator[str]:
    row = {one.cpu.name: one for one in found}
    for name, what, figure, goal, kept in (
        (REMEMBERED, "CPU", row[REMEMBERED].cpu.ratio, CPU, row[REMEMBERED].cpu.ratio <= CPU),
        (REMEMBERED, "requests a second", row[REMEMBERED].rate, RATE, row[REMEMBERED].rate >= RATE),
        (ASKED, "CPU", row[ASKED].cpu.ratio, STRICT, row[ASKED].cpu.ratio <= STRICT),
    ):
        yield f"G3: {name}: {what} {figure:.3f} of the bare application's, goal {goal}: {'kept' if kept else 'MISSED'}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--number", type=int, default=20_000, help="requests in a round (default %(default)s)")
    options.add_argument("--rounds", type=int, default=7, help="rounds (default %(default)s)")
    options.add_argument("--at-once", type=int, default=16, help="connections (default %(default)s)")
    chosen = options.parse_args()
    found: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory() as folder, stand(Path(folder), people=1) as around:
        said = [described(around.python)]
        for at, kind in enumerate(kinds()):
            number = chosen.number if kind.server == "uvicorn" else chosen.number // 2
            running = {name: served(around, kind, name, 10 * at + n) for n, name in enumerate(VARIANTS)}
            found[kind.name] = measure(running, number=number, turns=chosen.rounds, at_once=chosen.at_once)
            said.append(table(f"{kind.name}, {kind.server}", found[kind.name]))
            print(said[-1], flush=True)
            for one in running.values():
                one.process.stop()
    OUT.mkdir(exist_ok=True)
    (OUT / "over_http.txt").write_text("\n\n".join([*said, described(around.python)]) + "\n", encoding="utf-8")
    measured = {kind: [asdict(row) for row in taken] for kind, taken in found.items()}
    (OUT / "over_http.json").write_text(json.dumps(measured, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
