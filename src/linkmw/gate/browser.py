"""Who is at the other end: this browser's cookie, its address, whether it navigates, whether a form is its own."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from linkmw.errors import RequestRefused
from linkmw.http import Headers, Request, set_cookie
from linkmw.settings import Settings
from linkmw.whence import client_address, is_navigation, is_own_form

_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 random bytes, base64url


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser as the stores know it. key: SHA-256 (hex) of its cookie. headers: sets the cookie of a new one."""

    key: str
    headers: Headers = field(default=(), repr=False)

    @property
    def is_new(self) -> bool:
        """Has it not been here before? Then nothing is kept of it."""
        return bool(self.headers)


def cookie_name(client_id: str) -> str:
    """Two products on one host keep out of each other's way by the hash (PR16)."""
    return f"__Host-linkmw-{hashlib.sha256(client_id.encode()).hexdigest()[:8]}"


def known(settings: Settings, request: Request) -> Browser | None:
    """The browser of this request; None without our cookie, or with one that is not as we made it (SC02-SC05)."""
    value = request.cookie(cookie_name(settings.client_id))
    return Browser(_key(value)) if value and _VALUE.fullmatch(value) else None


def known_or_new(settings: Settings, request: Request, token: Callable[[], str]) -> Browser:
    """The browser of this request, with a cookie from now on if it had none."""
    found = known(settings, request)
    if found is not None:
        return found
    value = token()
    return Browser(_key(value), (set_cookie(cookie_name(settings.client_id), value),))


def in_share(browser: Browser, percent: int) -> bool:
    """Is this browser one of so many percent? Always the same ones; more percent never drops one (P-4)."""
    return int(browser.key[:8], 16) % 100 < percent


def _key(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def wants_page(request: Request) -> bool:
    """Would this client show HTML? Scripts and JSON clients of the login route get what the product gives (P-6)."""
    accept = request.headers.get("accept", "*/*").lower()
    script = request.headers.get("x-requested-with", "").lower() == "xmlhttprequest"
    return is_navigation(request) and not script and ("text/html" in accept or "*/*" in accept)


def address(settings: Settings, request: Request) -> str:
    """The visitor's IP address, behind the proxies that the settings trust."""
    forwarded = request.headers.get("x-forwarded-for", "")
    return client_address(request.client, forwarded, settings.trusted_proxies)


def form_token(settings: Settings, browser: Browser, record: str) -> str:
    """What a form about `record` carries, so that it can only come from a page we gave this very browser (XS01)."""
    text = f"linkmw form\0{browser.key}\0{record}".encode()
    return hmac.new(settings.client_secret.encode(), text, hashlib.sha256).hexdigest()


def check_form(settings: Settings, request: Request, browser: Browser, record: str) -> None:
    """The form was sent by our own page in this browser. Raises RequestRefused (`csrf`, 403)."""
    given, right = request.form.get("csrf"), form_token(settings, browser, record)
    if not hmac.compare_digest(given.encode(), right.encode()) or not is_own_form(request, settings.public_url):
        raise RequestRefused("the form is not from a page of this browser", code="csrf", status=403)
