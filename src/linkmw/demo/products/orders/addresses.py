"""Whose address is known to be theirs: who has clicked the link in Orders' own mail is in a group."""

from __future__ import annotations

from typing import Any

CONFIRMED = "Address confirmed"


def is_confirmed(user: Any) -> bool:
    """What linkmw asks before an account is linked by its address alone."""
    return bool(user.groups.filter(name=CONFIRMED).exists())
