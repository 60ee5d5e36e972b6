"""An application that only the operator's adapter file knows: whom its session names, how one begins and ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from linkmw.gate import after
from linkmw.gate.hooks import HookedAccounts, Hooks
from linkmw.http import Headers, Request
from linkmw.model import Account, Marker
from linkmw.outside import said
from linkmw.outside.adapter_file import Adapter
from linkmw.outside.markers import Markers
from linkmw.outside.said import Recognised
from linkmw.outside.session_key import is_number
from linkmw.settings import Settings

NO_MARKER = (
    "the end of a session from elsewhere (a logout at the hub, an unlink): the adapter has no `marker_of`, so that a "
    "session lasts as long as the application lets it"
)
NO_REPLACE = "mode `replace`: with this adapter sessions from before it go on; use `beside`"


class HookedProduct(HookedAccounts):
    """The application as the gate asks it. secure: do browsers see it by https?

    Where the file says nothing of the accounts, there is one for each id, and its name is its id.
    """

    def __init__(self, adapter: Adapter, *, secure: bool) -> None:
        self.adapter, self._secure = adapter, secure
        self._markers = Markers() if adapter.self_contained else None
        defaults: Hooks = {"load": _by_id}
        super().__init__({**defaults, **adapter.hooks})
        self.checks_passwords = adapter.has("verify_password")
        self.tells_complete = adapter.has("complete")

    @property
    def cookies(self) -> tuple[str, ...]:
        """The names of the session's cookies."""
        return self.adapter.cookies

    def current_account(self, request: Request) -> Account | None:
        named = self.adapter.user_of(request)
        user = self.load(str(named)) if isinstance(named, str | int) and named != "" else named
        return self.account(user) if user else None

    def is_complete(self, request: Request) -> bool:
        return self.current_account(request) is not None and self.adapter.complete(request)

    def start_session(self, request: Request, account_id: str, marker: Marker | None) -> Headers:
        user = self.entering(account_id)
        return self.adapter.start(request, user, text_of(marker), secure=self._secure)

    def end_session(self, request: Request) -> Headers:
        return self.adapter.end(request, secure=self._secure)

    def marker_of(self, request: Request) -> Marker | None:
        """The marker in this request's session; None in one that linkmw did not open."""
        marker = marker_in(self.adapter.marker_of(request))
        if marker is not None and self._markers is not None:
            self._markers.keep(request.headers.get("cookie", ""), marker)
        return marker

    def remembered(self, header: str) -> Marker | None:
        """What `marker_of` said of the same Cookie header a moment ago; None says nothing.

        Then all of the session is in its cookies, and no answer touches it but one that sets a cookie.
        """
        return self._markers.of(header) if self._markers is not None else None

    def touches(self, request: Request, headers: Headers) -> bool:  # noqa: ARG002  (for who keeps the session elsewhere)
        """May this answer change whom the session names?"""
        return sets(headers, self.cookies)

    def later(self, request: Request, headers: Headers) -> Request:
        """What the browser asks next, once it has taken in this answer."""
        return after.answered(request, headers)

    def taken_away(self, headers: Headers) -> Headers:  # noqa: ARG002
        """What goes with the answer to a request whose session had ended, and was hidden from the application."""
        return ()


def recognised(product: HookedProduct, interface: str, settings: Settings) -> Recognised:
    adapter = product.adapter
    return Recognised(
        framework=f"{interface.upper()} by {settings.adapter}",
        accounts="those of the adapter" if adapter.has("load") else "by their ids",
        sessions=f"cookie {', '.join(adapter.cookies)}",
        login_paths=settings.login_paths,
        second_factor=said.BY_ITS_OWN_LOGIN,
        proof=said.proof(product, settings),
        limits=tuple(_limits(adapter, settings)),
    )


def _limits(adapter: Adapter, settings: Settings) -> Iterator[str]:
    if not adapter.has("marker_of"):
        yield NO_MARKER
    if settings.replaces:
        yield NO_REPLACE


def _by_id(account_id: str) -> Any:
    return {"id": account_id, "username": account_id} if account_id and account_id.isprintable() else None


def sets(headers: Headers, names: Iterable[str]) -> bool:
    """Does an answer set or take away one of these cookies?"""
    given = {value.partition("=")[0].strip() for name, value in headers if name.lower() == "set-cookie"}
    return not given.isdisjoint(names)


def text_of(marker: Marker | None) -> str:
    """The marker as a session keeps it: ASCII without spaces; "" for none."""
    return f"{marker.sid}.{marker.expires}" if marker else ""


def marker_in(text: str) -> Marker | None:
    """The marker in such a text; None for any other."""
    sid, _, expires = text.rpartition(".")
    return Marker(sid, int(expires)) if sid and is_number(expires) else None
