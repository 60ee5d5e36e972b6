"""A Starlette or FastAPI application: linkmw right behind its session middleware. Imported once Starlette is."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware

from linkmw.http import Request
from linkmw.outside import said, session_key
from linkmw.outside.adapter_file import Adapter
from linkmw.outside.cover import AlreadyCovered
from linkmw.outside.said import NotCovered, Recognised
from linkmw.settings import Settings
from linkmw_starlette import LinkMiddleware, Product
from linkmw_starlette.bridge import blocking

NOBODY_KNOWN = (
    "this Starlette application does not say who is signed in: name the key of its session with LINKMW_SESSION_KEY, or "
    "an adapter with LINKMW_ADAPTER (docs/adapters.md)"
)
NO_SESSIONS = (
    "this Starlette application has no SessionMiddleware: name an adapter with LINKMW_ADAPTER (docs/adapters.md)"
)


def cover(app: Starlette, adapter: Adapter | None, settings: Settings) -> None:
    """`app` has linkmw in its middleware, made anew if it was made before. Raises NotCovered, AlreadyCovered."""
    kinds = [one.cls for one in app.user_middleware]
    if any(isinstance(kind, type) and issubclass(kind, LinkMiddleware) for kind in kinds):
        raise AlreadyCovered
    if not settings.session_key:
        raise NotCovered(NOBODY_KNOWN)
    sessions = [at for at, kind in enumerate(kinds) if "session" in getattr(kind, "__name__", "").lower()]
    if not sessions:
        raise NotCovered(NO_SESSIONS)
    product = OutsideProduct(adapter, settings.session_key)
    app.user_middleware.insert(sessions[-1] + 1, Middleware(LinkMiddleware, product=product))
    app.middleware_stack = None
    said.recognised(_recognised(product, settings, kinds[sessions[-1]]))


class OutsideProduct(Product):
    """An application told by the key of its session, and by the operator's adapter file where that says more."""

    def __init__(self, adapter: Adapter | None, named: str) -> None:
        key, load_one = session_key.read(named)
        self._adapter = adapter
        told: dict[str, Any] = {
            "load": load_one,
            **(adapter.hooks if adapter else {}),
        }
        super().__init__(session_key=key, **told)
        self.tells_complete = adapter is not None and adapter.has("complete")
        self._complete = blocking(adapter.complete) if adapter else None

    def is_complete(self, request: Request) -> bool:
        return super().is_complete(request) and (self._complete is None or bool(self._complete(request)))


def _recognised(product: OutsideProduct, settings: Settings, sessions: Any) -> Recognised:
    return Recognised(
        framework=f"Starlette {metadata.version('starlette')}",
        accounts=f"session[{settings.session_key.partition(':')[0]!r}]",
        sessions=sessions.__name__,
        login_paths=settings.login_paths,
        second_factor=said.BY_ITS_OWN_LOGIN,
        proof=said.proof(product, settings),
    )
