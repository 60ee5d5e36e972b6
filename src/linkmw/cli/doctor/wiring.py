"""How linkmw is put into the product: what the framework says, where this process has one at hand."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click

from linkmw.cli.doctor import catalogue as checks
from linkmw.cli.doctor.findings import Finding
from linkmw.gate.proof_kind import checks_passwords
from linkmw.settings import Settings, load

_INNER = ("wsgi_app", "_app", "app", "application")  # what those who wrap an application call it
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Product:
    """The product as this process knows it. configured: what its framework's configuration says of linkmw.

    checks_passwords: does its adapter? None: the adapter is not seen from here.
    """

    settings: Settings
    configured: Mapping[str, Any]
    application: object | None = None
    django: bool = False
    checks_passwords: bool | None = None


def read(named: str) -> Product:
    """named: `module:attribute` of the WSGI or ASGI application, or "". Raises BadParameter."""
    if named:
        application = _imported(named)
        inside = _layers(application)
        checks = next((checks_passwords(one) for one in _adapters(application)), None)
        return Product(inside[0] if inside else load(), {}, application, checks_passwords=checks)
    if os.environ.get("DJANGO_SETTINGS_MODULE"):
        return _of_django()
    flask = sys.modules.get("flask")
    if flask is not None and flask.has_app_context():
        application = flask.current_app._get_current_object()
        found = application.extensions.get("linkmw")
        return Product(found or load(), {}, application)
    return Product(load(), {})


def findings(product: Product) -> Iterator[Finding]:
    if product.django:
        yield from _django(product.settings)
    elif product.application is not None:
        yield _wrapped(len(_layers(product.application)), product.application)
        yield from _starlette(product.application)


def _imported(named: str) -> object:
    module, _, attribute = named.partition(":")
    sys.path.insert(0, "")
    try:
        found: object = getattr(importlib.import_module(module), attribute or "application")
    except (ImportError, AttributeError) as error:
        raise click.BadParameter(f"{named} cannot be imported: {error}", param_hint="--app") from None
    return found


def _of_django() -> Product:
    try:
        import django
        from django.conf import settings as configured

        from linkmw_django.configuration import configuration

        sys.path.insert(0, "")
        django.setup()
    except ImportError as error:
        raise click.UsageError(f"DJANGO_SETTINGS_MODULE cannot be used: {error}") from None
    return Product(configuration().settings, getattr(configured, "LINKMW", {}), django=True, checks_passwords=True)


def _django(ours: Settings) -> Iterator[Finding]:
    from django.core.checks import ERROR

    from linkmw_django import checks as of_django

    said = of_django.middleware_order()
    for message in said:
        found = f"{message.msg} ({message.id})"
        wrong = message.level >= ERROR or message.id == "linkmw.W001"
        yield (checks.MIDDLEWARE.wrong if wrong else checks.MIDDLEWARE.warning)(found, str(message.hint))
    if not said:
        yield checks.MIDDLEWARE.ok("in its place")
    yield from _django_cookie(ours)


def _django_cookie(ours: Settings) -> Iterator[Finding]:
    from django.conf import settings

    if str(settings.SESSION_COOKIE_SAMESITE).lower() == "strict":
        yield checks.COOKIE.warning("SESSION_COOKIE_SAMESITE is Strict")
    if ours.public_url.startswith("https:") and not settings.SESSION_COOKIE_SECURE:
        yield checks.COOKIE.warning("SESSION_COOKIE_SECURE is off")


def _wrapped(times: int, application: object) -> Finding:
    if times == 1:
        return checks.MIDDLEWARE.ok("wrapped once")
    if not times:
        from linkmw.outside import cover

        found = cover.tried(application).recognised
        if found is not None:
            return checks.MIDDLEWARE.warning(
                f"the application is not wrapped; started by `linkmw run` it is: {found}",
                "\n".join(f"not covered: {limit}" for limit in found.limits),
            )
    return checks.MIDDLEWARE.wrong("the application is not wrapped" if not times else f"wrapped {times} times")


def _layers(application: object) -> list[Settings]:
    """The settings of each LinkMiddleware that the application is wrapped in, the outermost first."""
    from linkmw import asgi, wsgi

    found: list[Settings] = []
    for layer in _inwards(application):
        if isinstance(layer, asgi.LinkMiddleware | wsgi.LinkMiddleware):
            read = vars(layer).get("_settings")
            found.append(read if isinstance(read, Settings) else load())
        found += [load(one.kwargs.get("settings")) for one in _added(layer) if issubclass(one.cls, asgi.LinkMiddleware)]
    return found


def _adapters(application: object) -> Iterator[Any]:
    """The adapter of each of them."""
    from linkmw import asgi, wsgi

    for layer in _inwards(application):
        if isinstance(layer, asgi.LinkMiddleware | wsgi.LinkMiddleware):
            yield vars(layer).get("_product")
        yield from (one.kwargs.get("product") for one in _added(layer) if issubclass(one.cls, asgi.LinkMiddleware))


def _inwards(application: object) -> Iterator[object]:
    """The application and what it is wrapped around, the outermost first."""
    layer: object | None = application
    for _ in range(_DEEPEST):
        if layer is None:
            return
        yield layer
        layer = _inside(layer)


def _inside(layer: object) -> object | None:
    return (
        next((inner for name in _INNER if (inner := vars(layer).get(name)) is not None), None) if _has(layer) else None
    )


def _has(layer: object) -> bool:
    return hasattr(layer, "__dict__")


def _added(layer: object) -> list[Any]:
    """What Starlette is going to wrap its routes in, the outermost first; nothing for anything else."""
    return [one for one in getattr(layer, "user_middleware", ()) if isinstance(getattr(one, "cls", None), type)]


def _starlette(application: object) -> Iterator[Finding]:
    names = [one.cls.__name__ for one in _added(application)]
    if "LinkMiddleware" not in names:
        return
    if "SessionMiddleware" in names[names.index("LinkMiddleware") :]:
        yield checks.MIDDLEWARE.wrong("LinkMiddleware is in front of SessionMiddleware")
