"""Every fault there is: a name, what happens, and what it may cost. The rest must come through."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import redis
from tests.e2e.test_parts_away import locked
from tests.faults import old
from tests.faults.proxy import WAYS
from tests.faults.stage import PARTS, Weathered

from linkmw.stores.sql.engine import open_engine

Weather = Callable[[Weathered], AbstractContextManager[Any]]
Where = Literal["fast", "file", "real"]  # the stand-in over PostgreSQL, or over SQLite; the real Keycloak over SQLite
KILLED = ("hub", "hub redis", "product redis", "sql", "keycloak", "smtp")
# In every run of the tests.
SHORT = ("product redis refuses", "smtp cuts", "hub redis and sql black hole", "hub redis and product redis killed")


@dataclass(frozen=True, slots=True)
class Fault:
    """away: the part a browser asks itself and does not find. flushes: the store of the products' sessions is empty
    afterwards, so that people sign in again. where: on which stage. works: people sign in while it lasts, too.
    prepare: what takes long before it can begin."""

    name: str
    weather: Weather
    away: tuple[str, ...] = ()
    flushes: bool = False
    where: Where = "fast"
    works: bool = False
    prepare: Callable[[Weathered], object] = lambda _: None

    @property
    def title(self) -> str:
        return {"fast": self.name, "real": f"{self.name}, real Keycloak", "file": f"{self.name}, SQLite"}[self.where]


def misbehaves(part: str, way: Any) -> Weather:
    return lambda stage: stage.misbehaving(part, way)


def both(*weathers: Weather) -> Weather:
    """At once, and over in the reverse order."""

    @contextmanager
    def all_of_them(stage: Weathered) -> Iterator[None]:
        with ExitStack() as stack:
            for weather in weathers:
                stack.enter_context(weather(stage))
            yield

    return all_of_them


def killed(part: str) -> Weather:
    """kill -9, and started again. The SMTP server lives in the tests' own process: it goes, connections and all."""

    @contextmanager
    def weather(stage: Weathered) -> Iterator[None]:
        for one in stage.parts(part):
            if part != "smtp":
                one.process.kill()
            one.stop()
        try:
            yield
        finally:
            for one in stage.parts(part):
                one.start()

    return weather


def paused(part: str) -> Weather:
    """SIGSTOP, and SIGCONT."""

    @contextmanager
    def weather(stage: Weathered) -> Iterator[None]:
        for one in stage.parts(part):
            one.process.pause()
        try:
            yield
        finally:
            for one in stage.parts(part):
                one.process.resume()

    return weather


def restarted(part: str) -> Weather:
    """Asked to stop, and started again at once, in the middle of whatever people are at."""

    @contextmanager
    def weather(stage: Weathered) -> Iterator[None]:
        for one in stage.parts(part):
            one.stop()
            one.start()
        yield

    return weather


def _redis_of(stage: Weathered, part: str) -> redis.Redis:
    return redis.Redis.from_url(stage.parts(part)[0].url)


def full(part: str, policy: str) -> Weather:
    """`maxmemory` is below what the server holds already. noeviction: nothing more is taken; allkeys-lru: keys go."""

    @contextmanager
    def weather(stage: Weathered) -> Iterator[None]:
        with _redis_of(stage, part) as server:
            server.config_set("maxmemory-policy", policy)
            server.config_set("maxmemory", "100kb")
            try:
                yield
            finally:
                server.config_set("maxmemory", "0")
                server.config_set("maxmemory-policy", "noeviction")

    return weather


def flushed(part: str) -> Weather:
    @contextmanager
    def weather(stage: Weathered) -> Iterator[None]:
        with _redis_of(stage, part) as server:
            server.flushall()
        yield

    return weather


@contextmanager
def disk_full(stage: Weathered) -> Iterator[None]:
    """No file of the hub's may grow (RLIMIT_FSIZE of its processes is what the database has already): EFBIG."""
    assert stage.hub.process
    pid = stage.hub.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def file_locked(stage: Weathered) -> AbstractContextManager[None]:
    """Somebody else writes to the hub's SQLite file and does not come to an end."""
    path = open_engine(stage.database_url).url.database
    assert path
    return locked(path)  # type: ignore[arg-type]


