"""An application that trusts a server in front of it: linkmw keeps the session, and says in each request whose it is.

The session is a cookie of linkmw's own, sealed under the client's secret; whether it stands is asked of the allow-list
in Redis as of any other (`marked`). What a request brings along in the place where the application looks is taken off.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

from linkmw.errors import SettingsError
from linkmw.gate.hooks import is_active
from linkmw.gate.in_force import InForce
from linkmw.http import Headers, Request, removed_cookie, session_cookie
from linkmw.model import Account, Marker
from linkmw.outside import said
from linkmw.outside.adapter_file import Adapter
from linkmw.outside.hooks import NO_REPLACE, HookedProduct, marker_in, sets, text_of
from linkmw.outside.said import NotCovered, Recognised
from linkmw.settings import Settings
from linkmw.signed import Seal, Unopenable

log = logging.getLogger("linkmw")

VARIABLE = "REMOTE_USER"

_PURPOSE = "linkmw remote user session 1"
# What linkmw does itself here: a file that says it too was written for something else.
_OURS = ("start", "marker_of")

NO_VARIABLE = (
    "LINKMW_REMOTE_USER=REMOTE_USER: ASGI has no such variable. Name the header that this application reads, like "
    "X-Remote-User"
)
NO_HOSTS = "LINKMW_REMOTE_USER with LINKMW_HOSTS: one host's session would be another's. Run a process for each host"
NO_PROOF = (
    "proving an account here: this application has no login that linkmw knows. Import the links (docs/operating.md), "
    "or name an adapter file with `verify_password`, or with `user_of` if it has a login of its own (docs/adapters.md)"
)
NO_COOKIES = (
    "what the application keeps in a session of its own: it stays when somebody else signs in. If it keeps any, name "
    "its cookies in LINKMW_REMOTE_USER_COOKIES"
)
NO_SIGN_OUT = "a sign-out: name its path in LINKMW_REMOTE_USER_SIGN_OUT, like /logout"
FORGEABLE = (
    "requests while LINKMW_ENABLED=off: every visitor can send {name}, and linkmw is not there to take it off. Before "
    "that is set, have a server in front remove it, or the application stop to read it"
)


def check(name: str, interface: str, settings: Settings, adapter: Adapter | None) -> None:
    """Raises NotCovered, SettingsError for what cannot be."""
    if name == VARIABLE and interface == "asgi":
        raise NotCovered(NO_VARIABLE)
    if settings.hosts:
        raise NotCovered(NO_HOSTS)
    both = [member for member in _OURS if adapter and adapter.has(member)]
    if both:
        raise SettingsError(
            f"LINKMW_ADAPTER has `{both[0]}`, and LINKMW_REMOTE_USER is set: linkmw keeps the session itself then, and "
            "would never ask for it. Remove one of them"
        )


@dataclass(frozen=True, slots=True)
class Own:
    """A session of ours. marker: None in one that no link opened; it lasts until `expires`."""

    account_id: str
    expires: int
    marker: Marker | None = None


class RemoteUserProduct(HookedProduct):
    """The application as the gate asks it: linkmw's own session, else what the file says of one of its own login."""

    def __init__(self, adapter: Adapter, in_force: InForce) -> None:
        self._in_force = in_force
        site = in_force.settings.public_url
        self.own = f"__Host-linkmw-{hashlib.sha256(site.encode()).hexdigest()[:8]}-user"
        self._theirs = (*adapter.cookies, *in_force.settings.remote_user_cookies)
        super().__init__(adapter, secure=site.startswith("https:"))

    @property
    def cookies(self) -> tuple[str, ...]:
        """Ours, and those of the application: what it keeps besides ends with our session."""
        return (self.own, *self._theirs)

    def told(self, request: Request) -> str:
        """The name that the application is told; "" for nobody."""
        account = self._account(request)
        if account is None or _can_be_told(account.username):
            return account.username if account else ""
        log.warning("account %s has a name that no header can hold: nobody is signed in", account.account_id)
        return ""

    def current_account(self, request: Request) -> Account | None:
        return self._account(request) or super().current_account(request)

    def is_complete(self, request: Request) -> bool:
        return self._account(request) is not None or super().is_complete(request)

    def start_session(self, request: Request, account_id: str, marker: Marker | None) -> Headers:
        """What the application keeps for anybody else, or kept before the sign-in, goes (SC01, LT12)."""
        self.entering(account_id)
        settings = self._in_force.settings
        expires = marker.expires if marker else int(time.time()) + settings.session_seconds
        kept = json.dumps((account_id, expires, text_of(marker))).encode()
        begun = session_cookie(self.own, _seal(settings).close(kept, _PURPOSE), secure=True)
        present = self.current_account(request)
        if present is not None and present.account_id == account_id:
            return (begun,)
        return (*self._without_theirs(request), begun)

    def end_session(self, request: Request) -> Headers:
        return (*self._without_theirs(request), removed_cookie(self.own, secure=True))

    def marker_of(self, request: Request) -> Marker | None:
        own = self._opened(request)
        return own.marker if own else None

    def touches(self, request: Request, headers: Headers) -> bool:
        return request.path == self._in_force.settings.remote_user_sign_out or super().touches(request, headers)

    def later(self, request: Request, headers: Headers) -> Request:
        """Without our session, where the answer is to a sign-out: by its path, or by what it takes away."""
        by_path = request.path == self._in_force.settings.remote_user_sign_out
        if by_path or any(_is_taken_away(headers, name) for name in self._theirs):
            headers = (*headers, removed_cookie(self.own, secure=True))
        return super().later(request, headers)

    def taken_away(self, headers: Headers) -> Headers:
        """Our cookie, once the application has begun anew: until then an old session of its own is hidden, too."""
        if sets(headers, (self.own,)) or (self._theirs and not sets(headers, self._theirs)):
            return ()
        return (removed_cookie(self.own, secure=True),)

    def _account(self, request: Request) -> Account | None:
        own = self._opened(request)
        user = self.load(own.account_id) if own else None
        return self.account(user) if user and is_active(user) else None

    def _opened(self, request: Request) -> Own | None:
        """Our session in this request; None for none, and for one that is over or does not count (PR03)."""
        settings = self._in_force.settings
        text = request.cookies.get(self.own)
        if text is None or not settings.on:
            return None
        try:
            account_id, expires, marker = json.loads(_seal(settings).open(text, _PURPOSE))
        except Unopenable:
            return None
        own = Own(account_id, expires, marker_in(marker))
        counts = own.expires > time.time() and (own.marker is not None or not settings.closes)
        return own if counts else None

    def _without_theirs(self, request: Request) -> Headers:
        if self.adapter.has("end"):
            return self.adapter.end(request, secure=self._secure)
        return tuple(removed_cookie(name, secure=self._secure) for name in self._theirs)


