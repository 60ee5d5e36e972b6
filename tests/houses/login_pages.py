"""Login pages as real applications have them, for a browser to look at: with policies, scripts, compression."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from typing import Any

STYLE = """
:root { color-scheme: light dark; }
* { box-sizing: border-box; }
body { font: 16px sans-serif; margin: 0; background: #f4f4f4; color: #222; }
main { max-width: 22rem; margin: 2rem auto; padding: 1.5rem; background: #fff; }
input, form button { display: block; inline-size: 100%; min-height: 2.75rem; margin: .25rem 0 1rem; }
a { color: red; text-transform: uppercase; letter-spacing: 3px; }
#root { position: fixed; inset: 0; overflow: auto; z-index: 1000; background: inherit; }
aside { border: 1px solid; padding: .5rem; margin-block-start: 1rem; }
@media (prefers-color-scheme: dark) { body { background: #14161a; color: #eee; } main { background: #22262e; } }
"""
FORM = (
    '<form method="post"><label>Username <input name="u"></label>'
    '<label>Password <input name="p" type="password"></label><button>Log in</button></form>'
)
# As the frameworks of single-page applications do: what is to be seen comes later, by a script.
SCRIPT = f"""
const root = document.getElementById("root");
setTimeout(() => {{ root.innerHTML = `<main><h1>Log in to Orders</h1>{FORM}</main>`; }}, 50);
"""
SELF = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'"
NONCE = (
    "default-src 'self'; style-src 'self'; script-src 'nonce-r4nd0m' 'strict-dynamic'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'"
)


def document(body: str) -> bytes:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Orders</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="style.css">'
        f"</head><body>{body}</body></html>"
    ).encode()


def with_form(after: str = "") -> bytes:
    return document(f"<main><h1>Log in to Orders</h1>{FORM}{after}</main>")


# path → page, policy
PAGES: dict[str, tuple[bytes, str]] = {
    "/login": (with_form(), SELF),
    "/nonce": (with_form(), NONCE),
    "/marker": (with_form("<p>or</p><aside><!-- linkmw --></aside><p>Forgotten?</p>"), SELF),
    "/tag": (with_form("<aside><linkmw-button></linkmw-button></aside><p>Forgotten?</p>"), SELF),
    "/spa": (document('<div id="root"></div><script src="app.js"></script>'), SELF),
    "/spa-nonce": (document('<div id="root"></div><script nonce="r4nd0m" src="app.js"></script>'), NONCE),
    "/compressed": (with_form(), SELF),  # whenever it may be
    "/compressed-always": (with_form(), SELF),
    "/chunked": (with_form(), SELF),
}
STREAMED = ("/chunked",)
CARRYING = tuple(path for path in PAGES if path != "/compressed-always")


def product(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path in ("/style.css", "/app.js"):
        kind, body = ("text/css", STYLE) if path == "/style.css" else ("text/javascript", SCRIPT)
        start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body.encode()]
    if path not in PAGES:
        start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return [b""]
    page, policy = PAGES[path]
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", policy)]
    if path == "/compressed-always" or (path == "/compressed" and "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")):
        page = gzip.compress(page)
        headers.append(("Content-Encoding", "gzip"))
    if path in STREAMED:
        start_response("200 OK", headers)
        return (page[at : at + 50] for at in range(0, len(page), 50))
    start_response("200 OK", [*headers, ("Content-Length", str(len(page)))])
    return [page]
