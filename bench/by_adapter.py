"""An application that linkmw knows by an adapter file alone, as the example of docs/adapters.md.

Its session is a signed cookie of its own, which it reads in each request, and so does the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from bench.signed_in import NATIVE, Loop, Truth, asgi_app, asked_each_time, awaiting, calling, wsgi_app
from bench.unclaimed import ON, SCOPE
from itsdangerous import BadSignature, URLSafeSerializer

from linkmw.gate.guard import MARKER
from linkmw.gate.in_force import InForce
from linkmw.model import Marker
from linkmw.outside.cover import Interface, covered
from linkmw.outside.hooks import text_of

_SIGNER = URLSafeSerializer("k" * 32)


def read(text: str) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], _SIGNER.loads(text))
    except BadSignature:
        return {}


class Adapter:
    """What the operator's file says."""

    cookies = ("shop_session",)

    def user_of(self, request: Any) -> Any:
        return read(request.cookies.get("shop_session", "")).get("user")

    def marker_of(self, request: Any) -> Any:
        return read(request.cookies.get("shop_session", "")).get("linkmw")

    def start(self, request: Any, user: Any, marker: str) -> Any:
        raise NotImplementedError("nobody signs in here")


class SelfContained(Adapter):
    """The same, and that the same cookie is always the same session."""

    self_contained = True


def _cookie() -> str:
    sid, expires = cast(list[Any], NATIVE[MARKER])
    return f"shop_session={_SIGNER.dumps({'user': '17', 'linkmw': text_of(Marker(sid, expires))})}"


def _session_in(header: str) -> dict[str, Any]:
    given = (pair.strip().partition("=") for pair in header.split(";"))
    return read(next((value for name, _, value in given if name == "shop_session"), ""))


async def asgi_reading(scope: Any, receive: Any, send: Any) -> None:
    header = next((value for name, value in scope["headers"] if name == b"cookie"), b"")
    await asgi_app({**scope, "session": _session_in(header.decode())}, receive, send)


def wsgi_reading(environ: Any, start_response: Any) -> Iterable[bytes]:
    return wsgi_app({**environ, "session": _session_in(environ.get("HTTP_COOKIE", ""))}, start_response)


def asgi_variants(url: str) -> dict[str, Loop]:
    pairs = [(name, value) for name, value in cast(list[Any], SCOPE["headers"]) if name != b"cookie"]
    scope = {**SCOPE, "headers": [*pairs, (b"cookie", f"csrftoken=abc; {_cookie()}".encode())]}
    with asked_each_time():
        asking = awaiting(_known(asgi_reading, "asgi", url), Truth(url), scope)
    return {
        "ASGI application, its cookie read": awaiting(asgi_reading, None, scope),
        "the same again (control)": awaiting(asgi_reading, None, scope),
        "+ linkmw, by an adapter file": awaiting(_known(asgi_reading, "asgi", url), Truth(url), scope),
        "+ the same, self_contained": awaiting(_known(asgi_reading, "asgi", url, "SelfContained"), Truth(url), scope),
        "+ the same, Redis asked each time": asking,
    }


def wsgi_variants(url: str) -> dict[str, Loop]:
    cookie = f"csrftoken=abc; {_cookie()}"
    with asked_each_time():
        asking = calling(_known(wsgi_reading, "wsgi", url), Truth(url), cookie)
    return {
        "WSGI application, its cookie read": calling(wsgi_reading, None, cookie),
        "the same again (control)": calling(wsgi_reading, None, cookie),
        "+ linkmw, by an adapter file": calling(_known(wsgi_reading, "wsgi", url), Truth(url), cookie),
        "+ the same, self_contained": calling(_known(wsgi_reading, "wsgi", url, "SelfContained"), Truth(url), cookie),
        "+ the same, Redis asked each time": asking,
    }


def _known(app: Any, interface: Interface, url: str, adapter: str = "Adapter") -> Any:
    settings = replace(ON, redis_url=url, adapter=f"{__file__}:{adapter}", signed_in_path="/account")
    return covered(app, interface, InForce.fixed(settings))
