"""Requests and answers as plain values, for both halves. Standard library only: the gate's hot path loads this.

A shell (asgi, wsgi, a framework's middleware) translates its server's request into a `Request` and one of the
three answers back: `Response` (ours), `Decorate` (the product's own page plus our button), `Pass` (not ours).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from linkmw.errors import RequestRefused

Headers = tuple[tuple[str, str], ...]

MAX_QUERY = 16 * 1024  # bytes of a query string that we read: a provider may be wordy (FC11); longer is refused
MAX_FORM = 64 * 1024  # bytes of a form body (security.md, section 3)
MAX_FIELDS = 50


class Params:
    """Decoded pairs of a query string or a form, in order. A name given twice is never "last wins" (FC08)."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = tuple(pairs)

    def get(self, name: str, default: str = "") -> str:
        """The one value of `name`, or `default`. Raises RequestRefused when it was given more than once."""
        found = [value for key, value in self._pairs if key == name]
        if len(found) > 1:
            raise RequestRefused(f"parameter {name} was given twice", code="duplicate_parameter")
        return found[0] if found else default

    def all(self, name: str) -> list[str]:
        """Every value of `name`, in order."""
        return [value for key, value in self._pairs if key == name]

    def __contains__(self, name: object) -> bool:
        return any(key == name for key, _ in self._pairs)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def __repr__(self) -> str:  # values may be codes, passwords, tokens
        return f"Params({', '.join(key for key, _ in self._pairs)})"


def read_query(raw: str) -> Params:
    """The pairs of a query string (bytes decoded as UTF-8). Raises RequestRefused when too long or not UTF-8."""
    return _read_pairs(raw, MAX_QUERY)


def read_form(body: bytes, content_type: str) -> Params:
    """The fields of an `application/x-www-form-urlencoded` body; any other type is refused (XS02)."""
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise RequestRefused("not a form", code="content_type", status=415)
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise RequestRefused("a form body is ASCII", code="form_encoding") from None
    return _read_pairs(text, MAX_FORM)


def _read_pairs(raw: str, limit: int) -> Params:
    if len(raw) > limit:
        raise RequestRefused("too long", code="too_large", status=413)
    try:
        return Params(parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS))
    except UnicodeDecodeError:
        raise RequestRefused("not UTF-8", code="parameter_encoding") from None
    except ValueError:
        raise RequestRefused("too many fields", code="too_many_fields", status=413) from None


