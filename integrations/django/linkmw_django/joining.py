"""May a user be linked by its address alone (PR06)? What every user model of Django can say of that."""

from __future__ import annotations

from typing import Any

from linkmw_django import users


def is_settled(user: Any) -> bool:
    """One who may sign in, has done so before, and has no more rights here than anybody."""
    return bool(users.may_sign_in(user) and _was_here(user) and not users.is_staff(user))


def last_used(user: Any) -> int | None:
    """Seconds since the epoch; None for who never was here."""
    at = getattr(user, "last_login", None)
    return None if at is None else int(at.timestamp())


def _was_here(user: Any) -> bool:
    return getattr(user, "last_login", None) is not None
