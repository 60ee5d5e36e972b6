"""Interleaved timing: A, B, A, B …, CPU time, medians of per-round differences and ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Loop = Callable[[int], None]  # runs a variant so many times


@dataclass(frozen=True, slots=True)
class Row:
    """One variant. microseconds: CPU per request; over: against the bare application, per round; spread: of its own
    rounds, (p75 - p25) / median."""

    name: str
    microseconds: float
    over: float
    ratio: float
    spread: float


def measure(variants: Mapping[str, Loop], *, number: int, rounds: int) -> list[Row]:
    """A row for each variant; the first one is the bare application that the others are compared with."""
    samples: dict[str, list[float]] = {name: [] for name in variants}
    for loop in variants.values():
        loop(number // 10)
    for _ in range(rounds):
        for name, loop in variants.items():
            began = time.process_time()
            loop(number)
            samples[name].append((time.process_time() - began) / number * 1e6)
    bare = samples[next(iter(samples))]
    return [row(name, taken, bare) for name, taken in samples.items()]


def row(name: str, taken: list[float], bare: list[float]) -> Row:
    return Row(
        name,
        statistics.median(taken),
        statistics.median(one - other for one, other in zip(taken, bare, strict=True)),
        statistics.median(one / other for one, other in zip(taken, bare, strict=True)),
        spread(taken),
    )


def spread(taken: list[float]) -> float:
    """(p75 - p25) / median, of one variant's own rounds."""
    low, median, high = statistics.quantiles(taken, n=4) if len(taken) > 1 else (taken[0],) * 3
    return (high - low) / median


def table(title: str, rows: list[Row]) -> str:
    """The rows as text."""
    lines = [f"{title:<40} {'µs':>8} {'+ µs':>8} {'x':>6} {'spread':>7}"]
    lines += [
        f"{row.name:<40} {row.microseconds:8.2f} {row.over:8.2f} {row.ratio:6.2f} {row.spread:7.0%}" for row in rows
    ]
    return "\n".join(lines)
