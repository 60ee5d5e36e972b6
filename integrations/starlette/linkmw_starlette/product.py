"""A Starlette application as linkmw's `Product`: hooks for its accounts, the dictionary `scope["session"]`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Unpack, cast

from starlette.requests import HTTPConnection

from linkmw.errors import SettingsError
from linkmw.gate.hooks import HookedAccounts, Hooks, read
from linkmw.http import Headers, Request
from linkmw.model import Account, Marker
from linkmw_starlette.bridge import Hook, blocking

MARKER = "_linkmw"  # the session key of the marker: [sid, expires]


@dataclass(frozen=True, slots=True)
class NativeSession:
    """user_of: whom the session names, or None. sign_in: make it name this user. sign_out: make it name nobody."""

    user_of: Callable[[HTTPConnection], Any]
    sign_in: Callable[[HTTPConnection, Any], object]
    sign_out: Callable[[HTTPConnection], object]


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
        if marker:
            connection.session[MARKER] = [marker.sid, marker.expires]
        return ()

    def end_session(self, request: Request) -> Headers:
        connection = HTTPConnection(request.raw)
        self._native.sign_out(connection)
        connection.session.pop(MARKER, None)
        return ()

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

    return NativeSession(user_of, sign_in, sign_out)
