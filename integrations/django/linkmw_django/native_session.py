"""Django's session as linkmw sees it: its name, its end, the marker inside."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from django.conf import settings

from linkmw.model import Marker

MARKER = "_linkmw"  # the session key of the marker: [sid, expires]


def store(key: str | None = None) -> Any:
    """A session of the project's engine."""
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def reference(session: Any) -> str:
    """The key of a session that is kept at the server; "" where all of it is in the cookie."""
    return session.session_key or "" if _is_kept(session) else ""


def end(key: str) -> None:
    """The session with that key is gone; one that was gone already is fine."""
    if _is_kept(store()):
        store().delete(key)


def marker_of(data: Mapping[str, Any]) -> Marker | None:
    """The marker in a session's data; None for a session that linkmw did not open."""
    found = data.get(MARKER)
    return Marker(str(found[0]), int(found[1])) if found else None


def _is_kept(session: Any) -> bool:
    from django.contrib.sessions.backends.signed_cookies import SessionStore

    return not isinstance(session, SessionStore)
