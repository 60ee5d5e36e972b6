"""A Flask application as linkmw's `Product`: hooks for its accounts, Flask's own session for its sessions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import urlsplit

from flask import Flask, Response, session
from flask import request as flask_request

from linkmw.errors import SettingsError
from linkmw.gate.after import answered
from linkmw.gate.guard import MARKER
from linkmw.gate.hooks import HookedAccounts, Hooks
from linkmw.http import Headers, Request
from linkmw.model import Account, Marker
from linkmw_flask import sessions

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

log = logging.getLogger("linkmw")

# In the environ: the request is opened for linkmw and not for the application; its session was found to have ended.
OURS = "linkmw.ours"
ENDED = "linkmw.ended"


class Product(HookedAccounts):
    """Your application, told by callables (see `linkmw.gate.hooks.Hooks`), which run inside a Flask context.

    With Flask-Login nothing more is needed, and `load` is its user loader unless given. Without it the session keeps
    the user's id under `session_key`; an application that does otherwise gives all of `user_of() → user | None`,
    `sign_in(user)` and `sign_out()`. A session that may name somebody before every second factor is shown needs
    `is_complete() → bool` as well.
    """

    _app: Flask
    public_url: str = ""  # of the settings in force

    def __init__(
        self,
        *,
        session_key: str = "",
        user_of: Callable[[], Any] | None = None,
        sign_in: Callable[[Any], object] | None = None,
        sign_out: Callable[[], object] | None = None,
        is_complete: Callable[[], bool] | None = None,
        native: sessions.NativeSession | None = None,
        **hooks: Unpack[Hooks],
    ) -> None:
        super().__init__(hooks)
        self._session_key = session_key
        told = sessions.NativeSession(user_of, sign_in, sign_out) if user_of and sign_in and sign_out else None
        self._own = native or told
        self._is_complete = is_complete
        self.checks_passwords = "verify_password" in hooks
        self.tells_complete = is_complete is not None

    def bound_to(self, app: Flask, public_url: str = "") -> Product:
        """This product as part of `app`. Raises SettingsError when nothing says who an account or a session is."""
        bound = copy(self)
        bound._app = app
        bound.public_url = public_url
        if "load" not in self.hooks:
            bound.hooks = {**self.hooks, "load": _flask_login_loader(app)}
        bound._own = self._own or _native_session(app, self._session_key, bound.hooks["load"])
        return bound

    def inside(self, request: Request | None) -> AbstractContextManager[object]:
        return self._app.app_context() if request is None else self._inside(request.raw)

    @contextmanager
    def _inside(self, environ: WSGIEnvironment) -> Iterator[None]:
        with self._app.request_context({**environ, OURS: True}):
            self.sign_out_ended()
            yield

    def sign_out_ended(self) -> None:
        """Where only the application knows who is signed in, it has signed out whose session was found to have ended.

        Inside a request context, before anything else there.
        """
        if flask_request.environ.pop(ENDED, False) and not self.native.key:
            self._sign_out_of_what_is_emptied()

    def _sign_out_of_what_is_emptied(self) -> None:
        try:
            self.native.sign_out()
        except Exception:
            log.exception("the application's own sign-out failed for a session that has ended; it was emptied")

    def name_of(self, opened: Any) -> object:
        """Whom this session names, to be compared; None for nobody. Inside a request context."""
        if self.native.key:
            return self.native.name_in(opened)
        user = self.native.user_of()
        return self.account(user).account_id if user else None

    def current_account(self, request: Request) -> Account | None:
        with self.inside(request):
            return self._signed_in()

    def is_complete(self, request: Request) -> bool:
        with self.inside(request):
            return self._signed_in() is not None and (self._is_complete is None or self._is_complete())

    def start_session(self, request: Request, account_id: str, marker: Marker | None) -> Headers:
        """Two steps, for Flask's own interface and every other: the session there is ends, a new one begins.

        Only a session opened without the old cookie has a new id whatever the session interface is (SC01).
        """
        with self.inside(request):
            user = self.entering(account_id)
            kept = self._kept_for(account_id)
            ended = self._end()
        with self._app.request_context(_without_cookie(request.raw, self._cookie_name)):
            session.update(kept)
            self.native.sign_in(user)
            session.update(self.session_of(request, user))
            if marker:
                session[MARKER] = [marker.sid, marker.expires]
                self.native.unremember(session, flask_request)
            return _last_of_each(ended + self._cookies())

    def end_session(self, request: Request) -> Headers:
        with self.inside(request):
            self.native.sign_out()
            session.pop(MARKER, None)
            return self._cookies()

    def account_after(self, request: Request, headers: Headers) -> Account | None:
        """Flask-Login calls a session not fresh that a remember-me cookie has opened: no sign-in (PR04)."""
        then = answered(request, headers)
        with self.inside(then):
            fresh = not self.native.flask_login or session.get("_fresh") is True
            complete = self._is_complete is None or self._is_complete()
            return self._signed_in() if fresh and complete else None

    def empty_session(self, request: Request) -> Headers:
        with self.inside(request):
            if self._signed_in() is not None:
                self._sign_out_of_what_is_emptied()
            kept = {key: session[key] for key in (sessions.REMEMBER,) if key in session}
            session.clear()
            session.update(kept)
            return self._cookies()

    def send_reset(self, request: Request, email: str) -> bool:
        return super().send_reset(replace(request, raw=self._at_public_url(request.raw)), email)

    def send_reset_to(self, account: Account) -> bool:
        with self._app.test_request_context(base_url=self.public_url or None):
            return super().send_reset_to(account)

    def _at_public_url(self, environ: WSGIEnvironment) -> WSGIEnvironment:
        """The same request as if it had come to the public URL: the Host header is the visitor's (PR23)."""
        public = urlsplit(self.public_url)
        return {**environ, "HTTP_HOST": public.netloc, "wsgi.url_scheme": public.scheme} if public.netloc else environ

    @property
    def native(self) -> sessions.NativeSession:
        assert self._own is not None, "bound_to has set it"
        return self._own

    @property
    def _cookie_name(self) -> str:
        return self._app.session_interface.get_cookie_name(self._app)

    def _signed_in(self) -> Account | None:
        user = self.native.user_of()
        return self.account(user) if user else None

    def _kept_for(self, account_id: str) -> dict[str, Any]:
        """What of this session goes on: all, if it is the account's own; else at most a cookie's clearing."""
        here = self._signed_in()
        if here and here.account_id == account_id:
            return dict(session)
        if here:
            self.native.sign_out()
        return {key: session[key] for key in (sessions.REMEMBER,) if key in session}

    def _end(self) -> Headers:
        """Empty this session, in its store too where it has one."""
        session.clear()
        response = self._app.response_class()
        self._app.session_interface.save_session(self._app, session, response)
        return _cookies_of(response)

    def _cookies(self) -> Headers:
        """What the application itself would set now: its session, and whatever its `after_request` functions add."""
        return _cookies_of(self._app.process_response(self._app.response_class()))


