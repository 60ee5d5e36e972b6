"""A string that is never printed. Standard library only."""

from __future__ import annotations


def starred(value: str) -> str:
    """How a secret looks in a repr: whether it is there, never what it is."""
    return "***" if value else ""


class Secret(str):
    """A string whose repr is stars, so that a dataclass that holds it can be printed and logged (CF09)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{starred(self)}'"
