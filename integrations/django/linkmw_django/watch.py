"""A request's session, watched: one that linkmw opened and that has ended is nobody's from the first look (MIM-27).

Lazily, by a subclass of the project's own session engine: a view that never touches its session pays nothing for it,
and its answer does not come to vary by cookie. `request.user` and `request.auser()` read the session, as all else does.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from linkmw.gate.guard import change, marker_in, stands_while_off
from linkmw.model import Marker
from linkmw.run import run_now
from linkmw.settings import Settings
from linkmw_django.native_session import is_kept

if TYPE_CHECKING:
    from linkmw.gate.doors import Doors
    from linkmw.gate.guard import Guard

log = logging.getLogger("linkmw")

Became = Literal["none", "signed_out", "marker_lost", "replaced"]


class Guards:
    """This process's guards, blocking and awaited, each made when it first meets a session of ours.

    look: the settings in force, asked for where a session of ours is met. While linkmw is off they all stand, or none.
    """

    def __init__(self, settings: Settings, look: Callable[[], Settings]) -> None:
        self._settings = settings
        self._look = look
        self._opening = threading.Lock()
        self._made: dict[bool, Guard] = {}
        self.closes = settings.on and settings.closes
        self._doors: Doors | None = None

    def stands_now(self, marker: Marker) -> bool:
        """For blocking code, in an event loop's own thread too: a session engine may read the cookie alone there."""
        try:
            settings = self._look()
            if not settings.on:
                return stands_while_off(settings, marker)
            return run_now((self._made.get(True) or self._open(blocking=True)).stands(marker))
        except Exception:
            return _as_it_was()

    async def stands(self, marker: Marker) -> bool:
        """For coroutines; one guard for any number of event loops."""
        try:
            settings = self._look()
            if not settings.on:
                return stands_while_off(settings, marker)
            guard = self._made.get(False)
            if guard is None:
                guard = await asyncio.to_thread(self._open, blocking=False)
            return await guard.stands(marker)
        except Exception:
            return _as_it_was()

    def refuses_now(self, data: Mapping[str, Any]) -> bool:
        """Is a session with this data, and no marker, nobody's? Blocking. (P-3)"""
        if not self.closes or SESSION_KEY not in data or not self._look().on:
            return False
        try:
            return run_now((self._doors or self._open_doors()).refuses())
        except Exception:
            return not _as_it_was()

    async def refuses(self, data: Mapping[str, Any]) -> bool:
        """The same for coroutines."""
        if not self.closes or SESSION_KEY not in data:
            return False
        return await asyncio.to_thread(self.refuses_now, data)

    def _open_doors(self) -> Doors:
        from linkmw.gate.build import doors

        with self._opening:
            self._doors = self._doors or doors(self._settings, blocking=True)
            return self._doors

    def forget(self, marker: Marker) -> None:
        """The session has ended here: no yes of before holds."""
        for guard in self._made.values():
            guard.forget(marker.sid)

    def _open(self, *, blocking: bool) -> Guard:
        from linkmw.gate.build import guard

        with self._opening:
            if blocking not in self._made:
                self._made[blocking] = guard(self._settings, blocking=blocking)
            return self._made[blocking]


def _as_it_was() -> bool:
    log.exception("linkmw failed, the session stands as it was")
    return True


class Watch:
    """What was seen of one request's session. marker: of a session of ours that stood; user: whom it named."""

    # Of the class, for most requests never touch their session and never change any of it.
    marker: Marker | None = None
    user: object = None
    looked = gone = loading = signed_in = signed_out = False

    def __init__(self, guards: Guards, key: str) -> None:
        self.guards = guards
        self.key = key

    def saw(self, data: Mapping[str, Any], key: str | None) -> Marker | None:
        """The session's data was read, under its key. Its marker, which is still to be asked about."""
        self.looked, self.gone = True, key is None
        self.marker, self.user = marker_in(data), data.get(SESSION_KEY)
        return self.marker

    def stands_now(self, marker: Marker | None, data: Mapping[str, Any]) -> bool:
        """Is the session somebody's still? Blocking."""
        return not self.guards.refuses_now(data) if marker is None else self.guards.stands_now(marker)

    async def stands(self, marker: Marker | None, data: Mapping[str, Any]) -> bool:
        """The same for coroutines."""
        return not await self.guards.refuses(data) if marker is None else await self.guards.stands(marker)

    def looks_back(self, session: Any) -> None:
        """At a session that was emptied unread: what it was is still in its cookie, if that is where it was kept."""
        if not self.looked and not is_kept(session):
            self.saw(type(session)(self.key).load(), self.key)

    def ended(self) -> None:
        self.marker, self.user, self.gone = None, None, True

    def became(self, session: Any) -> Became:
        """What the product did to the session. A sign-in of its own makes the session its own (PR13)."""
        data = vars(session).get("_session_cache")
        if self.marker is None or data is None:
            return "none"
        if self.signed_in:
            return "replaced"
        became = change(self.marker, marker_in(data), somebody=SESSION_KEY in data)
        # Django empties a session itself, for a password that was changed elsewhere: nobody has signed out there.
        return became if became != "signed_out" or self.signed_out else "marker_lost"


