"""An application of which no more is known than where its session keeps the account's id (LINKMW_SESSION_KEY)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_DIGITS = 19  # of 2**63: no database keeps a longer key


def read(named: str) -> tuple[str, Callable[[str], Any]]:
    """The key, and the user that an id stands for: nothing but the id, as a number where the setting says `:int`."""
    key, _, kind = named.partition(":")

    def load(account_id: str) -> Any:
        if not account_id or (kind and not is_number(account_id)):
            return None
        return {"id": int(account_id) if kind else account_id, "username": account_id}

    return key, load


def is_number(text: str) -> bool:
    """As a session or a key has it: of two texts that are one number, one is an account's id (BC11)."""
    return text.isascii() and text.isdecimal() and len(text) < _DIGITS and str(int(text)) == text
