"""In which products a story is told: the first of them in every run, the others in `make test-matrix`."""

from __future__ import annotations

from typing import Any

import pytest


def one_of(*houses: str) -> list[Any]:
    """The products for a story that is the same in each: what `pytest.mark.parametrize` takes."""
    first, *others = houses
    return [first, *(pytest.param(house, marks=pytest.mark.matrix) for house in others)]
