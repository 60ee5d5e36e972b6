"""Three ways in which a Flask application remembers who is signed in.

What calls the application or Flask-Login runs inside a request context; the rest is given the session it looks at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Request, Response, session

from linkmw.gate.hooks import read

REMEMBER = "_remember"  # Flask-Login's word in the session: what its remember-me cookie is to become


@dataclass(frozen=True, slots=True)
class NativeSession:
    """user_of: whom the session names, or None. sign_in: make it name this user. sign_out: make it name nobody.

    key: what in the session says who it is; "" where only `user_of` knows. flask_login: the application, if it is
    Flask-Login's way.
    """

    user_of: Callable[[], Any]
    sign_in: Callable[[Any], object]
    sign_out: Callable[[], object]
    key: str = ""
    flask_login: Flask | None = None

    def name_in(self, opened: Any) -> object:
        """What this session says of who it is, to be compared; None for nobody, and where only `user_of` knows."""
        return opened.get(self.key) if self.key else None

    def names_somebody(self, opened: Any) -> bool:
        return self.name_in(opened) is not None if self.key else bool(self.user_of())

    def is_remembered(self, request: Request) -> bool:
        """Does this request bring a remember-me cookie of Flask-Login's?"""
        return self.flask_login is not None and _remember_cookie(self.flask_login) in request.cookies

    def remember_nothing(self, response: Response) -> None:
        """The remember-me cookie that Flask-Login has put into this answer is none."""
        if self.flask_login is None:
            return
        name = _remember_cookie(self.flask_login)
        cookies = response.headers.getlist("Set-Cookie")
        response.headers.pop("Set-Cookie", None)
        for cookie in cookies:
            if not cookie.startswith(f"{name}="):
                response.headers.add("Set-Cookie", cookie)

    def unremember(self, opened: Any, request: Request) -> None:
        """Flask-Login's remember-me cookie goes, for it would sign in again who was signed out. None comes either."""
        if self.flask_login is None:
            return
        if self.is_remembered(request):
            opened[REMEMBER] = "clear"
        self.renew_nothing(opened)

    def renew_nothing(self, opened: Any) -> None:
        """Where Flask-Login is told to renew that cookie in every answer, it makes one for who has none, too."""
        if self.flask_login is not None and self.flask_login.config.get("REMEMBER_COOKIE_REFRESH_EACH_REQUEST"):
            opened.setdefault(REMEMBER, "neither")


def _remember_cookie(app: Flask) -> str:
    return str(app.config.get("REMEMBER_COOKIE_NAME", "remember_token"))


def plain(key: str, load: Callable[[str], Any]) -> NativeSession:
    """The tutorial's way: the user's id, as the user object holds it, under `session[key]`."""

    def user_of() -> Any:
        found = session.get(key)
        return None if found is None else load(str(found))

    def sign_in(user: Any) -> None:
        session[key] = read(user, "id")

    return NativeSession(user_of, sign_in, lambda: session.clear(), key)


def uses_flask_login(app: Flask) -> bool:
    return hasattr(app, "login_manager")


def flask_login(app: Flask) -> NativeSession:
    """Flask-Login's way, remember-me cookie included."""
    import flask_login

    def user_of() -> Any:
        user = flask_login.current_user
        return user._get_current_object() if user.is_authenticated else None

    return NativeSession(user_of, flask_login.login_user, flask_login.logout_user, "_user_id", app)