def _seal(settings: Settings) -> Seal:
    return Seal((hashlib.sha256(f"{_PURPOSE}\0{settings.client_secret}".encode()).digest(),))


def _can_be_told(name: str) -> bool:
    """Does it come out of a header as it went in?"""
    return bool(name) and name.isprintable() and name == name.strip()


def _is_taken_away(headers: Headers, name: str) -> bool:
    """Does an answer take this cookie away?"""
    from linkmw.gate.after import with_cookies

    mine = tuple((key, value) for key, value in headers if sets(((key, value),), (name,)))
    return bool(mine) and not with_cookies("", mine)


def recognised(product: RemoteUserProduct, name: str, interface: str, settings: Settings) -> Recognised:
    return Recognised(
        framework=f"{interface.upper()} by {name}",
        accounts="those of the adapter" if product.adapter.has("load") else "by the names that it is told",
        sessions=f"linkmw's own, cookie {product.own}",
        login_paths=settings.login_paths,
        second_factor=said.BY_ITS_OWN_LOGIN if product.adapter.has("user_of") else "none known",
        proof=said.proof(product, settings),
        limits=tuple(_limits(product, name, settings)),
    )


def _limits(product: RemoteUserProduct, name: str, settings: Settings) -> Iterator[str]:
    has_login = product.adapter.has("user_of")
    if not has_login and not product.checks_passwords:
        yield NO_PROOF
    if len(product.cookies) == 1:
        yield NO_COOKIES
        if not settings.remote_user_sign_out:
            yield NO_SIGN_OUT
    if name != VARIABLE:
        yield FORGEABLE.format(name=name)
    if has_login and settings.replaces:
        yield NO_REPLACE
