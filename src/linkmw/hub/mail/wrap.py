"""Text in lines of so many columns, in every script: a wide character takes two, and a line may end after it."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator

# By Unicode's general category: what belongs to what stands before it, and to what follows (JIS X 4051).
_NEVER_FIRST = frozenset(("Pe", "Pf", "Po", "Lm"))
_NEVER_LAST = frozenset(("Ps", "Pi"))


def wrapped(text: str, columns: int) -> str:
    """Each line of `text` at most `columns` wide; what cannot be broken, like a URL, stays whole on its line."""
    return "\n".join(_filled(line, columns) for line in text.split("\n"))


def _filled(line: str, columns: int) -> str:
    if not any(map(_is_wide, line)):
        return textwrap.fill(line, columns, break_long_words=False, break_on_hyphens=False)
    lines, current = [], ""
    for piece in _pieces(line):
        if current and _width((current + piece).rstrip()) > columns:
            lines.append(current.rstrip())
            current = ""
        current += piece if current else piece.lstrip()
    return "\n".join((*lines, current.rstrip()))


def _pieces(line: str) -> Iterator[str]:
    """What a line break may stand between: words, spaces, and wide characters with the punctuation they hold."""
    piece = ""
    for character in line:
        if piece and _may_part(piece[-1], character):
            yield piece
            piece = ""
        piece += character
    yield piece


def _may_part(before: str, after: str) -> bool:
    if " " in (before, after):
        return after != " "
    if unicodedata.category(after) in _NEVER_FIRST or unicodedata.category(before) in _NEVER_LAST:
        return False
    return _is_wide(before) or _is_wide(after)


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _width(text: str) -> int:
    return sum(2 if _is_wide(character) else 1 for character in text)
