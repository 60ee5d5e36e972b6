"""What counts as a native proof, decided without asking anybody (PR04, PR05).

One request with the arming cookie turns nobody into somebody, completely, by a POST that is part of the product's own
sign-in; or by the GET that this POST's answer has sent the browser to. Nothing else does: a sign-up or a reset
elsewhere, a link in a mail, a remember-me cookie, somebody who signs in as somebody else.
"""

from __future__ import annotations

from urllib.parse import quote, unquote, urljoin, urlsplit

from linkmw.gate.outcome import is_sign_in
from linkmw.gate.ports import Arming
from linkmw.http import Headers, Request
from linkmw.settings import Settings
from linkmw.whence import is_own_sign_in

ARMED_SECONDS = 600
CHAIN_SECONDS = 60
CHAIN_HOPS = 5
_REDIRECTS = frozenset((301, 302, 303, 307, 308))


def may_prove(settings: Settings, request: Request, arming: Arming, now: int) -> bool:
    """May this request be the one that counts? Never one that another site sent: login CSRF."""
    if request.method == "POST":
        return is_own_sign_in(request, settings.public_url) and is_of_login(settings, request)
    return request.method == "GET" and bool(arming.path) and arming.path == target(request) and now < arming.until


def is_of_login(settings: Settings, request: Request) -> bool:
    """Is this POST part of the product's own sign-in?

    It goes to a login route or below one, or comes from a page there: a login that posts to `/authenticate` or, by a
    script, to `/api/session`. The page for a forgotten password is none, wherever it lives.
    """
    return _is_login(settings, request.path) or _is_login(settings, _page(settings, request))


def _is_login(settings: Settings, path: str) -> bool:
    forgot = settings.forgot_password.rstrip("/")
    forgotten = bool(forgot) and (path == forgot or path.startswith(f"{forgot}/"))
    return is_sign_in(settings, path) and not forgotten


def _page(settings: Settings, request: Request) -> str:
    """The path of the page this request comes from, as the application sees it; "" where that is not known."""
    return _inside(settings, request.headers.get("referer", "")).partition("?")[0]


def target(request: Request) -> str:
    """Path and query of a request, as a redirect would name them."""
    return f"{request.path}?{request.query_string}" if request.query_string else request.path


def sent_on(settings: Settings, request: Request, arming: Arming, status: int, headers: Headers) -> str:
    """Where an answer sends the browser inside this site, as `target` has it; "" when nowhere, or too often."""
    locations = [value for name, value in headers if name.lower() == "location"]
    if status not in _REDIRECTS or len(locations) != 1 or arming.hops >= CHAIN_HOPS:
        return ""
    try:
        return _inside(settings, urljoin(f"{settings.public_url}{quote(request.path)}", locations[0]))
    except ValueError:
        return ""


def _inside(settings: Settings, url: str) -> str:
    """Path and query of a URL of this application, as `target` has them; "" for any other."""
    try:
        found, public = urlsplit(url), urlsplit(settings.public_url)
    except ValueError:
        return ""
    if (found.scheme, found.netloc.lower()) != (public.scheme, public.netloc.lower()):
        return ""
    path = unquote(found.path) or "/"
    inside = path == public.path or path.startswith(f"{public.path}/")
    relative = path.removeprefix(public.path) or "/"
    if not inside:
        return ""
    return f"{relative}?{found.query}" if found.query else relative


def shows_page(request: Request) -> bool:
    """Will a person see the answer in place of the page? Not a script's: fetch, XHR, JSON."""
    dest = request.headers.get("sec-fetch-dest")
    if dest is not None:
        return dest == "document"
    script = request.headers.get("x-requested-with", "").lower() == "xmlhttprequest"
    return not script and "text/html" in request.headers.get("accept", "").lower()
