"""`wrap`: linkmw stands in front of an application afterwards, or inside of it where its framework has a place."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from linkmw.errors import SettingsError
from linkmw.gate.in_force import InForce, following
from linkmw.outside import recognise, said
from linkmw.outside.said import NotCovered
from linkmw.settings import Settings

if TYPE_CHECKING:
    from linkmw.gate.ports import Product
    from linkmw.outside.adapter_file import Adapter

log = logging.getLogger("linkmw")

Interface = Literal["wsgi", "asgi"]

NOTHING_KNOWN = (
    "nothing in this application says who is signed in: neither Django, nor Flask with Flask-Login, nor a session "
    "whose key is named by LINKMW_SESSION_KEY. Name an adapter with LINKMW_ADAPTER (docs/adapters.md)"
)
NO_COOKIES = (
    "the adapter does not name the `cookies` of a session: sent in an odd way, one would be somebody's to the "
    "application and nobody's to linkmw (docs/adapters.md)"
)
NO_CALLABLE = "this server was handed no WSGI or ASGI callable: there is nothing to stand in front of"


def wrapped(app: Any, interface: Interface, product: Product | None = None, settings: Settings | None = None) -> Any:
    """`app` as linkmw covers it; `app` itself where that is done inside of it, or cannot be done."""
    if product is None:
        return covered(app, interface, following() if settings is None else InForce.fixed(settings))
    if recognise.is_wrapped(app):
        said.twice()
        return app
    return _shell(interface)(app, product=product, settings=settings)


def covered(app: Any, interface: Interface, in_force: InForce, *, quietly: bool = False) -> Any:
    """The same by what is recognised in `app`. quietly: one that is covered already is no news. Never raises."""
    if not in_force.may_be_on:
        return app
    try:
        return _covered(app, interface, in_force)
    except AlreadyCovered:
        if not quietly:
            said.twice()
        return app
    except (NotCovered, SettingsError) as why:
        said.not_covered(why)
    except Exception:
        log.exception("linkmw is OFF, the application is as ever: it could not be wrapped")
    return _told_nobody(app, interface, in_force.settings)


def _covered(app: Any, interface: Interface, in_force: InForce) -> Any:
    from linkmw.outside import adapter_file

    if not callable(app):
        raise NotCovered(NO_CALLABLE)
    if recognise.is_wrapped(app):
        raise AlreadyCovered
    settings = in_force.settings
    adapter = adapter_file.of(settings)
    if name := adapter_file.remote_user(settings, adapter):
        return _by_remote_user(app, interface, in_force, name, adapter or adapter_file.Adapter(object()))
    if adapter is not None and adapter.is_whole:
        return _by_hooks(app, interface, in_force, adapter)
    found = list(recognise.inside(app))
    return _by_framework(app, found, adapter, settings)


def _by_framework(app: Any, found: Iterable[recognise.Found], adapter: Adapter | None, settings: Settings) -> Any:
    """By the first of the applications inside that can be; what is wrong with the others is said when none can."""
    why: list[str] = []
    for one in found:
        try:
            return _inside(app, one, adapter, settings)
        except NotCovered as not_covered:
            why.append(str(not_covered))
    raise NotCovered("; ".join(why) or NOTHING_KNOWN)


class AlreadyCovered(Exception):
    """linkmw is in this application, by its own set-up or from outside."""


def _inside(app: Any, one: recognise.Found, adapter: Adapter | None, settings: Settings) -> Any:
    if one.kind == "django":
        from linkmw.outside import django

        django.cover(one.application, adapter)
        return app
    if one.kind == "flask":
        from linkmw.outside import flask

        return flask.cover(app, one.application, adapter, past=one.past)
    from linkmw.outside import starlette

    starlette.cover(one.application, adapter, settings)
    return app


def _by_hooks(app: Any, interface: Interface, in_force: InForce, adapter: Adapter) -> Any:
    """`app` behind a shell that knows what the operator's file says, whatever is inside of it. Raises NotCovered."""
    from linkmw.outside import hooked_asgi, hooked_wsgi, hooks

    if not adapter.cookies:
        raise NotCovered(NO_COOKIES)
    product = hooks.HookedProduct(adapter, secure=in_force.settings.public_url.startswith("https:"))
    said.recognised(hooks.recognised(product, interface, in_force.settings))
    shell = hooked_wsgi if interface == "wsgi" else hooked_asgi
    return shell.HookedMiddleware(app, product=product, in_force=in_force)


def tried(app: Any) -> said.Heard:
    """What `linkmw run` would say of `app`, which is covered by it afterwards. Never raises."""
    from linkmw.outside.interfaces import interface_of

    with said.heard() as found:
        covered(app, interface_of(app), following(), quietly=True)
    return found


def _by_remote_user(app: Any, interface: Interface, in_force: InForce, name: str, adapter: Adapter) -> Any:
    """`app` behind a shell that keeps the session for it, and told in each request whose it is. Raises NotCovered."""
    from linkmw.outside import hooked_asgi, hooked_wsgi, remote_user, told

    remote_user.check(name, interface, in_force.settings, adapter)
    product = remote_user.RemoteUserProduct(adapter, in_force)
    said.recognised(remote_user.recognised(product, name, interface, in_force.settings))
    if interface == "wsgi":
        return hooked_wsgi.HookedMiddleware(told.WsgiTold(app, name, product), product=product, in_force=in_force)
    return hooked_asgi.HookedMiddleware(told.AsgiTold(app, name, product), product=product, in_force=in_force)


def _told_nobody(app: Any, interface: Interface, settings: Settings) -> Any:
    """`app`, which could not be covered: nobody in front says who somebody is, so no visitor does either (HT10)."""
    from linkmw.outside import adapter_file, told

    try:
        name = adapter_file.remote_user(settings, adapter_file.of(settings))
    except Exception:  # said already: the file cannot be used
        name = settings.remote_user
    if not name or not callable(app):
        return app
    return told.WsgiTold(app, name) if interface == "wsgi" else told.AsgiTold(app, name)


def stands_outside(settings: Settings) -> bool:
    """Does linkmw stand around the application, whatever framework is inside of it? Raises SettingsError."""
    from linkmw.outside import adapter_file

    adapter = adapter_file.of(settings)
    return bool(adapter_file.remote_user(settings, adapter)) or (adapter is not None and adapter.is_whole)


def _shell(interface: Interface) -> Any:
    if interface == "wsgi":
        from linkmw import wsgi

        return wsgi.LinkMiddleware
    from linkmw import asgi

    return asgi.LinkMiddleware
