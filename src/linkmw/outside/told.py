"""Around an application that is told who somebody is: what a request says of that itself is off, and linkmw says it.

Stands inside of everything else of linkmw's, so that nothing reaches the application by another way. Standard library
only: it is there also where linkmw is off (HT10).
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from linkmw.run import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from linkmw.http import Request
    from linkmw.outside.remote_user import RemoteUserProduct

log = logging.getLogger("linkmw")


def alike(name: str) -> re.Pattern[str]:
    """Every spelling that some server, proxy or framework reads as `name`, which is as the settings have it.

    In any case, with anything but letters and digits for its hyphens (CVE-2025-64484, HT10), as a header or as a
    variable made of one; REDIRECT_ is what Apache puts in front of a variable on its way.
    """
    words = r"[\W_]+".join(re.split(r"[-_]", name))
    return re.compile(rf"[\W_]*((HTTP|REDIRECT)[\W_]+)*{words}[\W_]*", re.ASCII | re.IGNORECASE)


class Told:
    """What the two have in common. product: whose sessions say it; None: nobody is told, for linkmw cannot cover it."""

    def __init__(self, app: Any, name: str, product: RemoteUserProduct | None = None) -> None:
        self._app, self._product = app, product
        self._alike = alike(name).fullmatch

    def _name(self, request: Request) -> str:
        """Whom to tell; "" for nobody, and where that cannot be said."""
        try:
            return self._product.told(request) if self._product else ""
        except Exception:
            log.exception("linkmw could not say who is signed in, so the application is told nobody")
            return ""


class WsgiTold(Told):
    """`app`, which reads the name from the environment."""

    def __init__(self, app: Any, name: str, product: RemoteUserProduct | None = None) -> None:
        super().__init__(app, name, product)
        self._key = name if name == "REMOTE_USER" else f"HTTP_{name.upper().replace('-', '_')}"

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        for key in [key for key in environ if self._alike(key)]:
            del environ[key]
        if self._product is not None and self._product.own in environ.get("HTTP_COOKIE", ""):
            from linkmw.wsgi import request_of

            if name := self._name(request_of(environ, environ.get("PATH_INFO", ""))):
                environ[self._key] = name.encode().decode("latin-1")  # PEP 3333: octets as Latin-1 text
        answer: Iterable[bytes] = self._app(environ, start_response)
        return answer


class AsgiTold(Told):
    """`app`, which reads the name from a header; a websocket's handshake is one like any other."""

    def __init__(self, app: Any, name: str, product: RemoteUserProduct | None = None) -> None:
        super().__init__(app, name, product)
        self._header = name.lower().encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if "headers" in scope:
            kept = [pair for pair in scope["headers"] if not self._alike(pair[0].decode("latin-1"))]
            scope = {**scope, "headers": kept}
            if self._product is not None and self._brings(kept, self._product.own.encode()):
                from linkmw.asgi import request_of

                if name := await in_thread(self._name, request_of({"method": "GET", **scope}, scope["path"])):
                    kept.append((self._header, name.encode()))
        await self._app(scope, receive, send)

    @staticmethod
    def _brings(headers: list[tuple[bytes, bytes]], own: bytes) -> bool:
        return any(name.lower() == b"cookie" and own in value for name, value in headers)