def clock(whose: str, seconds: int) -> Weather:
    """That party's clock jumps by so many seconds, and back."""

    @contextmanager
    def weather(stage: Weathered) -> Iterator[None]:
        moved = stage.hub_clock if whose == "hub" else stage.product_clock
        moved.passes(seconds)
        try:
            yield
        finally:
            moved.now()

    return weather


def _singles() -> Iterator[Fault]:
    for part in PARTS:
        for way in WAYS:
            yield Fault(f"{part} {way}", misbehaves(part, way))
    for part in (*KILLED, "product"):
        away = (part,) if part in ("hub", "keycloak", "product") else ()
        yield Fault(f"{part} killed", killed(part), away, flushes=part == "product redis")
        if part != "smtp":
            yield Fault(f"{part} paused", paused(part), away)
    for part in ("hub", "product"):
        yield Fault(f"{part} restarted", restarted(part), (part,))


def _pairs() -> Iterator[Fault]:
    for one, other in combinations(KILLED, 2):
        away = tuple(part for part in (one, other) if part in ("hub", "keycloak"))
        yield Fault(
            f"{one} and {other} killed", both(killed(one), killed(other)), away, flushes="product redis" in (one, other)
        )
    for one, other in combinations(PARTS, 2):
        yield Fault(
            f"{one} and {other} black hole", both(misbehaves(one, "black hole"), misbehaves(other, "black hole"))
        )


def _stores() -> Iterator[Fault]:
    for part in ("hub redis", "product redis"):
        yield Fault(f"{part} full", full(part, "noeviction"))
        lost = part == "product redis"
        yield Fault(f"{part} evicts", full(part, "allkeys-lru"), flushes=lost)
        yield Fault(f"{part} flushed", flushed(part), flushes=lost)
    for whose, seconds in (("hub", 45), ("hub", -45), ("hub", 150), ("product", 150), ("product", -150)):
        yield Fault(f"{whose} clock {seconds:+d} s", clock(whose, seconds))


def of_old_version(part: str) -> Weather:
    """The part is replaced by the version before this one, in the middle of whatever people are at; then back."""

    @contextmanager
    def weather(stage: Weathered) -> Iterator[None]:
        programs = old.environment(stage.folder)
        _run_by(stage, part, programs)
        try:
            yield
        finally:
            _run_by(stage, part, Path(sys.executable).parent)

    return weather


def _run_by(stage: Weathered, part: str, programs: Path) -> None:
    stage.hub.command = programs / "linkmw" if part == "hub" else stage.hub.command
    for one in stage.parts(part):
        one.stop()
        if part == "product":
            one.python = str(programs / "python")
        one.start()


def _versions() -> Iterator[Fault]:
    for part, name in (
        ("hub", f"hub {old.VERSION}, products of this version"),
        ("product", f"products {old.VERSION}, hub of this version"),
    ):
        yield Fault(
            name, of_old_version(part), (part,), works=True, prepare=lambda stage: old.environment(stage.folder)
        )


def _on_file() -> Iterator[Fault]:
    yield Fault("disk full", disk_full, where="file")
    yield Fault("sql locked", file_locked, where="file")
    yield Fault("hub killed", killed("hub"), ("hub",), where="file")


def _real() -> Iterator[Fault]:
    for way in WAYS:
        yield Fault(f"keycloak {way}", misbehaves("keycloak", way), where="real")
    yield Fault("keycloak killed", killed("keycloak"), ("keycloak",), where="real")
    yield Fault("keycloak paused", paused("keycloak"), ("keycloak",), where="real")
    for part in ("hub", "hub redis", "product redis"):
        away = ("hub",) if part == "hub" else ()
        yield Fault(f"{part} killed", killed(part), away, flushes=part == "product redis", where="real")
        yield Fault(f"{part} black hole", misbehaves(part, "black hole"), where="real")


FAULTS: dict[str, Fault] = {
    fault.title: fault for fault in (*_singles(), *_stores(), *_versions(), *_pairs(), *_on_file(), *_real())
}
