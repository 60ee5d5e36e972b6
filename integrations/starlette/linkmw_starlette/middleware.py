"""Pure ASGI middleware: `linkmw.asgi` with settings given in code and a way back to the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from linkmw import asgi
from linkmw.settings import load
from linkmw_starlette.bridge import LOOP
from linkmw_starlette.product import Product

log = logging.getLogger("linkmw")


class LinkMiddleware(asgi.LinkMiddleware):
    """`Middleware(LinkMiddleware, product=product)`, after the SessionMiddleware that fills `scope["session"]`.

    settings: as in `linkmw.settings.Settings`; the environment wins over them.
    """

    def __init__(self, app: ASGIApp, *, product: Product, settings: Mapping[str, object] | None = None) -> None:
        super().__init__(app, product=product, settings=load(settings))
        self._said = False

    @staticmethod
    def routed(path: str) -> str:
        """Starlette's routes end in `$`, which lets one line break at the end of a path through (HT03)."""
        return path.removesuffix("\n")

    async def _ours(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "session" not in scope:
            self._say_no_session()
            await self._app(scope, receive, send)
            return
        LOOP.set(asyncio.get_running_loop())
        await super()._ours(scope, receive, send)

    def _say_no_session(self) -> None:
        if not self._said:
            self._said = True
            log.error(
                "linkmw is OFF: put SessionMiddleware in front of linkmw_starlette.LinkMiddleware in middleware=[…]"
            )
