"""A Starlette application as linkmw's `Product`: hooks for its accounts, the dictionary `scope["session"]`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, Unpack, cast

from starlette.requests import HTTPConnection
from starlette.types import Scope

from linkmw.errors import SettingsError
from linkmw.gate.guard import MARKER
from linkmw.gate.hooks import HookedAccounts, Hooks, read
from linkmw.http import Headers, Request
from linkmw.model import Account, Marker
from linkmw_starlette.bridge import Hook, blocking, in_a_loop

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("linkmw")


@dataclass(frozen=True, slots=True)
class NativeSession:
    """user_of: whom the session names, or None. sign_in: make it name this user. sign_out: make it name nobody.

    key: what in the session says who it is; "" where only `user_of` knows.
    """

    user_of: Callable[[HTTPConnection], Any]
    sign_in: Callable[[HTTPConnection, Any], object]
    sign_out: Callable[[HTTPConnection], object]
    key: str = ""


class Product(HookedAccounts):
    """Your application, told by callables (see `linkmw.gate.hooks.Hooks`), each `def` or `async def`.

    The session keeps the user's id under `session_key`; an application that does otherwise gives all of
    `user_of(connection) → user | None`, `sign_in(connection, user)` and `sign_out(connection)`. A session that may
    name somebody before every second factor is shown needs `is_complete(connection) → bool` as well.
    """

    def __init__(
        self,
        *,
        session_key: str = "",
        user_of: Callable[[HTTPConnection], Any] | None = None,
        sign_in: Callable[[HTTPConnection, Any], object] | None = None,
        sign_out: Callable[[HTTPConnection], object] | None = None,
        is_complete: Callable[[HTTPConnection], Any] | None = None,
        **hooks: Unpack[Hooks],
    ) -> None:
        super().__init__(cast(Hooks, {name: blocking(cast(Hook, hook)) for name, hook in hooks.items()}))
        if "load" not in hooks:
            raise SettingsError("linkmw_starlette.Product needs load=…: account id → user | None")
        if user_of and sign_in and sign_out:
            self._native = NativeSession(blocking(user_of), blocking(sign_in), blocking(sign_out))
        elif session_key:
            self._native = _plain(session_key, self.hooks["load"])
        else:
            raise SettingsError("linkmw_starlette.Product needs session_key=… or user_of, sign_in and sign_out")
        self._is_complete = blocking(is_complete) if is_complete else None
        self.checks_passwords = "verify_password" in hooks
        self.tells_complete = is_complete is not None

    def outside(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """`function` of this adapter, outside of any request: with an event loop for hooks that are `async def`."""
        return asyncio.run(in_a_loop(function, *args, **kwargs))

    def current_account(self, request: Request) -> Account | None:
        user = self._native.user_of(HTTPConnection(request.raw))
        return self.account(user) if user else None

    def is_complete(self, request: Request) -> bool:
        if self.current_account(request) is None:
            return False
        return self._is_complete is None or bool(self._is_complete(HTTPConnection(request.raw)))

    def start_session(self, request: Request, account_id: str, marker: Marker | None) -> Headers:
        connection = HTTPConnection(request.raw)
        user = self.entering(account_id)
        kept = self._kept_for(request, account_id)
        connection.session.clear()
        connection.session.update(kept)
        self._native.sign_in(connection, user)
        self.complete_session(connection.session, request, user)
        if marker:
            connection.session[MARKER] = [marker.sid, marker.expires]
        return ()

    def end_session(self, request: Request) -> Headers:
        connection = HTTPConnection(request.raw)
        self._native.sign_out(connection)
        connection.session.pop(MARKER, None)
        return ()

    def empty_session(self, request: Request) -> Headers:
        if self.current_account(request) is not None:
            try:
                self._native.sign_out(HTTPConnection(request.raw))
            except Exception:
                log.exception("the application's own sign-out failed for half a sign-in; its session is emptied")
        request.raw["session"].clear()
        return ()

    def name_in(self, session: Mapping[str, Any]) -> object:
        """What this session says of who it is, to be compared; None for nobody, and where only the callables know."""
        return session.get(self._native.key) if self._native.key else None

    async def name_of(self, scope: Scope) -> object:
        """Whom the session names, to be compared; None for nobody."""
        if self._native.key:
            return self.name_in(scope["session"])
        user = await in_a_loop(self._native.user_of, HTTPConnection(scope))
        return self.account(user).account_id if user else None

    async def names_somebody(self, scope: Scope) -> bool:
        if self._native.key:
            return self.name_in(scope["session"]) is not None
        return bool(await in_a_loop(self._native.user_of, HTTPConnection(scope)))

    async def drop(self, scope: Scope) -> None:
        """The session was ended elsewhere: nobody and nothing is left in it."""
        if not self._native.key:
            try:
                await in_a_loop(self._native.sign_out, HTTPConnection(scope))
            except Exception:
                log.exception("the application's own sign-out failed for a session that has ended; it is emptied")
        scope["session"].clear()

    def _kept_for(self, request: Request, account_id: str) -> dict[str, Any]:
        """What of this session goes on: all, if it is the account's own, else nothing (SC01)."""
        here = self.current_account(request)
        if here and here.account_id == account_id:
            return dict(request.raw["session"])
        if here:
            self._native.sign_out(HTTPConnection(request.raw))
        return {}


def _plain(key: str, load: Callable[[str], Any]) -> NativeSession:
    """The user's id, as the user object holds it, under `session[key]`."""

    def user_of(connection: HTTPConnection) -> Any:
        found = connection.session.get(key)
        return None if found is None else load(str(found))

    def sign_in(connection: HTTPConnection, user: Any) -> None:
        connection.session[key] = read(user, "id")

    def sign_out(connection: HTTPConnection) -> None:
        connection.session.clear()

    return NativeSession(user_of, sign_in, sign_out, key)
