"""Three ways in which a Flask application remembers who is signed in. All run inside a request context."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, after_this_request, current_app, request, session

from linkmw.gate.hooks import read

REMEMBER = "_remember"  # Flask-Login's word in the session: what its remember-me cookie is to become

log = logging.getLogger("linkmw")


@dataclass(frozen=True, slots=True)
class NativeSession:
    """user_of: whom the session names, or None. sign_in: make it name this user. sign_out: make it name nobody.

    drop: the session was ended elsewhere, so nobody and nothing is left in it. It is called before the application's
    own `before_request` functions, and so loads no user. unremember: no remember-me cookie comes of the answer, and one
    that there is goes, for it would sign in again who was signed out. key: what in the session says who it is; "" where
    only `user_of` knows.
    """

    user_of: Callable[[], Any]
    sign_in: Callable[[Any], object]
    sign_out: Callable[[], object]
    drop: Callable[[], object]
    unremember: Callable[[], object] = lambda: None
    key: str = ""

    def name_in(self, opened: Any) -> object:
        """What this session says of who it is, to be compared; None for nobody, and where only `user_of` knows."""
        return opened.get(self.key) if self.key else None

    def names_somebody(self) -> bool:
        return session.get(self.key) is not None if self.key else bool(self.user_of())


@contextmanager
def unnoticed() -> Iterator[Any]:
    """This request's session, to be read before anybody else has: no `Vary` and no cookie comes of it.

    Flask notes that a session was read, and 3.1.3 that somebody got hold of it.
    """
    opened: Any = session._get_current_object()  # type: ignore[attr-defined]  # it is a LocalProxy
    try:
        yield opened
    finally:
        untouched = getattr(type(opened), "accessed", None)
        if isinstance(untouched, bool):
            opened.accessed = untouched


def plain(key: str, load: Callable[[str], Any]) -> NativeSession:
    """The tutorial's way: the user's id, as the user object holds it, under `session[key]`."""

    def user_of() -> Any:
        found = session.get(key)
        return None if found is None else load(str(found))

    def sign_in(user: Any) -> None:
        session[key] = read(user, "id")

    def sign_out() -> None:
        session.clear()

    return NativeSession(user_of, sign_in, sign_out, drop=sign_out, key=key)


def told(user_of: Callable[[], Any], sign_in: Callable[[Any], object], sign_out: Callable[[], object]) -> NativeSession:
    """The application's own way."""

    def drop() -> None:
        try:
            sign_out()
        except Exception:
            log.exception("the application's own sign-out failed for a session that has ended; it is emptied instead")
        session.clear()

    return NativeSession(user_of, sign_in, sign_out, drop)


def uses_flask_login(app: Flask) -> bool:
    return hasattr(app, "login_manager")


def flask_login() -> NativeSession:
    """Flask-Login's way, remember-me cookie included."""
    import flask_login

    def user_of() -> Any:
        user = flask_login.current_user
        return user._get_current_object() if user.is_authenticated else None

    def unremember() -> None:
        if current_app.config.get("REMEMBER_COOKIE_NAME", flask_login.COOKIE_NAME) in request.cookies:
            session[REMEMBER] = "clear"
        else:
            renew_nothing()

    def drop() -> None:
        session.clear()
        unremember()
        after_this_request(_unmarked)

    login, logout = flask_login.login_user, flask_login.logout_user
    return NativeSession(user_of, login, logout, drop, unremember, key="_user_id")


def renew_nothing() -> None:
    """Where Flask-Login is told to renew its remember-me cookie in every answer, it makes one for who has none, too."""
    if current_app.config.get("REMEMBER_COOKIE_REFRESH_EACH_REQUEST"):
        session.setdefault(REMEMBER, "neither")


def _unmarked(response: Response) -> Response:
    """What Flask-Login notes in a session that names nobody would keep its cookie alive."""
    if "_user_id" not in session:
        session.pop("_fresh", None)
    return response
