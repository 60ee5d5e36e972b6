"""What the products of these tests answer: the same pages in every framework, and what was posted, said back."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass, field

FORM = b'<form method=post><input name=u><input type="password" name=p></form>'
PAGE = b"<!doctype html><html><body><h1>Sign in</h1>" + FORM + b"<p>more</p></body></html>"
HTML = {"Content-Type": "text/html; charset=utf-8"}


@dataclass(frozen=True)
class Page:
    """chunks: one is a plain answer with its length, several are streamed. tagged: a 304 to who names the ETag."""

    chunks: tuple[bytes, ...]
    headers: dict[str, str] = field(default_factory=lambda: dict(HTML))
    status: int = 200


def html(*chunks: bytes, **headers: str) -> Page:
    return Page(chunks, {**HTML, **{name.replace("_", "-"): value for name, value in headers.items()}})


# Pages that get the button, and the reason why one might think otherwise.
DECORATED = {
    "/login": html(PAGE),
    "/login/chunked": html(PAGE[:10], PAGE[10:60], PAGE[60:]),
    "/login/length": html(PAGE, Content_Length=str(len(PAGE))),
    "/login/tagged": html(PAGE, ETag='"v1"', Last_Modified="Sat, 21 Nov 2026 00:00:00 GMT"),
    "/login/public": html(PAGE, Cache_Control="public, max-age=600", Expires="Sun, 21 Nov 2027 00:00:00 GMT"),
    "/login/guarded": html(
        PAGE,
        Content_Security_Policy="default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'",
        X_Frame_Options="DENY",
        Cross_Origin_Opener_Policy="same-origin",
        Strict_Transport_Security="max-age=60",
    ),
    "/login/unclosed": html(b"<!doctype html><title>x</title><form><input type=password>"),
    "/login/latin": html(PAGE.replace(b"more", b"\xfcber"), Content_Type="text/html; charset=iso-8859-1"),
    "/login/nonce": html(
        PAGE.replace(b"<h1>", b'<style nonce="n0">h1{}</style><h1>'),
        Content_Security_Policy="default-src 'none'; style-src 'nonce-n0'; script-src 'nonce-n0'",
    ),
}
# Pages that are left as they are.
UNTOUCHED = {
    "/login/gzip": html(gzip.compress(PAGE, mtime=0), Content_Encoding="gzip", Vary="Accept-Encoding"),
    "/login/br": html(b"\x0b\x02\x80not really", Content_Encoding="br"),
    "/login/utf16": html(PAGE.decode().encode("utf-16"), Content_Type="text/html; charset=utf-16"),
    "/login/utf16-unsaid": html(PAGE.decode().encode("utf-16")),
    "/login/fragment": html(b"<p>" + FORM.replace(b"password", b"text") + b"</p>"),
    "/login/empty": html(b""),
    "/login/json": Page((b'{"login": "<form></form></body>"}',), {"Content-Type": "application/json"}),
    "/login/xhtml": Page((PAGE,), {"Content-Type": "application/xhtml+xml"}),
    "/login/refused": Page((PAGE,), HTML, 401),
    "/login/broken": Page((PAGE,), HTML, 500),
    "/login/elsewhere": Page((b"",), {**HTML, "Location": "/home"}, 302),
    "/login/large": html(*[b"<html>" + b"x" * 400_000] * 6),
    "/login/events": Page((b"data: 1\n\n", b"data: 2\n\n"), {"Content-Type": "text/event-stream"}),
}
PAGES = {**DECORATED, **UNTOUCHED}
ECHO = ("/echo", "/.linkmw/accounts", "/.linkmw/nothing")  # POST: what the product received
LOGIN_PATHS = tuple(PAGES)


def received(body: bytes, content_type: str) -> bytes:
    """What a product says of a body it received, to the byte."""
    return f"{len(body)} {hashlib.sha256(body).hexdigest()} {content_type}".encode()
