"""A Django project: linkmw in its chain of middleware, without a line of its settings. Imported once Django is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import metadata
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.asgi import ASGIHandler
from django.utils.module_loading import import_string

from linkmw.errors import SettingsError
from linkmw.outside import adapter_file, said
from linkmw.outside.adapter_file import Adapter
from linkmw.outside.cover import AlreadyCovered
from linkmw.outside.said import NotCovered, Recognised
from linkmw.settings import Settings
from linkmw_django import LinkMiddleware, second_factor
from linkmw_django import configuration as known
from linkmw_django.configuration import Configuration
from linkmw_django.product import Product

log = logging.getLogger("linkmw")

NO_AUTHENTICATION = (
    "this Django project has no AuthenticationMiddleware in MIDDLEWARE: nothing says who is signed in. Name an adapter "
    "with LINKMW_ADAPTER (docs/adapters.md)"
)
REMOTE_USER = (
    "sign-ins by RemoteUserMiddleware: whoever sits in front of this project names its users, and linkmw sees no "
    "login. LINKMW_REMOTE_USER puts linkmw in that place (docs/wrapping.md)"
)

# One chain at a time: another thread's would find MIDDLEWARE changed. A middleware may make a handler of its own.
_changing = threading.RLock()


class OutsideMiddleware(LinkMiddleware):
    """What stands in the chain, with what the operator's adapter file adds."""

    adapter: Adapter | None = None

    def product_of(self, configuration: Configuration) -> Product:
        return AdaptedProduct(configuration, self.adapter) if self.adapter else Product(configuration)


class AdaptedProduct(Product):
    """A project of which an adapter file knows more: whether a sign-in is whole, and what else its sessions hold."""

    def __init__(self, configuration: Configuration, adapter: Adapter) -> None:
        super().__init__(configuration)
        self._adapter = adapter

    def is_complete(self, request: Any) -> bool:
        return super().is_complete(request) and self._adapter.complete(request)

    def is_half(self, request: Any) -> bool:
        return super().is_half(request) or not self._adapter.complete(request)

    def account_after(self, request: Any, headers: Any) -> Any:
        return super().account_after(request, headers) if self._adapter.complete(request) else None

    def start_session(self, request: Any, account_id: str, marker: Any) -> Any:
        headers = super().start_session(request, account_id, marker)
        for key, value in self._adapter.session_of(request, request.raw.user).items():
            request.raw.session.setdefault(key, value)
        return headers


OURS = f"{__name__}.{OutsideMiddleware.__name__}"


def cover(handler: Any, adapter: Adapter | None) -> None:
    """The chain of `handler` is made anew, with linkmw in it. Raises NotCovered, AlreadyCovered."""
    with middleware(adapter):
        handler.load_middleware(**({"is_async": True} if isinstance(handler, ASGIHandler) else {}))


@contextmanager
def tried(settings: Settings) -> Iterator[None]:
    """The same for a chain that is made anyhow: what cannot be covered is said, and the chain is the project's own."""
    with ExitStack() as stack:
        try:
            stack.enter_context(middleware(adapter_file.of(settings)))
        except AlreadyCovered:
            pass
        except (NotCovered, SettingsError) as why:
            said.not_covered(why)
        except Exception:
            log.exception("linkmw is OFF, the application is as ever: its middleware could not be looked at")
        yield


@contextmanager
def middleware(adapter: Adapter | None) -> Iterator[None]:
    """While a chain is made inside, MIDDLEWARE names linkmw too. Raises NotCovered, AlreadyCovered."""
    with _changing:
        names = list(django_settings.MIDDLEWARE)
        changed = placed(names, import_string)
        _discover()
        OutsideMiddleware.adapter = adapter
        django_settings.MIDDLEWARE = changed
        try:
            yield
        finally:
            django_settings.MIDDLEWARE = names
    said.recognised(_recognised(names))


def placed(names: Sequence[str], imported: Callable[[str], Any]) -> list[str]:
    """MIDDLEWARE with ours right behind what makes `request.user`, in front of what judges it.

    imported: the middleware of a name. Raises NotCovered where nothing makes it, AlreadyCovered where ours is there.
    """
    kinds = [imported(name) for name in names]
    if any(isinstance(kind, type) and issubclass(kind, LinkMiddleware) for kind in kinds):
        raise AlreadyCovered
    makers = [at for at, kind in enumerate(kinds) if _is(kind, AuthenticationMiddleware)]
    if not makers:
        raise NotCovered(NO_AUTHENTICATION)
    sessions = [at for at, kind in enumerate(kinds) if _is(kind, SessionMiddleware)]
    place = max(makers + sessions) + 1
    return [*names[:place], OURS, *names[place:]]


def _is(kind: Any, known_kind: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, known_kind)


def _discover() -> None:
    """The login routes are known, where the project says nothing of them to linkmw."""
    from linkmw_django import routes

    paths = routes.login_pages()
    if paths:
        known.discovered["login_paths"] = paths


def _recognised(names: Sequence[str]) -> Recognised:
    settings = known.in_force().settings
    untold = second_factor.untold(settings, own_secrets=bool(known.configuration(settings).totp_secret))
    remote_user = REMOTE_USER if any(name.endswith("RemoteUserMiddleware") for name in names) else ""
    return Recognised(
        framework=f"Django {metadata.version('django')}",
        accounts=django_settings.AUTH_USER_MODEL,
        sessions=f"{django_settings.SESSION_ENGINE.rpartition('.')[2]}, cookie {django_settings.SESSION_COOKIE_NAME}",
        login_paths=settings.login_paths,
        second_factor="django-otp" if "django_otp" in django_settings.INSTALLED_APPS else "none known",
        proof=said.proof(Product, settings),
        limits=tuple(limit for limit in (remote_user, untold) if limit),
    )
