"""Who is at the other end: this browser's cookie, its address, whether it navigates, whether a form is its own."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

from linkmw.errors import RequestRefused
from linkmw.http import Headers, Request, origin_of, set_cookie
from linkmw.settings import Settings

_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 random bytes, base64url


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser as the stores know it. key: SHA-256 (hex) of its cookie. headers: sets the cookie of a new one."""

    key: str
    headers: Headers = ()


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


def _key(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def navigates(request: Request) -> bool:
    """Is a person going to this page, in a window of its own? Images, frames and prefetches are not (FC17)."""
    headers = request.headers
    purposes = ("sec-purpose", "purpose", "x-moz")
    ahead = any("prefetch" in headers.get(name, "").lower() for name in purposes)
    return headers.get("sec-fetch-dest", "document") == "document" and not ahead


def wants_page(request: Request) -> bool:
    """Would this client show HTML? Scripts and JSON clients of the login route get what the product gives (P-6)."""
    accept = request.headers.get("accept", "*/*").lower()
    script = request.headers.get("x-requested-with", "").lower() == "xmlhttprequest"
    return navigates(request) and not script and ("text/html" in accept or "*/*" in accept)


def address(settings: Settings, request: Request) -> str:
    """The visitor's IP address: the right-most one in X-Forwarded-For that no trusted proxy of ours wrote (BF09)."""
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",")]
    here = request.client
    while hops and _trusted(settings, here):
        here = hops.pop() or here
    return here


def _trusted(settings: Settings, hop: str) -> bool:
    try:
        found = ipaddress.ip_address(hop)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(network, strict=False) for network in settings.trusted_proxies)


def form_token(settings: Settings, browser: Browser, record: str) -> str:
    """What a form about `record` carries, so that it can only come from a page we gave this very browser (XS01)."""
    text = f"linkmw form\0{browser.key}\0{record}".encode()
    return hmac.new(settings.client_secret.encode(), text, hashlib.sha256).hexdigest()


def check_form(settings: Settings, request: Request, browser: Browser, record: str) -> None:
    """The form was sent by our own page in this browser. Raises RequestRefused (`csrf`, 403)."""
    given, right = request.form.get("csrf"), form_token(settings, browser, record)
    if not hmac.compare_digest(given.encode(), right.encode()) or not _same_origin(settings, request):
        raise RequestRefused("the form is not from a page of this browser", code="csrf", status=403)


def _same_origin(settings: Settings, request: Request) -> bool:
    """Browsers say on every POST where it comes from; one of the two headers must, and neither may say otherwise."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is None:
        return False
    return site in (None, "same-origin") and origin in (None, _own_origin(settings))


def _own_origin(settings: Settings) -> str:
    """As browsers write it: lower case, without the scheme's own port (RFC 6454, 6.2)."""
    origin = origin_of(settings.public_url).lower()
    return origin.removesuffix(":443" if origin.startswith("https:") else ":80")
