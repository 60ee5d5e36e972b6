"""The roll-out page: a curve, a funnel and a list, drawn as inline SVG with the same numbers in tables beneath.

Pure: numbers in, coordinates out. A drawing says nothing that its table does not, so it may stay plain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from linkmw.pages.look import Look
from linkmw.pages.render import render
from linkmw.pages.support import Head

WIDTH, HEIGHT = 640, 200  # of the drawing's own units
LEFT, TOP, BOTTOM = 72, 20, 30  # room for the numbers at its side and the days beneath
ROWS = 7  # of the table beneath the curve, at most


@dataclass(frozen=True, slots=True)
class Curve:
    """A line over time. line, area: SVG paths. ticks: how high, and which number. first, last: the days at its ends."""

    line: str
    area: str
    ticks: tuple[tuple[float, int], ...]
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Bar:
    """A step: how many came this far, how much that is of the first (percent), and how wide its bar is."""

    name: str
    many: int
    percent: int
    width: float


def curve(values: Mapping[int, int]) -> Curve:
    """values: the day's number from the epoch → how many, at least one, in the order of days."""
    days, top = list(values), ceiling(max(values.values()))
    span = max(days[-1] - days[0], 1)
    points = [
        (LEFT + (WIDTH - LEFT) * (day - days[0]) / span, TOP + (HEIGHT - TOP - BOTTOM) * (1 - many / top))
        for day, many in values.items()
    ]
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    floor = HEIGHT - BOTTOM
    ticks = tuple((TOP + (floor - TOP) * (1 - share), round(top * share)) for share in (0, 0.5, 1))
    area = f"{line}L{points[-1][0]:.1f} {floor}L{points[0][0]:.1f} {floor}Z"
    return Curve(line, area, ticks, day_of(days[0]), day_of(days[-1]))


def ceiling(most: int) -> int:
    """The smallest of 2, 4, 10, 20, 40, 100, … that is no less than `most`: half of it is a whole number too."""
    step = 1
    while True:
        for factor in (2, 4, 10):
            if factor * step >= most:
                return factor * step
        step *= 10


def bars(steps: Mapping[str, int]) -> tuple[Bar, ...]:
    """The steps in their order, each by its share of the most that any of them has."""
    most = max(steps.values(), default=0)
    first = next(iter(steps.values()), 0)
    return tuple(
        Bar(name, many, round(100 * many / first) if first else 0, (WIDTH * many / most) if most else 0)
        for name, many in steps.items()
    )


def sampled(values: Mapping[int, int], rows: int = ROWS) -> list[tuple[date, int]]:
    """About `rows` of the days, evenly, the last one always; newest first."""
    days = list(values)
    every = max(1, -(-len(days) // rows))
    return [(day_of(day), values[day]) for day in reversed(days) if (days[-1] - day) % every == 0]


def day_of(number: int) -> date:
    return datetime.fromtimestamp(number * 86_400, UTC).date()


def rollout(
    *,
    look: Look,
    head: Head,
    days: int,
    spans: Sequence[tuple[int, str]],
    linked: Mapping[int, int],
    steps: Mapping[str, int],
    failures: Sequence[tuple[str, str, int]],
) -> str:
    """days: how far back. spans: how far one may look, and where. failures: event, code, how many. Days are UTC's."""
    amounts = list(linked.values())
    shown = {name: many for name, many in steps.items() if many or name != "address_mailed"}  # of `replace` alone
    return render(
        "rollout.html",
        look=look,
        head=head,
        days=days,
        spans=spans,
        curve=curve(linked),
        table=sampled(linked),
        now_linked=amounts[-1],
        added=amounts[-1] - amounts[0],
        bars=bars(shown),
        failures=failures,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        floor=HEIGHT - BOTTOM,
    )