def _native_session(app: Flask, key: str, load: Callable[[str], Any]) -> sessions.NativeSession:
    if key:
        return sessions.plain(key, load)
    if sessions.uses_flask_login(app):
        return sessions.flask_login(app)
    raise SettingsError("linkmw_flask.Product needs session_key=… (or user_of, sign_in, sign_out) without Flask-Login")


def _flask_login_loader(app: Flask) -> Callable[[str], Any]:
    if not sessions.uses_flask_login(app):
        raise SettingsError("linkmw_flask.Product needs load=… where Flask-Login is not set up before linkmw")
    manager = vars(app)["login_manager"]
    return lambda account_id: manager.user_callback(account_id)  # may be registered later


def _cookies_of(response: Response) -> Headers:
    return tuple(("Set-Cookie", value) for value in response.headers.getlist("Set-Cookie"))


def _last_of_each(cookies: Headers) -> Headers:
    """One Set-Cookie for each name, the last: browsers differ over two (RFC 6265, 4.1.1)."""
    return tuple({header[1].partition("=")[0]: header for header in cookies}.values())


def _without_cookie(environ: WSGIEnvironment, name: str) -> WSGIEnvironment:
    """The same request as if the browser had not sent cookie `name`; what Werkzeug kept of it is left behind."""
    pairs = environ.get("HTTP_COOKIE", "").split(";")
    others = ";".join(pair for pair in pairs if pair.partition("=")[0].strip() != name)
    rest = {key: value for key, value in environ.items() if not key.startswith("werkzeug.")}
    return {**rest, "HTTP_COOKIE": others}
