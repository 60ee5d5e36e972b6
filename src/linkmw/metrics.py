"""What is counted and timed, by name (docs/metrics.md). Off, which is the default, each call costs one comparison.

Standard library only: `linkmw.prometheus` is loaded when a process switches metrics on, and only then. No label is a
person's: values are names from the configuration, routes, parts, events and codes.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

Part = Literal["redis", "sql", "keycloak", "smtp", "product", "hub"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as Prometheus names it; a counter's name ends in `_total` there. gauge: worked out when asked for."""

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    what: str
    labels: tuple[str, ...] = ()


EVENTS = Metric(
    "linkmw_events_total",
    "counter",
    "Events of the audit trail (docs/audit.md)",
    ("event", "result", "code", "tenant", "product"),
)
CALLS = Metric("linkmw_call_seconds", "histogram", "How long a part took to answer, or to fail", ("part", "result"))
REQUESTS = Metric("linkmw_request_seconds", "histogram", "How long the hub took to answer", ("route", "status"))
UNCHECKED = Metric(
    "linkmw_sessions_unchecked_total",
    "counter",
    "Looks at a product's session that let it stand because Redis was silent; one in half a second asks",
)
UP = Metric("linkmw_up", "gauge", "1 where the part answers now, else 0", ("part",))
DOORS = Metric("linkmw_native_doors_open", "gauge", "1 where the product's own login opens a session, else 0")
WAITING = Metric("linkmw_waiting", "gauge", "Mails and logouts that wait to be sent or told", ("what",))
OLDEST = Metric("linkmw_waiting_seconds", "gauge", "For how long the oldest of them has waited", ("what",))

ALL = (EVENTS, CALLS, REQUESTS, UNCHECKED, UP, DOORS, WAITING, OLDEST)
Sample = tuple[Metric, tuple[str, ...], float]  # a gauge's metric, its labels' values, its value


class Recorder(Protocol):
    """Where numbers go. Must not raise: nobody's sign-in may fail for a number."""

    def count(self, metric: Metric, labels: tuple[str, ...]) -> None: ...

    def observe(self, metric: Metric, labels: tuple[str, ...], seconds: float) -> None: ...


_recorder: Recorder | None = None


def record_to(recorder: Recorder | None) -> None:
    """From now on this process records there; None: nowhere."""
    global _recorder
    _recorder = recorder


def count(metric: Metric, *labels: str) -> None:
    """One more of these."""
    if _recorder is not None:
        _recorder.count(metric, labels)


def observe(metric: Metric, *labels: str, seconds: float) -> None:
    """This took so long."""
    if _recorder is not None:
        _recorder.observe(metric, labels, seconds)


class _Call:
    """A call under way."""

    __slots__ = ("_began", "_part")

    def __init__(self, part: Part) -> None:
        self._part = part

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        observe(CALLS, self._part, "failed" if kind else "ok", seconds=time.perf_counter() - self._began)


_NOT_TIMED: AbstractContextManager[None] = nullcontext()


def timed(part: Part) -> AbstractContextManager[None]:
    """What is asked of `part` inside is timed; what it raises goes on."""
    return _NOT_TIMED if _recorder is None else _Call(part)
