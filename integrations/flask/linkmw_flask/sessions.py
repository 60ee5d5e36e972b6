"""Three ways in which a Flask application remembers who is signed in. All run inside a request context."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, session

from linkmw.gate.hooks import read

REMEMBER = "_remember"  # Flask-Login's word in the session: what its remember-me cookie is to become


@dataclass(frozen=True, slots=True)
class NativeSession:
    """user_of: whom the session names, or None. sign_in: make it name this user. sign_out: make it name nobody."""

    user_of: Callable[[], Any]
    sign_in: Callable[[Any], object]
    sign_out: Callable[[], object]


def plain(key: str, load: Callable[[str], Any]) -> NativeSession:
    """The tutorial's way: the user's id, as the user object holds it, under `session[key]`."""

    def user_of() -> Any:
        found = session.get(key)
        return None if found is None else load(str(found))

    def sign_in(user: Any) -> None:
        session[key] = read(user, "id")

    return NativeSession(user_of, sign_in, lambda: session.clear())


def uses_flask_login(app: Flask) -> bool:
    return hasattr(app, "login_manager")


def flask_login() -> NativeSession:
    """Flask-Login's way, remember-me cookie included."""
    import flask_login

    def user_of() -> Any:
        user = flask_login.current_user
        return user._get_current_object() if user.is_authenticated else None

    return NativeSession(user_of, flask_login.login_user, flask_login.logout_user)
