"""The demo's inbox: a page that shows what the SMTP server caught, `messages.json` for programs, and one-time codes.

A mail's HTML is shown as hostile: in a frame without scripts, forms or our origin. Its links open in a new tab.
"""

from __future__ import annotations

import base64
import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import jinja2
import uvicorn
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from linkmw.demo.parts.smtp import Mailbox, Message

STEP_SECONDS = 30  # RFC 6238, 5.2: what every authenticator app shows
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'"
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: http: https:;"
    " sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'"
)
_BASE = '<base target="_blank">'
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
_LINK = re.compile(r"(https?://[^\s<>\"]+)")

_TEMPLATES = {
    "page.html": """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{% block title %}{% endblock %}</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
  body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
  nav a { margin-inline-end: 1rem; }
  table { width: 100%; border-collapse: collapse; }
  th, td { text-align: start; padding: .5rem; border-bottom: 1px solid #8886; vertical-align: top; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
  dd { margin: 0; overflow-wrap: anywhere; }
  iframe { width: 100%; height: 40rem; border: 1px solid #8886; border-radius: .5rem; background: #fff; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; border: 1px solid #8886; border-radius: .5rem; }
  .code { font: 1.25rem ui-monospace, monospace; }
</style>
</head>
<body>
<nav><a href="/">Inbox</a><a href="/codes">Verification codes</a></nav>
{% block body %}{% endblock %}
</body>
</html>
""",
    "list.html": """\
{% extends "page.html" %}
{% block title %}Inbox{% endblock %}
{% block body %}
<h1>Inbox</h1>
{% if messages %}
<table>
<thead><tr><th scope="col">Subject</th><th scope="col">To</th><th scope="col">Date</th></tr></thead>
<tbody>
{% for number, message in messages %}
<tr><td><a href="/messages/{{ number }}">{{ message.subject or "(no subject)" }}</a></td>
<td>{{ message.to }}</td><td>{{ message.date }}</td></tr>
{% endfor %}
</tbody>
</table>
{% else %}
<p>Nothing yet. Every mail that Keycloak, the hub or a product sends arrives here.</p>
{% endif %}
{% endblock %}
""",
    "message.html": """\
{% extends "page.html" %}
{% block title %}{{ message.subject }}{% endblock %}
{% block body %}
<h1>{{ message.subject or "(no subject)" }}</h1>
<dl>
<dt>From</dt><dd>{{ message.sender }}</dd>
<dt>To</dt><dd>{{ message.to }}</dd>
<dt>Date</dt><dd>{{ message.date }}</dd>
</dl>
{% if message.html %}
<h2>HTML part</h2>
<iframe title="The mail's HTML part" src="/messages/{{ number }}/html"
  sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>
{% endif %}
{% if message.text %}
<h2>Text part</h2>
<pre>{% for piece in pieces %}{% if loop.index is even -%}
<a href="{{ piece }}" target="_blank" rel="noreferrer">{{ piece }}</a>
{%- else %}{{ piece }}{% endif %}{% endfor %}</pre>
{% endif %}
{% endblock %}
""",
    "codes.html": """\
{% extends "page.html" %}
{% block title %}Verification codes{% endblock %}
{% block body %}
<h1>Verification codes</h1>
<p>What these people's authenticator apps show now, for {{ seconds }} more seconds. Each code works once.</p>
<table>
<thead><tr><th scope="col">Product</th><th scope="col">Account</th><th scope="col">Code</th></tr></thead>
<tbody>
{% for holder, code in codes %}
<tr><td>{{ holder.product }}</td><td>{{ holder.username }}</td><td class="code">{{ code }}</td></tr>
{% endfor %}
</tbody>
</table>
{% endblock %}
""",
}
_environment = jinja2.Environment(loader=jinja2.DictLoader(_TEMPLATES), autoescape=True)


@dataclass(frozen=True, slots=True)
class CodeHolder:
    """An account with a TOTP authenticator. secret: Base32."""

    product: str
    username: str
    secret: str = field(repr=False)


def build_app(mailbox: Mailbox, holders: Sequence[CodeHolder] = ()) -> Starlette:
    """The inbox over what is in `mailbox`."""

    async def messages_json(_: Request) -> Response:
        return JSONResponse([message.as_json() for message in mailbox.all()], headers=_no_store())

    async def index(_: Request) -> Response:
        newest_first = list(reversed(list(enumerate(mailbox.all()))))
        return _page("list.html", messages=newest_first)

    async def show(request: Request) -> Response:
        message = _chosen(mailbox, request)
        pieces = _LINK.split(message.text)
        return _page("message.html", message=message, number=request.path_params["number"], pieces=pieces)

    async def html_part(request: Request) -> Response:
        body = with_base(_chosen(mailbox, request).html)
        return HTMLResponse(body, headers={**_no_store(), "Content-Security-Policy": _MAIL_POLICY})

    async def codes(_: Request) -> Response:
        now = int(time.time())
        rows = [(holder, code_at(holder.secret, now)) for holder in holders]
        return _page("codes.html", codes=rows, seconds=STEP_SECONDS - now % STEP_SECONDS)

    return Starlette(
        routes=[
            Route("/", index),
            Route("/messages.json", messages_json),
            Route("/messages/{number:int}", show),
            Route("/messages/{number:int}/html", html_part),
            Route("/codes", codes),
        ]
    )


def code_at(secret: str, now: int) -> str:
    """What an authenticator app shows at `now` (RFC 6238, six digits). secret: Base32, old ones of 80 bits too."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    return TOTP(key, 6, SHA1(), STEP_SECONDS, enforce_key_length=False).generate(now).decode()


def with_base(html: str) -> str:
    """The mail with its links opening in a new tab: inside the frame the hub's pages would refuse to be shown."""
    found = _HEAD.search(html)
    at = found.end() if found else 0
    return html[:at] + _BASE + html[at:]


class InboxServer:
    """The inbox on loopback. By address: it has no cookies, and programs need no name for it."""

    def __init__(self, app: Starlette, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._socket = socket.socket()
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)

    def start(self) -> None:
        """It listens from the moment this returns."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", self._port))
        self._socket.listen()
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(5)
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _chosen(mailbox: Mailbox, request: Request) -> Message:
    messages = mailbox.all()
    number: int = request.path_params["number"]
    if number >= len(messages):
        raise HTTPException(404)
    return messages[number]


def _page(template: str, **values: object) -> Response:
    body = _environment.get_template(template).render(**values)
    return HTMLResponse(body, headers={**_no_store(), "Content-Security-Policy": _PAGE_POLICY})


def _no_store() -> dict[str, str]:
    return {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
