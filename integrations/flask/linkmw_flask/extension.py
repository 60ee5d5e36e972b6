"""The Flask extension: puts the gate around `app.wsgi_app`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import Flask

from linkmw.errors import SettingsError
from linkmw.gate.claim import Claim
from linkmw.gate.hosts import Gates
from linkmw.http import Request
from linkmw.settings import Settings, load
from linkmw.wsgi import LinkMiddleware, by_host
from linkmw_flask.product import Product
from linkmw_flask.watch import Watch, Watches

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from linkmw.gate.ports import Ports


class _Shell(LinkMiddleware):
    """The gate round `app.wsgi_app`, and what of it the watch inside needs.

    Werkzeug drops slashes before a path, and does without one: `//login` and `login` are the login route (HT02).
    """

    watch: Watch | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self.watch is not None:
            self.watch.stand_by()
        return super().__call__(environ, start_response)

    @staticmethod
    def routed(path: str) -> str:
        return f"/{path.lstrip('/')}"

    def ports(self) -> Ports:
        return self._ports()

    def asked(self, environ: WSGIEnvironment) -> Request:
        return self._asked(environ)


class LinkMW:
    """`LinkMW(app, product)`, or `LinkMW(product=product)` and later `init_app(app)`, after Flask-Login's.

    settings: as in `linkmw.settings.Settings`; they win over `LINKMW_…` in `app.config`, the environment over both.
    Afterwards `app.extensions["linkmw"]` is the `Settings` in force. Whatever is wrong turns linkmw off and is logged.
    """

    def __init__(self, app: Flask | None = None, product: Product | None = None, **settings: object) -> None:
        self.product = product
        self.settings = settings
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        settings = load({**app.config.get_namespace("LINKMW_"), **self.settings})
        inner = app.wsgi_app
        try:
            shells = Gates(settings, lambda own: self._shell(app, inner, own))
        except SettingsError as error:
            app.extensions["linkmw"] = replace(settings, problems=(*settings.problems, str(error)), hosts=())
            Claim(app.extensions["linkmw"])  # says so in the log
            return
        app.extensions["linkmw"] = settings
        if settings.hosts:
            Watches(shells)
        # Flask's own way to add WSGI middleware.
        app.wsgi_app = by_host(shells) if settings.hosts else shells.of("")  # type: ignore[assignment, method-assign]

    def _shell(self, app: Flask, inner: Any, settings: Settings) -> _Shell:
        product = self._product_of(app, settings)
        shell = _Shell(inner, product=product, settings=settings)
        if settings.on:
            shell.watch = Watch(app, product, settings, shell.ports, shell.asked)
        return shell

    def _product_of(self, app: Flask, settings: Settings) -> Product:
        if self.product is None:
            raise SettingsError("LinkMW(app, product) needs a linkmw_flask.Product: who may sign in?")
        return self.product.bound_to(app, settings.public_url)
