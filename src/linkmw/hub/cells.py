"""Cells of CSV files that people open in spreadsheets: shown there, never calculated, and read back to the letter."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_QUOTE = "'"


def escaped(text: str) -> str:
    """A spreadsheet takes what begins with one of these for a formula, but for an apostrophe before it (MG04)."""
    return _QUOTE + text if text.startswith((*_FORMULA, _QUOTE)) else text


def unescaped(cell: str) -> str:
    """What `escaped` was given. A cell that nobody has escaped stays as it is."""
    return cell[1:] if cell.startswith(tuple(_QUOTE + mark for mark in (*_FORMULA, _QUOTE))) else cell
