"""Django's sessions as they are ended from outside."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings


def reference(session: Any) -> str:
    """The key of a session that is kept at the server; "" where all of it is in the cookie."""
    return session.session_key or "" if is_kept(session) else ""


def end(key: str) -> None:
    """The session with that key is gone; one that was gone already is fine."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    if is_kept(session):
        session.delete(key)


def is_kept(session: Any) -> bool:
    """Is it kept at the server, with no more than its key in the cookie?"""
    from django.contrib.sessions.backends.signed_cookies import SessionStore

    return not isinstance(session, SessionStore)
