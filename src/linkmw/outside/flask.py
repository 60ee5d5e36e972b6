"""A Flask application: linkmw around it, and a product made of what its login extension knows.

Imported once Flask is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from flask import Flask
from werkzeug.routing import BuildError

from linkmw.errors import SettingsError
from linkmw.gate.after import answered
from linkmw.gate.hooks import read
from linkmw.http import Headers, Request
from linkmw.model import Account
from linkmw.outside import adapter_file, said, session_key
from linkmw.outside.adapter_file import Adapter
from linkmw.outside.cover import AlreadyCovered
from linkmw.outside.said import NotCovered, Recognised
from linkmw.settings import Settings, load
from linkmw_flask import LinkMW, Product

log = logging.getLogger("linkmw")

NOBODY_KNOWN = (
    "this Flask application has no Flask-Login: name the key of its session with LINKMW_SESSION_KEY, or an adapter "
    "with LINKMW_ADAPTER (docs/adapters.md)"
)
IDENTIFIER_CHANGES = (
    "what Flask-Login keeps in a session is not this account's id, and may change: an adapter with "
    "`account` and `load` has to say which one does not (LINKMW_ADAPTER, docs/adapters.md)"
)


def cover(app: Any, flask: Flask, adapter: Adapter | None, *, past: bool = False) -> Any:
    """What is called instead of `app`, inside of which `flask` was found. Raises NotCovered, AlreadyCovered.

    past: `app` calls one of the methods of `flask`, so that changing `flask` would change nothing.
    """
    extension = extension_for(flask, adapter)
    if not past:
        extension.init_app(flask)
        return app
    return extension.around(flask, app)


def tried(flask: Flask, inner: Any, settings: Settings) -> Any:
    """`inner`, which is the application's own, with linkmw around it; itself where that cannot be, which is said."""
    try:
        return extension_for(flask, adapter_file.of(settings)).around(flask, inner)
    except AlreadyCovered:
        pass
    except (NotCovered, SettingsError) as why:
        said.not_covered(why)
    except Exception:
        log.exception("linkmw is OFF, the application is as ever: it could not be wrapped")
    return inner


def extension_for(flask: Flask, adapter: Adapter | None) -> LinkMW:
    """The extension for `flask`, as it is recognised now."""
    if "linkmw" in flask.extensions:
        raise AlreadyCovered
    paths = login_pages(flask)
    discovered = {"login_paths": paths} if paths else {}
    settings = load(flask.config.get_namespace("LINKMW_"), discovered=discovered)
    product, accounts = _product(flask, adapter, settings)
    extension = LinkMW(product=product)
    extension.discovered = discovered
    said.recognised(_recognised(flask, product, accounts, settings))
    return extension


class OutsideProduct(Product):
    """An application told by what it has, and by the operator's adapter file where that says more."""

    def __init__(self, adapter: Adapter | None, **hooks: Any) -> None:
        self._adapter = adapter
        told: dict[str, Any] = {
            **hooks,
            **(adapter.hooks if adapter else {}),
        }
        super().__init__(**told)
        self.tells_complete = adapter is not None and adapter.has("complete")

    def is_complete(self, request: Request) -> bool:
        return super().is_complete(request) and (self._adapter is None or self._adapter.complete(request))

    def account_after(self, request: Request, headers: Headers) -> Account | None:
        found = super().account_after(request, headers)
        is_whole = self._adapter is None or self._adapter.complete(answered(request, headers))
        return found if is_whole else None


def _product(flask: Flask, adapter: Adapter | None, settings: Settings) -> tuple[Product, str]:
    """The product, and what its accounts are called in the log."""
    if settings.session_key:
        key, load_one = session_key.read(settings.session_key)
        return OutsideProduct(adapter, session_key=key, load=load_one), f"session[{key!r}]"
    if not hasattr(flask, "login_manager"):
        raise NotCovered(NOBODY_KNOWN)
    if "security" in flask.extensions:
        from linkmw.outside import flask_security

        return flask_security.product(flask, adapter)
    return OutsideProduct(adapter, account=_account), "Flask-Login"


def _account(user: Any) -> Account:
    """The account of a Flask-Login user. Raises SettingsError where the session does not keep its immutable id."""
    account_id, kept = read(user, "id"), str(user.get_id())
    if account_id is not None and str(account_id) != kept:
        raise SettingsError(IDENTIFIER_CHANGES)
    email = read(user, "email") or ""
    name = read(user, "username") or read(user, "name") or email or kept
    return Account(kept, str(name), str(email))


def login_pages(flask: Flask) -> list[str]:
    """Paths of the login pages, relative to the mount: those the extensions are told of, else those called so."""
    return list(dict.fromkeys(_told(flask))) or list(dict.fromkeys(_called_so(flask)))


def _called_so(flask: Flask) -> Iterator[str]:
    for rule in flask.url_map.iter_rules():
        name = rule.endpoint.rpartition(".")[2].replace("_", "")
        if name in ("login", "signin") and not rule.arguments and "GET" in (rule.methods or ()):
            yield rule.rule


def _told(flask: Flask) -> Iterator[str]:
    if "security" in flask.extensions and (path := flask.config.get("SECURITY_LOGIN_URL")):
        yield str(path)
    manager = vars(flask).get("login_manager")
    views = [getattr(manager, "login_view", None), *getattr(manager, "blueprint_login_views", {}).values()]
    for view in filter(None, map(str, (view or "" for view in views))):
        if view.startswith("/"):
            yield view
        elif path := _path_of(flask, view):
            yield path


def _path_of(flask: Flask, endpoint: str) -> str:
    """The path of a view that takes no arguments; "" for any other, and for an address elsewhere."""
    try:
        return str(flask.url_map.bind("localhost").build(endpoint))
    except BuildError:
        return ""


def _recognised(flask: Flask, product: Product, accounts: str, settings: Settings) -> Recognised:
    interface = type(flask.session_interface).__name__
    return Recognised(
        framework=f"Flask {metadata.version('flask')}",
        accounts=accounts,
        sessions=f"{interface}, cookie {flask.session_interface.get_cookie_name(flask)}",
        login_paths=settings.login_paths,
        second_factor=said.BY_ITS_OWN_LOGIN,
        proof=said.proof(product, settings),
    )
