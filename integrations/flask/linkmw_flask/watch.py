"""What becomes of the sessions that linkmw opened: looked at as they are opened, and again as they are saved.

So whatever keeps the sessions is asked through `WatchedSessions`: before anything of the application has seen one, and
after everything of it has.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from flask import Flask, Request, Response, has_request_context, request, request_started
from flask.sessions import SessionInterface

from linkmw import http
from linkmw.gate.guard import MARKER, Guard, marker_in, stands_while_off
from linkmw.gate.hosts import Gates
from linkmw.gate.outcome import Outcome, follow, is_sign_in, outcome
from linkmw.model import Marker
from linkmw.run import run_now
from linkmw.settings import Settings
from linkmw_flask.product import ENDED, OURS, Product
from linkmw_flask.sessions import uses_flask_login

if TYPE_CHECKING:
    from linkmw.gate.ports import Ports

log = logging.getLogger("linkmw")


@dataclass(slots=True)
class _Seen:
    """A session that linkmw opened, as the request came with it; in `replace` any session. marker: None in those.

    opened: the session object, until it is saved. name: what it said of who it is. signed_in: the product's own sign-in
    has happened since. protected: Flask-Login found it in the hands of another browser, and has emptied it.
    """

    marker: Marker | None
    opened: Any
    name: object
    signed_in: bool = False
    protected: bool = False


class WatchedSessions:
    """What keeps the sessions of an application, in every other respect as it is."""

    def __init__(self, own: SessionInterface, watch: Watch | Watches) -> None:
        self._own, self._watch = own, watch

    def open_session(self, app: Flask, request: Request) -> Any:
        opened = self._own.open_session(app, request)
        # The one look that a session costs which linkmw did not open.
        if opened or (self._watch.looks and opened is not None):
            noted = getattr(opened, "accessed", None)
            self._watch.opened(opened, request)
            _leave_unnoted(opened, noted)
        return opened

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        noted = getattr(session, "accessed", None)
        self._watch.closing(session, response)
        _leave_unnoted(session, noted)
        self._own.save_session(app, session, response)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    @property  # type: ignore[misc]  # extensions ask what kind of session interface there is
    def __class__(self) -> type:
        return type(self._own)


class Watch:
    """Ends what has ended, and notices a sign-out, in every request of `app` whose session linkmw opened.

    look: the settings in force; while linkmw is off nothing is watched, but for sessions that ended with it. ports: the
    gate's, made when they are first needed. asked: the request as the gate reads it, of an environ.
    Whatever fails here is logged, and the product answers as ever.
    """

    def __init__(
        self,
        app: Flask,
        product: Product,
        look: Callable[[], Settings],
        ports: Callable[[], Ports],
        asked: Callable[[dict[str, Any]], http.Request],
    ) -> None:
        self._app, self._product, self._look = app, product, look
        self._ports, self._asked = ports, asked
        self.all: Watch | Watches = self  # what is shown every session: this one, unless there are several hosts
        self._take_on(look())
        # In the environ: what `opened` saw. Applications inside each other share one.
        self._key = f"linkmw.session.{id(self)}"
        if not product.native.key:
            request_started.connect(self._begun, app)
        if uses_flask_login(app):
            self._listen_to_flask_login()

    def _take_on(self, settings: Settings) -> None:
        self._settings = settings
        self._guarded: Guard | None = None
        self.closes = settings.on and settings.closes
        self.looks = self.closes or not settings.on

    def look(self) -> bool:
        """Is linkmw on?"""
        settings = self._look()
        if settings is not self._settings:
            self._take_on(settings)
        return settings.on

    def stand_by(self) -> None:
        """The application's sessions are watched, whatever keeps them by now."""
        keeper: Any = self._app.session_interface
        if type(keeper) is not WatchedSessions:
            keeper = WatchedSessions(keeper, self.all)
            self._app.session_interface = keeper

    def _listen_to_flask_login(self) -> None:
        import flask_login

        flask_login.user_logged_in.connect(self._signed_in, self._app)
        flask_login.session_protected.connect(self._protected, self._app)

    def _begun(self, _app: Flask, **_: object) -> None:
        self._product.sign_out_ended()
        seen: _Seen | None = request.environ.get(self._key)
        if self.closes and seen is not None and seen.marker is None:
            self._look_at_told(seen)

    def _look_at_told(self, seen: _Seen) -> None:
        """At a session of which only the application knows whom it names, and only in a request."""
        try:
            seen.name = self._product.name_of(seen.opened)
            if seen.name is not None and self._refuses():
                request.environ[ENDED], seen.name = True, None
                self._product.sign_out_ended()
                seen.opened.clear()
        except Exception:
            log.exception("linkmw could not ask about a session, it stands")

    def _signed_in(self, _app: Flask, **_: object) -> None:
        if seen := request.environ.get(self._key):
            seen.signed_in = True

    def _protected(self, _app: Flask, **_: object) -> None:
        if seen := request.environ.get(self._key):
            seen.protected = True

    def opened(self, opened: Any, request: Request) -> None:
        """The session is emptied if it has ended, and remembered if it is one of linkmw's."""
        marker = marker_in(opened) if MARKER in opened else None
        on = self.look() if self.looks or marker is not None else True
        if on or (marker is not None and self._settings.has_ended_sessions):
            self._look_at(opened, marker, request)

    def _look_at(self, opened: Any, marker: Marker | None, request: Request) -> None:
        if marker is not None and not self._stands(marker):
            opened.clear()
            self._product.native.unremember(opened, request)
            request.environ[ENDED] = True
        elif marker is not None and OURS not in request.environ:
            request.environ[self._key] = _Seen(marker, opened, self._product.native.name_in(opened))
            self._product.native.renew_nothing(opened)
        elif marker is None and self.closes:
            self._look_at_unmarked(opened, request)

    def _look_at_unmarked(self, opened: Any, request: Request) -> None:
        """In `replace` a session that linkmw did not open has its time, and a remember-me cookie opens none (PR03)."""
        native = self._product.native
        if native.name_in(opened) is not None and self._refuses():
            opened.clear()
            native.unremember(opened, request)
            request.environ[ENDED] = True
        elif native.name_in(opened) is None and native.is_remembered(request) and self._are_shut():
            native.unremember(opened, request)
        if OURS not in request.environ:
            request.environ[self._key] = _Seen(None, opened, native.name_in(opened))

    def _refuses(self) -> bool:
        try:
            return run_now(self._ports().doors.refuses())
        except Exception:
            log.exception("linkmw could not ask about a session, it stands")
            return False

    def _are_shut(self) -> bool:
        try:
            return run_now(self._ports().doors.are_shut())
        except Exception:
            log.exception("linkmw could not ask about a door, it stands open")
            return False

    def _stands(self, marker: Marker) -> bool:
        if not self._settings.on:
            return stands_while_off(self._settings, marker)
        try:
            return run_now(self._guard().stands(marker))
        except Exception:
            log.exception("linkmw could not ask about a session, it stands")
            return True

    def _guard(self) -> Guard:
        if self._guarded is None:
            ports, since = self._ports(), self._settings.sessions_since
            self._guarded = Guard(ports.sessions, ports.now, doors=ports.doors, since=since)
        return self._guarded

    def closing(self, session: Any, response: Response) -> None:
        """The session is as the application leaves it; nothing of it has been written yet."""
        if not has_request_context():
            return
        environ = request.environ
        seen: _Seen | None = environ.pop(self._key, None)
        try:
            if seen is not None and self._has_changed(seen, session):
                if seen.marker is not None:
                    self._judge(seen, seen.marker, session, response)
                if self.closes:
                    self._let_in_or_out(seen, session, response)
            elif environ.pop(ENDED, False) and not self._product.native.name_in(session):
                session.pop("_fresh", None)  # noted by Flask-Login of nobody; it would keep the cookie alive
        except Exception:
            log.exception("linkmw failed at a sign-out, the product's own answer stands")

    def _has_changed(self, seen: _Seen, session: Any) -> bool:
        """Noted by the session itself, or seen of what matters: some session interfaces give one object to several
        requests at once, and whichever is saved first takes the note away for all."""
        if session is not seen.opened or session.modified:
            return True
        name = self._product.native.name_in(session)
        return seen.marker is not None and (marker_in(session) != seen.marker or name != seen.name)

    def _let_in_or_out(self, seen: _Seen, session: Any, response: Response) -> None:
        """A session that has come to name somebody, through whatever door, is looked at before it is used (PR03)."""
        name = None if marker_in(session) else self._product.name_of(session)
        if name is None or (seen.marker is None and name == seen.name):
            return
        if run_now(self._ports().doors.admit(session, self._username)):
            return
        session.clear()
        self._product.native.unremember(session, request)
        self._product.native.remember_nothing(response)

    async def _username(self) -> str:
        user = self._product.native.user_of()
        return self._product.account(user).username if user else ""

    def _judge(self, seen: _Seen, marker: Marker, session: Any, response: Response) -> None:
        native = self._product.native
        what = outcome(
            marker,
            marker_in(session),
            somebody=native.names_somebody(session),
            same=native.name_in(session) == seen.name,
            signing_in=seen.signed_in or seen.protected or is_sign_in(self._settings, request.path),
        )
        if what is None:
            return
        session.pop(MARKER, None)
        if what == "marker_lost":
            log.warning("%s made its session anew without linkmw's marker: the session has ended", request.path)
            session.clear()
            native.unremember(session, request)
        self._follow(marker, what, response)

    def _follow(self, marker: Marker, what: Outcome, response: Response) -> None:
        self._guard().forget(marker.sid)
        answer = run_now(follow(self._ports(), self._settings, self._asked(request.environ), marker, what))
        if answer is not None:
            _become(response, answer)


