"""What becomes of the sessions that linkmw opened: looked at when a request begins, and when its answer is there.

Both looks come by Flask's own signals and functions: whatever keeps the sessions, and whenever that was set.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request, request_started, session

from linkmw import http
from linkmw.gate.guard import MARKER, Guard, marker_in
from linkmw.gate.outcome import follow, is_sign_in, outcome
from linkmw.model import Marker
from linkmw.run import run_now
from linkmw.settings import Settings
from linkmw_flask import sessions
from linkmw_flask.product import Product

if TYPE_CHECKING:
    from linkmw.gate.ports import Ports

log = logging.getLogger("linkmw")


@dataclass(slots=True)
class _Seen:
    """A session that linkmw opened, as the request found it.

    name: what it said of who it is. signed_in: the product's own sign-in has happened since. protected: Flask-Login
    found it in the hands of another browser, and has emptied it.
    """

    marker: Marker
    session: Any
    name: object
    signed_in: bool = False
    protected: bool = False


class Watch:
    """Ends what has ended, and notices a sign-out, in every request of `app` whose session linkmw opened.

    ports: the gate's, made when they are first needed. asked: the request as the gate reads it, of an environ.
    Whatever fails here is logged, and the product answers as ever.
    """

    def __init__(
        self,
        app: Flask,
        product: Product,
        settings: Settings,
        ports: Callable[[], Ports],
        asked: Callable[[dict[str, Any]], http.Request],
    ) -> None:
        self._app, self._product, self._settings = app, product, settings
        self._ports, self._asked = ports, asked
        self._key = f"linkmw.seen.{id(self)}"  # in the environ, which applications inside each other share
        self._guarded: Guard | None = None
        product.stands = self.stands
        request_started.connect(self._begin, app)
        app.after_request(self._end)
        if sessions.uses_flask_login(app):
            self._listen_to_flask_login()

    def _listen_to_flask_login(self) -> None:
        import flask_login

        flask_login.user_logged_in.connect(self._signed_in, self._app)
        flask_login.session_protected.connect(self._protected, self._app)

    def _signed_in(self, _app: Flask, **_: object) -> None:
        if seen := self._seen():
            seen.signed_in = True

    def _protected(self, _app: Flask, **_: object) -> None:
        if seen := self._seen():
            seen.protected = True

    def _seen(self) -> _Seen | None:
        seen: _Seen | None = request.environ.get(self._key)
        return seen

    def stands(self, marker: Marker) -> bool:
        try:
            return run_now(self._guard().stands(marker))
        except Exception:
            log.exception("linkmw could not ask about a session, it stands")
            return True

    def _guard(self) -> Guard:
        if self._guarded is None:
            ports = self._ports()
            self._guarded = Guard(ports.sessions, ports.now)
        return self._guarded

    def _begin(self, _app: Flask, **_: object) -> None:
        """Before any function of the application's own."""
        marker = self._product.standing()
        if marker:
            with sessions.unnoticed() as opened:
                request.environ[self._key] = _Seen(marker, opened, self._product.native.name_in(opened))

    def _end(self, response: Response) -> Response:
        seen: _Seen | None = request.environ.pop(self._key, None)
        if seen is None:
            return response
        try:
            return self._judged(seen, response) if seen.session.modified else response
        except Exception:
            log.exception("linkmw failed at a sign-out, the product's own answer stands")
            return response
        finally:
            if MARKER in seen.session:
                sessions.renew_nothing()

    def _judged(self, seen: _Seen, response: Response) -> Response:
        native = self._product.native
        what = outcome(
            seen.marker,
            marker_in(session),
            somebody=native.names_somebody(),
            same=native.name_in(session) == seen.name,
            signing_in=seen.signed_in or seen.protected or is_sign_in(self._settings, request.path),
        )
        if what is None:
            return response
        session.pop(MARKER, None)
        if what == "marker_lost":
            log.warning("%s made its session anew without linkmw's marker: the session has ended", request.path)
            native.drop()
        self._guard().forget(seen.marker.sid)
        answer = run_now(follow(self._ports(), self._settings, self._asked(request.environ), seen.marker, what))
        return response if answer is None else self._instead(answer, response)

    def _instead(self, answer: http.Response, response: Response) -> Response:
        """Ours, with the cookies that the product's sets or takes away."""
        made = self._app.response_class(answer.body, answer.status, [*answer.headers])
        for cookie in response.headers.getlist("Set-Cookie"):
            made.headers.add("Set-Cookie", cookie)
        made.call_on_close(response.close)
        return made