class Watched(SessionBase):
    """In front of the project's session engine: `load` and `aload` find nothing in a session that has ended."""

    linkmw: Watch | None = None  # none in a session that the project makes out of one of these

    def load(self) -> dict[str, Any]:
        watch = self.linkmw
        data: dict[str, Any] = super().load()
        if watch is None or watch.loading:
            return data
        marker = watch.saw(data, self.session_key)
        if watch.stands_now(marker, data):
            return data
        watch.ended()
        with _said_only():
            self.delete(self.session_key)
        self._session_key = None
        return {}

    async def aload(self) -> dict[str, Any]:
        watch = self.linkmw
        data: dict[str, Any]
        if watch is None:
            data = await super().aload()
            return data
        watch.loading = True  # the `aload` of some engines comes by `load`
        try:
            data = await super().aload()
        finally:
            watch.loading = False
        marker = watch.saw(data, self.session_key)
        if await watch.stands(marker, data):
            return data
        watch.ended()
        with _said_only():
            await self.adelete(self.session_key)
        self._session_key = None
        return {}


@cache
def _watched(engine: Any) -> Any:
    """`engine` with `Watched` in front of it; of its own name, for whoever logs or compares it."""
    if issubclass(engine, Watched):
        return engine
    return type(engine.__name__, (Watched, engine), {"__module__": engine.__module__})


def begin(request: HttpRequest, guards: Guards) -> Watch | None:
    """Watch the session of `request`; None for a request that brings none."""
    session: Any = getattr(request, "session", None)
    key = getattr(session, "session_key", None)
    if not key:
        return None
    watch = Watch(guards, key)
    engine: Any = type(session)
    session.__class__ = _watched(engine)
    session.linkmw = watch
    if "_session_cache" in vars(session):
        _look_now(request, watch)
    return watch


def _look_now(request: HttpRequest, watch: Watch) -> None:
    """At a session that a middleware in front of ours has read: with what it may have been taken for (`request.user`).

    Its row stays in the store, for in an event loop there is no blocking way to it; it is refused at each look.
    """
    session: Any = request.session
    marker = watch.saw(session._session_cache, session.session_key)
    if not watch.stands_now(marker, session._session_cache):
        session._session_cache, session._session_key = {}, None
        _nobody(request, watch)


def _nobody(request: HttpRequest, watch: Watch) -> None:
    from django.contrib.auth.models import AnonymousUser  # a model: there once the project is set up

    watch.ended()
    request.user = AnonymousUser()
    request._acached_user = request._cached_user = request.user


@contextmanager
def _said_only() -> Iterator[None]:
    """What goes wrong inside is in the log, and no more."""
    try:
        yield
    except Exception:
        log.exception("a session that has ended is still in its store")


def _has_signed_in(request: Any = None, **_: object) -> None:
    watch = _watch_of(request)
    if watch is not None:
        watch.signed_in = True


def _has_signed_out(request: Any = None, **_: object) -> None:
    watch = _watch_of(request)
    if watch is not None:
        watch.signed_out = True


def _watch_of(request: Any) -> Watch | None:
    """By the session, which wrappers of requests hand through."""
    watch: Watch | None = getattr(getattr(request, "session", None), "linkmw", None)
    return watch


def listen() -> None:
    """Hear of the project's own sign-ins and sign-outs."""
    user_logged_in.connect(_has_signed_in, dispatch_uid="linkmw.signed_in")
    user_logged_out.connect(_has_signed_out, dispatch_uid="linkmw.signed_out")
