"""What may be a name or an address that somebody typed. Pure; whose it is, only the product knows."""

from __future__ import annotations

import re
import unicodedata

MAX_NAME = 320  # characters

_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")  # one @ only: of two it can't be told which is the domain's (LT15)


def is_name(text: str) -> bool:
    """Could an account be found by this? Nothing in it that cannot be typed or seen."""
    return 0 < len(text) <= MAX_NAME and not any(unicodedata.category(char)[0] == "C" for char in text)


def is_address(text: str) -> bool:
    """Could this be somebody's e-mail address, written as it is on file?"""
    return is_name(text) and _ADDRESS.fullmatch(text) is not None
