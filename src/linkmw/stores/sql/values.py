"""What text may go into a column, and what an audit row makes of text that may not."""

from __future__ import annotations


def fits(value: str, limit: int) -> bool:
    """Can `value` stand in a text column of `limit` characters? A NUL and a lone surrogate cannot.

    A key that does not fit is in no row: a look-up answers None without asking (DF05).
    """
    return len(value) <= limit and "\0" not in value and _is_unicode(value)


def clipped(value: str, limit: int) -> str:
    """`value` made to fit: an event is recorded whatever a stranger put into it."""
    return value.encode("utf-8", "replace").decode().replace("\0", "�")[:limit]


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