class Watched(Protocol):
    """What a host has: its watch, if linkmw is on there."""

    @property
    def watch(self) -> Watch | None: ...


class Watches:
    """The watches of an application that serves several hosts: each session is shown to that of its request's host."""

    def __init__(self, gates: Gates[Watched]) -> None:
        self._gates = gates
        self._all = [gate.watch for gate in gates if gate.watch is not None]
        for watch in self._all:
            watch.all = self

    @property
    def looks(self) -> bool:
        """Has any of them to look at a session that says nothing?"""
        return any(watch.looks for watch in self._all)

    def opened(self, opened: Any, request: Request) -> None:
        watch = self._of(request)
        if watch is not None:
            watch.opened(opened, request)

    def closing(self, session: Any, response: Response) -> None:
        watch = self._of(request) if has_request_context() else None
        if watch is not None:
            watch.closing(session, response)

    def _of(self, request: Request) -> Watch | None:
        return self._gates.of(request.environ.get("HTTP_HOST", "")).watch


def _become(response: Response, answer: http.Response) -> None:
    """`response` is `answer` from now on, with the cookies that the product sets or takes away."""
    cookies = response.headers.getlist("Set-Cookie")
    response.call_on_close(getattr(response.response, "close", _nothing))
    response.direct_passthrough = False
    response.status_code = answer.status
    response.headers.clear()
    response.headers.extend(answer.headers)
    for cookie in cookies:
        response.headers.add("Set-Cookie", cookie)
    response.set_data(answer.body)


def _leave_unnoted(session: Any, noted: bool | None) -> None:
    """What linkmw looked at is no look of the application's: its answer would get `Vary: Cookie` for it.

    noted: what the session said of it before. Flask before 3.1.3 notes every look; what is changed varies all the same.
    """
    if noted is False:
        session.accessed = False


def _nothing() -> None:
    pass
