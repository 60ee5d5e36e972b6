"""The drawings of the roll-out page: numbers in, coordinates out."""

from __future__ import annotations

import re

import pytest

from linkmw.pages.rollout import BOTTOM, HEIGHT, LEFT, ROWS, TOP, WIDTH, bars, ceiling, curve, day_of, sampled


@pytest.mark.parametrize(
    ("most", "top"),
    [
        (0, 2),
        (1, 2),
        (2, 2),
        (3, 4),
        (5, 10),
        (11, 20),
        (21, 40),
        (41, 100),
        (100, 100),
        (101, 200),
        (999_999, 1_000_000),
    ],
)
def test_ops2_the_scale_is_of_round_numbers(most: int, top: int) -> None:
    assert ceiling(most) == top
    assert top % 2 == 0


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path)]


@pytest.mark.parametrize(
    "values", [{9: 0}, {9: 5}, {9: 0, 10: 0}, {day: day for day in range(365)}, {1: 10, 2: 0, 3: 10}], ids=len
)
def test_ops2_a_curve_stays_in_its_picture(values: dict[int, int]) -> None:
    drawn = curve(values)
    for x, y in (*points(drawn.line), *points(drawn.area)):
        assert LEFT <= x <= WIDTH
        assert TOP <= y <= HEIGHT - BOTTOM
    assert (drawn.first, drawn.last) == (day_of(min(values)), day_of(max(values)))
    assert [number for _, number in drawn.ticks] == [ceiling(max(values.values())) // 2 * half for half in (0, 1, 2)]


def test_ops2_more_is_higher_and_later_is_further() -> None:
    (x1, y1), (x2, y2) = points(curve({1: 2, 2: 4}).line)
    assert (x1, x2) == (LEFT, WIDTH)
    assert y1 > y2 == TOP


def test_ops2_bars_are_by_the_longest_and_percent_by_the_first() -> None:
    found = bars({"asked": 4, "proved": 5, "linked": 1})
    assert [(bar.many, bar.percent, bar.width) for bar in found] == [(4, 100, 512.0), (5, 125, 640.0), (1, 25, 128.0)]
    assert {(bar.percent, bar.width) for bar in bars({"asked": 0, "proved": 0})} == {(0, 0)}


@pytest.mark.parametrize("days", [1, 5, 30, 90, 365])
def test_ops2_the_table_is_short_and_ends_with_today(days: int) -> None:
    rows = sampled({day: day for day in range(days)})
    assert rows[0] == (day_of(days - 1), days - 1)
    assert 1 <= len(rows) <= ROWS + 1
