"""What ties a browser to the hub: four cookies, and the form token that follows from them.

`__Host-linkmw-hub` says which browser began a flow, `__Host-linkmw-hub-session` that somebody signed in,
`__Host-linkmw-hub-unlink` and `__Host-linkmw-hub-confirm` which mail's link was opened. Each is 32 random bytes; stores
see hashes only (SC07).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from linkmw.errors import NoCookie, RequestRefused
from linkmw.http import Headers, Params, Request, set_cookie
from linkmw.secret import Secret
from linkmw.whence import is_own_form

BROWSER = "__Host-linkmw-hub"
SESSION = "__Host-linkmw-hub-session"
UNLINK = "__Host-linkmw-hub-unlink"
CONFIRM = "__Host-linkmw-hub-confirm"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\Z")  # 32 bytes, base64url without padding


def sha256_hex(secret: str) -> str:
    """How a secret is kept: SHA-256, hexadecimal. Enough for 256 random bits; never for a password."""
    return hashlib.sha256(secret.encode()).hexdigest()


def form_token(secret: str) -> str:
    """The CSRF token of forms shown to the holder of `secret`: an HMAC, so the page never holds the cookie itself."""
    return hmac.new(secret.encode(), b"linkmw hub form", hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser, known by its binding cookie. is_new: the cookie has still to be set."""

    secret: Secret
    is_new: bool = False

    @property
    def key(self) -> str:
        """What flows and sign-ins are kept under."""
        return sha256_hex(self.secret)

    @property
    def csrf(self) -> str:
        return form_token(self.secret)

    @property
    def cookies(self) -> Headers:
        return (set_cookie(BROWSER, self.secret),) if self.is_new else ()


def read_token(request: Request, cookie: str) -> str | None:
    """The token in `cookie`; None when it is absent, ambiguous (SC02) or not one of ours."""
    value = request.cookie(cookie)
    return value if value and _TOKEN.match(value) else None


def browser_of(request: Request) -> Browser:
    """The browser that began a flow here. Raises NoCookie when this one began none (FC03)."""
    secret = read_token(request, BROWSER)
    if secret is None:
        raise NoCookie("this browser began no sign-in here")
    return Browser(Secret(secret))


def browser_or_new(request: Request, token: Callable[[], str]) -> Browser:
    """This browser, or a new one whose cookie the answer must set."""
    secret = read_token(request, BROWSER)
    return Browser(Secret(token()), is_new=True) if secret is None else Browser(Secret(secret))


def read_own_form(request: Request, hub_url: str, csrf: str) -> Params:
    """The fields of a form that one of our own pages sent. Raises RequestRefused, 403, for any other (XS01)."""
    if not is_own_form(request, hub_url):
        raise RequestRefused("the form came from another site", code="csrf", status=403)
    form = request.form
    if not hmac.compare_digest(form.get("csrf").encode(), csrf.encode()):
        raise RequestRefused("the form is of another session", code="csrf", status=403)
    return form
