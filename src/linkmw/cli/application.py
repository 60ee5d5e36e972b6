"""linkmw as it stands in an application, for commands that run inside one."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any, ParamSpec, TypeVar

import click

from linkmw.errors import SettingsError
from linkmw.gate.ports import Product
from linkmw.settings import Settings, load

P = ParamSpec("P")
T = TypeVar("T")

# What servers, session middleware and the like call the application they stand around.
_INSIDE = ("app", "_app", "wsgi_app", "application")
_DEPTH = 20


def _unknown() -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Application:
    """framework: with its version. configured: the settings in its own configuration, which is called `where`.

    unlisted: login routes that it has besides those in the settings. recognised: what `linkmw run` finds in it, and
    what that does not cover, where it has no linkmw of its own.
    """

    framework: str
    product: Product | None
    configured: Mapping[str, object] = field(default_factory=dict, repr=False)
    where: str = "the code"
    unlisted: Callable[[], Sequence[str]] = _unknown
    recognised: tuple[str, ...] = ()

    def call(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the adapter, from outside of any request."""
        outside: Callable[..., T] | None = getattr(self.product, "outside", None)
        return outside(function, *args, **kwargs) if outside else function(*args, **kwargs)


app_option = click.option(
    "--app",
    metavar="MODULE:ATTRIBUTE",
    default="",
    help="The application, as its server is told it; not needed in manage.py and flask.",
)


def of(ctx: click.Context, app: str = "") -> Application | None:
    """The application the command runs in, or the one that was named. Raises BadParameter, SettingsError."""
    return _loaded(app) if app else ctx.find_object(Application)


def settings_of(application: Application | None) -> Settings:
    """The settings as the application reads them; without one what its own configuration says is not seen."""
    return load(application.configured if application else None)


def hosts_of(settings: Settings) -> list[tuple[str, Settings]]:
    """The hosts with settings of their own, names of one table together: "a.example, b.example"."""
    tables: dict[Settings, list[tuple[str, Settings]]] = {}
    for host, own in settings.hosts:
        tables.setdefault(replace(own, problems=()), []).append((host, own))  # a problem names its host
    return [(", ".join(host for host, _ in of_one), of_one[0][1]) for of_one in tables.values()]


def _loaded(name: str) -> Application:
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise click.BadParameter(f"{name} is not like shop.main:app", param_hint="--app")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        loaded = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise click.BadParameter(f"{name} cannot be loaded: {error}", param_hint="--app") from None
    return _inside(loaded) or _from_outside(name, loaded)


def _from_outside(name: str, loaded: Any) -> Application:
    """An application with no linkmw of its own, as `linkmw run` covers it."""
    from linkmw.outside import cover

    found = cover.tried(loaded)
    if found.recognised is None:
        raise SettingsError(
            f"{name} has no linkmw in it, and `linkmw run` does not cover it: {found.why or 'it is off'}"
        )
    limits = (f"not covered: {limit}" for limit in found.recognised.limits)
    return Application(found.recognised.framework, None, recognised=(str(found.recognised), *limits))


def _inside(loaded: Any) -> Application | None:
    """The first linkmw on the way in: a shell, or what a Starlette application is to be built with."""
    for _ in range(_DEPTH):
        if loaded is None:
            return None
        middleware = getattr(loaded, "user_middleware", None)
        for one in middleware if isinstance(middleware, list) else ():
            if "product" in one.kwargs and one.cls.__name__ == "LinkMiddleware":
                configured = one.kwargs.get("settings") or {}
                return Application(f"Starlette {metadata.version('starlette')}", one.kwargs["product"], configured)
        if hasattr(loaded, "_in_force") and hasattr(loaded, "_product"):
            return Application(type(loaded).__module__, loaded._product, getattr(loaded, "configured", {}))
        loaded = next((inner for name in _INSIDE if (inner := vars(loaded).get(name)) is not None), None)
    return None
