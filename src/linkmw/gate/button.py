"""The product's own login page plus our button (P-2). Pure: headers and bytes in, headers and bytes out.

A page we do not understand to the letter is left untouched (XS09); the product's own headers are never loosened (XS03).
"""

from __future__ import annotations

import re
from html import escape
from typing import Literal

from linkmw.http import Decorate, Headers

MAX_PAGE = 2 * 1024 * 1024  # bytes of a login page that we hold back; a larger one passes as it comes
MARKER = b"<!-- linkmw -->"
# The same for templates whose comments do not reach the page (minifiers, sanitisers): an element no browser knows.
_TAG = rb"<linkmw-button\s*>"

# Request headers that would make the product answer with something we cannot read: compressed, or not at all.
DROPPED_REQUEST_HEADERS = frozenset(("accept-encoding", "if-none-match", "if-modified-since", "range"))
# Answer headers that describe the exact bytes we change.
_STALE = frozenset(("content-length", "etag", "last-modified", "accept-ranges"))
_STALE |= frozenset(("content-md5", "digest", "content-digest", "repr-digest"))
# And those by which a cache would keep it: written anew, stricter.
_STALE |= frozenset(("cache-control", "expires", "pragma", "age", "cdn-cache-control", "surrogate-control"))
# What allows keeping, and the qualified forms ("private=field") that forbid it in part only (RFC 9111, 5.2.2).
_KEEPING = re.compile(r"\Z|public\Z|immutable\Z|(private|no-cache|[a-z-]*max-?age|stale-[a-z-]*)\s*=", re.IGNORECASE)
# In all of these an ASCII character is its own byte, and the fragment is ASCII.
_CHARSET = re.compile(r"utf-?8|us-ascii|iso-8859-\d{1,2}|latin-?1|windows-125\d", re.IGNORECASE)
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")

# What may hold text that looks like a form and is none is skipped whole; an unclosed one reaches to the end. Every
# alternative takes what it has read, so that no page is read twice (DS07).
_TOKENS = re.compile(
    rb"<!--.*?(?:-->|\Z)"
    rb"|<(?P<raw>script|style|template|textarea|noscript)\b.*?(?:</(?P=raw)\s*>|\Z)"
    rb"|(?P<form></form\s*>)"
    rb"|(?P<body></body\s*>)"
    rb"|(?P<input><input\b[^>]*)"
    rb"|(?P<tag>" + _TAG + rb")",
    re.IGNORECASE | re.DOTALL,
)
_PASSWORD = re.compile(rb"""\btype\s*=\s*["']?password\b""", re.IGNORECASE)
Place = Literal["marker", "form", "end"]

_DOCUMENT = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*(?:<!doctype\s+html|<html)\b", re.IGNORECASE)


def understands(status: int, headers: Headers) -> bool:
    """Is this the start of a page we may put a button into: 200, HTML, not encoded, an ASCII-compatible charset?"""
    found = {name.lower(): value for name, value in headers}
    kind, _, parameters = found.get("content-type", "").partition(";")
    charset = re.search(r"charset\s*=\s*[\"']?([^\s;\"']+)", parameters, re.IGNORECASE)
    return (
        status == 200
        and kind.strip().lower() == "text/html"
        and found.get("content-encoding", "identity").strip().lower() in ("identity", "")
        and (charset is None or _CHARSET.fullmatch(charset.group(1)) is not None)
    )


def decorate(headers: Headers, body: bytes, answer: Decorate) -> tuple[Headers, bytes] | None:
    """The answer with the button in its page; None for a page that is left as it is."""
    if answer.head and not body:
        return (*_of_a_changed_page(headers), *answer.headers), body  # how long it is with its button, only GET can say
    if not answer.stylesheet:  # nothing to show, only headers to set
        return (*_of_a_changed_page(headers), *answer.headers, ("Content-Length", str(len(body)))), body
    found = _place(body)
    if found is None:
        return None
    position, place = found
    page = body[:position] + _fragment(answer, place) + body[position:]
    return (*_of_a_changed_page(headers), *answer.headers, ("Content-Length", str(len(page)))), page


def _of_a_changed_page(headers: Headers) -> Headers:
    """`headers` without what describes the old bytes, and kept by no cache: the button comes and goes (XS11, P-5)."""
    said = ",".join(value for name, value in headers if name.lower() == "cache-control")
    own = [word for part in re.sub('="[^"]*"', "=", said).split(",") if not _KEEPING.match(word := part.strip())]
    named = {word.lower() for word in own}
    more = () if "no-store" in named else (word for word in ("private", "no-cache") if word not in named)
    kept = tuple((name, value) for name, value in headers if name.lower() not in _STALE)
    return (*kept, ("Cache-Control", ", ".join((*own, *more))))


def _fragment(answer: Decorate, place: Place) -> bytes:
    button = {"marker": answer.marked_button, "form": answer.button, "end": answer.fixed_button}[place]
    return f'<link rel="stylesheet" href="{escape(answer.stylesheet)}">{button}'.encode("ascii", "xmlcharrefreplace")


def _place(body: bytes) -> tuple[int, Place] | None:
    """Where the button goes: at the marker or tag, after the form that asks for a password, else at the body's end."""
    if body.startswith(_UTF_16_MARKS) or b"\0" in body:
        return None
    marker = body.find(MARKER)
    if marker >= 0:
        return marker + len(MARKER), "marker"
    password, form, end = False, -1, -1
    for token in _TOKENS.finditer(body):
        password = password or bool(token["input"] and _PASSWORD.search(token["input"]))
        if token["tag"]:
            return token.end(), "marker"
        if token["form"] and password and form < 0:
            form = token.end()
        if token["body"]:
            end = token.start()
    if form >= 0:
        return form, "form"
    if end < 0 and _DOCUMENT.match(body):
        end = len(body)
    return (end, "end") if end >= 0 else None
