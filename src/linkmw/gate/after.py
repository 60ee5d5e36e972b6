"""Whom will the native session name, completely, once this answer has reached the browser? (PR04)

An adapter may say so itself (`account_after`); for any other, what the answer does to the browser's cookies is done to
the request's, and the adapter is asked about the request that the browser would send next. What else a native proof
asks of an adapter may be left out too: each has a default here.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from linkmw.gate.ports import Product
from linkmw.http import Headers, Request
from linkmw.model import Account


def empty_session(product: Product, request: Request) -> Headers:
    """The headers after which nothing is left of the session, a half-finished sign-in included (PR05)."""
    found: Headers = getattr(product, "empty_session", product.end_session)(request)
    return found


def complete_account(product: Product, request: Request) -> Account | None:
    """Whom the native session of this request names; None for nobody, and while a second factor is under way."""
    account = product.current_account(request)
    return account if account is not None and product.is_complete(request) else None


def account_before(product: Product, request: Request) -> Account | None:
    """Whom the session names before a proof; None for nobody, and for what is half a sign-in for certain (PR05).

    What may be a whole one is somebody, though nothing in the session says that it is.
    """
    account = product.current_account(request)
    return None if account is None or _is_half(product, request) else account


def _is_half(product: Product, request: Request) -> bool:
    own = getattr(product, "is_half", None)
    return not product.is_complete(request) if own is None else bool(own(request))


def account_after(product: Product, request: Request, headers: Headers) -> Account | None:
    """Whom the session names once an answer with these headers is there; None for nobody, and for half a sign-in.

    Asked when the product has answered `request`, its session stored, and not a byte of the answer sent.
    request: as it came; its `raw` is a copy from before the product had it.
    """
    own = getattr(product, "account_after", None)
    if own is None:
        return complete_account(product, answered(request, headers))
    found: Account | None = own(request, headers)
    return found


def answered(request: Request, headers: Headers, path: str = "") -> Request:
    """What this browser would ask for next: a GET without a body, its cookies as the answer leaves them.

    path: of the application, else that of `request`. Of `raw`, a WSGI environ and an ASGI scope are changed likewise;
    what else a shell may hand over is left as it is, and an adapter for it says `account_after` itself.
    """
    cookies = with_cookies(request.headers.get("cookie", ""), headers)
    path = path or request.path
    dropped = ("content-type", "content-length", "transfer-encoding")
    kept = {name: value for name, value in request.headers.items() if name not in dropped}
    raw = _raw(request.raw, cookies, path) if isinstance(request.raw, Mapping) else request.raw
    return replace(
        request, method="GET", path=path, query_string="", headers={**kept, "cookie": cookies}, body=b"", raw=raw
    )


def with_cookies(sent: str, headers: Headers) -> str:
    """The Cookie header `sent`, once the browser has taken in every Set-Cookie among `headers` (RFC 6265, 5.3).

    One that is set takes the place of every cookie of its name, wherever that came from. Domain and Path tell apart
    what the answer sets and what it takes away, no more: they are the product's own, for its own session.
    """
    stored: dict[tuple[str, str, str], str | None] = {}
    for name, value in headers:
        if name.lower() == "set-cookie":
            key, kept = _read(value)
            stored.pop(key, None)
            stored[key] = kept
    given = {key[0]: value for key, value in stored.items() if value is not None}
    named = {key[0] for key in stored}
    pairs = [pair.strip(" \t") for pair in sent.split(";")]
    others = [pair for pair in pairs if pair and pair.partition("=")[0] not in named]
    return "; ".join((*others, *(f"{name}={value}" for name, value in given.items())))


def _read(header: str) -> tuple[tuple[str, str, str], str | None]:
    """(name, domain, path) and the value, None for a cookie that is taken away."""
    pair, *rest = header.split(";")
    name, _, value = pair.partition("=")
    said = {key.strip().lower(): text.strip() for key, _, text in (part.partition("=") for part in rest)}
    key = (name.strip(" \t"), said.get("domain", "").lstrip(".").lower(), said.get("path", ""))
    return key, None if _is_over(said) else value.strip(" \t")


def _is_over(said: Mapping[str, str]) -> bool:
    age = said.get("max-age", "")
    if age.removeprefix("-").isdigit():  # wins over Expires (RFC 6265, 4.1.2.2)
        return int(age) <= 0
    try:
        expires = parsedate_to_datetime(said["expires"].replace("-", " "))
    except (KeyError, ValueError):
        return False
    return expires.replace(tzinfo=expires.tzinfo or UTC) <= datetime.now(UTC)


def _raw(raw: Mapping[str, Any], cookies: str, path: str) -> dict[str, Any]:
    return _scope(raw, cookies, path) if "headers" in raw and "type" in raw else _environ(raw, cookies, path)


def _environ(environ: Mapping[str, Any], cookies: str, path: str) -> dict[str, Any]:
    """PEP 3333. What Werkzeug keeps of the request that was is left behind."""
    rest = {key: value for key, value in environ.items() if not key.startswith("werkzeug.")}
    gone = ("CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING", "HTTP_COOKIE")
    return {
        **{key: value for key, value in rest.items() if key not in gone},
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": "",
        "HTTP_COOKIE": cookies,
        "wsgi.input": io.BytesIO(),
    }


def _scope(scope: Mapping[str, Any], cookies: str, path: str) -> dict[str, Any]:
    dropped = (b"cookie", b"content-type", b"content-length", b"transfer-encoding")
    headers = [(name, value) for name, value in scope["headers"] if name.lower() not in dropped]
    root = scope.get("root_path", "").rstrip("/")
    whole = root + path if scope["path"].startswith(root) else path  # the mount is inside the path, but for old servers
    return {
        **scope,
        "method": "GET",
        "path": whole,
        "raw_path": quote(whole).encode(),
        "query_string": b"",
        "headers": [*headers, (b"cookie", cookies.encode("latin-1"))],
    }