def read_cookie(header: str, name: str) -> str | None:
    """The value of cookie `name` in a Cookie header; None when absent, or given twice with different values.

    Reads octets exactly: pairs are split at ";", stripped of space and tab only, and the name must match
    to the letter, so that no spelling another parser forgives can stand for a `__Host-` cookie (SC02, SC03).
    """
    values = set()
    for pair in header.split(";"):
        key, separator, value = pair.strip(" \t").partition("=")
        if separator and key == name:
            values.add(value)
    return values.pop() if len(values) == 1 else None


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as a flow sees it.

    method: upper case. path: decoded, relative to where the application is mounted. root_path: that mount.
    headers: lower-case names; a repeated header is joined with ", " (Cookie with "; ").
    body: whole, at most MAX_FORM bytes; empty for GET. client: the peer's IP address after trusted proxies.
    raw: what the server or framework handed the shell (environ, scope, Django request); adapters alone read it.
    """

    method: str
    path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = ""
    root_path: str = ""
    raw: Any = field(default=None, repr=False, compare=False)
    _query: Params | None = field(default=None, init=False, repr=False, compare=False)  # once it was read
    _form: Params | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def query(self) -> Params:
        if self._query is None:
            object.__setattr__(self, "_query", read_query(self.query_string))
        return cast(Params, self._query)

    @property
    def form(self) -> Params:
        if self._form is None:
            object.__setattr__(self, "_form", read_form(self.body, self.headers.get("content-type", "")))
        return cast(Params, self._form)

    def cookie(self, name: str) -> str | None:
        return read_cookie(self.headers.get("cookie", ""), name)

    @property
    def cookies(self) -> dict[str, str]:
        """Every cookie by its name, as `read_cookie` reads one: none that came twice with different values (SC02)."""
        header = self.headers.get("cookie", "")
        names = dict.fromkeys(pair.strip(" \t").partition("=")[0] for pair in header.split(";"))
        found = ((name, read_cookie(header, name)) for name in names if name)
        return {name: value for name, value in found if value is not None}

    def __repr__(self) -> str:  # no cookies, no query, no body: they hold secrets (CF09)
        return f"Request({self.method} {self.path})"


@dataclass(frozen=True, slots=True)
class Response:
    """Our own answer. headers: name and value pairs; Content-Length is added by the shell."""

    status: int
    headers: Headers = field(default=(), repr=False)  # cookies, and addresses with codes (CF09)
    body: bytes = field(default=b"", repr=False)

    def with_headers(self, more: Iterable[tuple[str, str]]) -> Response:
        return Response(self.status, (*self.headers, *more), self.body)


@dataclass(frozen=True, slots=True)
class Decorate:
    """Let the product answer, then put the button into its page if it is a page we understand (P-2).

    HTML fragments: `button` goes after the form with the password, `marked_button` to the marker `<!-- linkmw -->`,
    `fixed_button` into a page with neither. stylesheet: its path. head: the request is HEAD, whose answer says of the
    page what GET's would, or nothing (RFC 9110, 9.3.2). headers: what the page gets besides; without a button, alone.
    """

    button: str = ""
    marked_button: str = ""
    fixed_button: str = ""
    stylesheet: str = ""
    head: bool = False
    headers: Headers = field(default=(), repr=False)  # cookies (CF09)


@dataclass(frozen=True, slots=True)
class Pass:
    """Not ours: the product answers, untouched."""


Answer = Response | Decorate | Pass

PASS = Pass()

# Every answer of ours, errors too (security.md, XS03, XS10, XS11). HSTS is the operator's: hosts are shared.
GUARD_HEADERS: Headers = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)


def content_security_policy(form_action: Sequence[str] = (), *, scripts: bool = False) -> str:
    """The policy of our pages. `form_action`: origins a form's redirects may end at, besides our own (XS04).

    scripts: the page has one, a file of ours, which asks our own origin. No other page runs any.
    """
    forms = " ".join(("'self'", *form_action))
    script = "'self'" if scripts else "'none'"
    return (
        f"default-src 'none'; style-src 'self'; img-src 'self'; script-src {script}; connect-src {script}; "
        f"form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    )


def bears(request: Request, token: str) -> bool:
    """Does the request carry this bearer token (RFC 6750, 2.1)? Compared in constant time; "" is nobody's."""
    import hmac  # seldom needed: a request that is none of our business does not pay for it

    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and bool(token) and hmac.compare_digest(given.encode(), token.encode())


def page(
    html: str,
    *,
    status: int = 200,
    headers: Iterable[tuple[str, str]] = (),
    form_action: Sequence[str] = (),
    scripts: bool = False,
) -> Response:
    """An HTML page of ours, with the guard headers."""
    return Response(
        status,
        (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", content_security_policy(form_action, scripts=scripts)),
            *GUARD_HEADERS,
            *headers,
        ),
        html.encode(),
    )


def redirect(location: str, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """303 See Other, always: a password is never posted on (XS08, RFC 9700 4.12)."""
    return Response(303, (("Location", location), *GUARD_HEADERS, *headers))


def json_answer(value: object, *, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """A JSON answer of the back channel."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return Response(status, (("Content-Type", "application/json"), *GUARD_HEADERS, *headers), body)


def set_cookie(name: str, value: str, *, seconds: int | None = None) -> tuple[str, str]:
    """A Set-Cookie header with everything the `__Host-` prefix demands; `seconds=0` takes the cookie away."""
    age = "" if seconds is None else f"; Max-Age={seconds}"
    return ("Set-Cookie", f"{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}")


def session_cookie(name: str, value: str, *, secure: bool) -> tuple[str, str]:
    """A Set-Cookie header for a product's own session, whose name and value are the product's."""
    return ("Set-Cookie", f"{name}={value}; Path=/; {'Secure; ' if secure else ''}HttpOnly; SameSite=Lax")


def removed_cookie(name: str, *, secure: bool) -> tuple[str, str]:
    """A Set-Cookie header that takes such a cookie away."""
    kept, text = session_cookie(name, "", secure=secure)
    return (kept, f"{text}; Max-Age=0")


def with_query(url: str, **params: str) -> str:
    """`url` with `params` added, each encoded."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"


_ORIGIN = re.compile(r"(https?://[^/?#\\@\s]+)")


def origin_of(url: str) -> str:
    """Scheme, host and port of a configured URL."""
    found = _ORIGIN.match(url)
    return found.group(1) if found else ""
