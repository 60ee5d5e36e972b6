"""In which language a request is answered, and how a person changes that (RFC 9110, 12.5.4; RFC 4647, 3.4).

The order: what a product or the other half asks for (`ui_locales`), what was chosen here before (a cookie), what the
browser prefers (Accept-Language), and where nobody says anything we speak, a default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlencode, urlsplit

from linkmw import redirects
from linkmw.errors import RequestRefused
from linkmw.http import Request, Response, origin_of, redirect, set_cookie
from linkmw.pages import language
from linkmw.whence import is_own_form

COOKIE = "__Host-linkmw-language"  # holds a language's tag: no secret, and nobody's in particular
COOKIE_SECONDS = 31_536_000  # a year

MAX_HEADER = 1024  # characters of Accept-Language or ui_locales that are read
MAX_TAGS = 20

_RANGE = re.compile(
    r"[ \t]*(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)"
    r"(?:[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?[ \t]*"
)

# What an address may hold and still stand in a page as the way back: names that open nothing in another browser, and
# nothing of free text, which could be somebody's words.
_HARMLESS = re.compile(r"((flow|record|client_id)=[A-Za-z0-9_-]{1,128}(&|\Z))*")


def preferred(header: str) -> list[str]:
    """The language tags of an Accept-Language header, the one liked best first.

    A header that is too long or not as the grammar says is nobody's wish: none. A weight of 0 means "not this one".
    """
    parts = [part for part in header.split(",") if part.strip()] if len(header) <= MAX_HEADER else []
    found = [_RANGE.fullmatch(part) for part in parts[: MAX_TAGS + 1]]
    if len(found) > MAX_TAGS:
        return []
    ranges = [(each[1], float(each[2] or 1)) for each in found if each]
    if len(ranges) < len(found):
        return []
    ranges.sort(key=lambda each: -each[1])  # stable: among equals the order given counts
    return [tag for tag, weight in ranges if weight and tag != "*"]


def asked_for(request: Request) -> str:
    """The language of ours that `ui_locales` asks for (OpenID Connect Core 1.0, 3.1.2.1); "" for none of ours."""
    try:
        text = request.query.get("ui_locales")
    except RequestRefused:  # the query is for whoever answers to refuse
        return ""
    return language.choose(text.split()[:MAX_TAGS]) if len(text) <= MAX_HEADER else ""


def chosen(request: Request) -> str:
    """The language that was chosen in this browser; "" for none."""
    found = request.cookie(COOKIE) or ""
    return found if found in language.LANGUAGES else ""


def kept(asked: str, answer: Response) -> Response:
    """`answer`, which keeps in this browser what it was asked for: the pages that follow know nothing of it."""
    return answer.with_headers([_cookie(asked)]) if asked and answer.status != 204 else answer


def _cookie(tag: str) -> tuple[str, str]:
    return set_cookie(COOKIE, tag, seconds=COOKIE_SECONDS)


@contextmanager
def answering(request: Request, asked: str = "") -> Iterator[None]:
    """Within the block the request's language is spoken. asked: of `asked_for`, where that counts."""
    choice = asked or chosen(request)
    preference = language.choose(preferred(request.headers.get("accept-language", "")))
    with language.speaking(choice or preference, chosen=bool(choice)):
        yield


def offer_switch(request: Request, action: str, public_url: str, *, stays: bool) -> None:
    """Pages show the form that changes the language, and comes back to this very page.

    action: the path it posts to. public_url: of the application. stays: may the page be asked for by GET at this
    address, once more? The address of a POST alone may not: then its record says which page it was, or Referer.
    """
    language.offer(language.Switch(action, _here(request, public_url, stays)))


def _here(request: Request, public_url: str, stays: bool) -> str:
    if request.method == "GET":
        return _address(request, public_url, request.query_string) if stays else ""
    record = _record(request)
    return _address(request, public_url, urlencode(record)) if stays and record else _before(request, public_url)


def _record(request: Request) -> list[tuple[str, str]]:
    try:
        return [(name, value) for name, value in request.form if name in ("flow", "record")]
    except RequestRefused:
        return []


def _address(request: Request, public_url: str, query: str) -> str:
    path = urlsplit(public_url).path + quote(request.path, safe="/~!$&'()*+,;=:@-._")
    return _harmless(f"{path}?{query}" if query else path)


def _before(request: Request, public_url: str) -> str:
    """The page whose form this was; our Referrer-Policy is same-origin."""
    return _harmless(_referer(request, public_url))


def _referer(request: Request, public_url: str) -> str:
    address, origin = request.headers.get("referer", ""), origin_of(public_url)
    return address.removeprefix(origin) if address.startswith(f"{origin}/") else ""


def _harmless(address: str) -> str:
    return redirects.judge(address, default="") if _HARMLESS.fullmatch(urlsplit(address).query) else ""


def switch(request: Request, public_url: str, default: str) -> Response:
    """POST language: the answer to the form. Raises RequestRefused for another site's (XS01), or another language.

    Nothing but the words of pages changes, so the form has no token of its own; and it leads to a path of this
    site and nowhere else (XS07). default: where it leads when nobody says.
    """
    if not is_own_form(request, public_url):
        raise RequestRefused("the form came from another site", code="csrf", status=403)
    tag = request.form.get("lang")
    if tag not in language.LANGUAGES:
        raise RequestRefused("no such language")
    then = redirects.judge(request.form.get("next"), default="")
    then = then or redirects.judge(_referer(request, public_url), default=default)
    return redirect(then, [_cookie(tag)])


def labelled(answer: Response) -> Response:
    """A page says which language it is in. None of ours may be kept by a cache, so there is nothing to vary."""
    if dict(answer.headers).get("Content-Type", "").startswith("text/html"):
        return answer.with_headers([("Content-Language", language.current())])
    return answer
