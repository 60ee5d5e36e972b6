"""The Flask extension: puts the gate around `app.wsgi_app`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import Flask

from linkmw.errors import SettingsError
from linkmw.gate.claim import Claim
from linkmw.gate.hosts import Gates
from linkmw.gate.in_force import InForce, following
from linkmw.http import Request
from linkmw.settings import Settings
from linkmw.wsgi import LinkMiddleware, by_host
from linkmw_flask.commands import commands
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

    def __init__(
        self,
        app: Flask,
        inner: Any,
        product: Product,
        in_force: InForce,
        configured: Mapping[str, object],
        *,
        alone: bool,
    ) -> None:
        self._flask, self._alone = app, alone  # alone: no other host has a gate of its own
        self.bound, self.configured = product, configured
        super().__init__(inner, product=product, in_force=in_force)

    def _take_on(self) -> None:
        super()._take_on()
        if self._alone:
            self._flask.extensions["linkmw"] = self._settings
        self.bound.public_url = self._settings.public_url

    def look(self) -> Settings:
        """The settings in force: a look at the clock, and once a second at the configuration file."""
        self._look()
        return self._settings

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
        self.discovered: Mapping[str, object] = {}
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        # Flask's own way to add WSGI middleware.
        app.wsgi_app = self.around(app, app.wsgi_app)  # type: ignore[method-assign]

    def around(self, app: Flask, inner: Any) -> Any:
        """`inner`, which leads to `app`, with the gate around it; itself where that cannot be."""
        configured = {**app.config.get_namespace("LINKMW_"), **self.settings}
        in_force = following(configured, discovered=self.discovered)
        settings = in_force.settings

        def made(own: InForce) -> _Shell:
            shell = _Shell(app, inner, self._product_of(app), own, configured, alone=not settings.hosts)
            if own.may_be_on:
                shell.watch = Watch(app, shell.bound, shell.look, shell.ports, shell.asked)
            return shell

        app.extensions["linkmw"] = settings
        try:
            shells = Gates(in_force, made)
        except SettingsError as error:
            app.extensions["linkmw"] = replace(settings, problems=(*settings.problems, str(error)), hosts=())
            Claim(app.extensions["linkmw"])  # says so in the log
            return inner
        if settings.hosts:
            Watches(shells)
        app.cli.add_command(commands(app, shells.of("").bound, configured))
        return by_host(shells) if settings.hosts else shells.of("")

    def _product_of(self, app: Flask) -> Product:
        if self.product is None:
            raise SettingsError("LinkMW(app, product) needs a linkmw_flask.Product: who may sign in?")
        return self.product.bound_to(app)
