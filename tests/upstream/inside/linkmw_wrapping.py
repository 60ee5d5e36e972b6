"""Loaded as Python starts in an environment of `make test-upstream`: linkmw goes around what a suite has under test.

`LINKMW_UPSTREAM` says what is wrapped and how: `flask outside`, `django adapter`, …. Nothing is imported ahead of the
suite: a module is patched when the suite itself has imported it.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import sys
from collections.abc import Callable
from functools import partial
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

Patch = Callable[[Any], None]


class _WhenImported(MetaPathFinder):
    """Each module is found as ever, and patched once its own code has run."""

    def __init__(self, patches: dict[str, Patch]) -> None:
        self._patches = patches

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        patch = self._patches.pop(name, None)
        if patch is None:
            return None
        spec = importlib.util.find_spec(name)
        assert spec is not None
        loader: Any = spec.loader
        run = loader.exec_module

        def run_and_patch(module: Any) -> None:
            run(module)
            patch(module)

        loader.exec_module = run_and_patch
        return spec


def _outside(app: Any) -> Any:
    """A WSGI application as `linkmw.wsgi.wrap` gives it."""
    from linkmw import wsgi

    return wsgi.wrap(app, product=None)  # type: ignore[arg-type]  # of no route: nobody ever asks it


def _outside_asgi() -> Callable[[Any], Any]:
    """`linkmw.asgi.wrap`, its settings read ahead: Starlette's tests forbid reading a file while an event loop runs."""
    from linkmw import asgi
    from linkmw.settings import load

    settings = load()
    return lambda app: asgi.wrap(app, product=None, settings=settings)  # type: ignore[arg-type]


def _flask_outside(module: Any) -> None:
    def call(self: Any, environ: Any, start_response: Any) -> Any:
        return _outside(self.wsgi_app)(environ, start_response)

    module.Flask.__call__ = call


def _flask_adapter(module: Any) -> None:
    made = module.Flask.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        from linkmw_flask import LinkMW, Product

        hooks: dict[str, Any] = {name: lambda *_: None for name in ("load", "find", "verify_password")}
        LinkMW(self, Product(session_key="_user_id", **hooks))

    module.Flask.__init__ = init


def _werkzeug_test(module: Any) -> None:
    run = module.run_wsgi_app
    module.run_wsgi_app = lambda app, *args, **kwargs: run(_outside(app), *args, **kwargs)


def _werkzeug_serving(module: Any) -> None:
    made = module.BaseWSGIServer.__init__

    def init(self: Any, host: str, port: int, app: Any, *args: Any, **kwargs: Any) -> None:
        made(self, host, port, _outside(app), *args, **kwargs)

    module.BaseWSGIServer.__init__ = init


def _starlette_outside(module: Any) -> None:
    own, wrap = module.Starlette.__call__, _outside_asgi()

    async def call(self: Any, scope: Any, receive: Any, send: Any) -> None:
        await wrap(partial(own, self))(scope, receive, send)

    module.Starlette.__call__ = call


def _starlette_client(module: Any) -> None:
    """Most of its tests are about applications that are no `Starlette`: its client wraps whatever it is given."""
    made, wrap = module._TestClientTransport.__init__, _outside_asgi()

    def init(self: Any, app: Any, *args: Any, **kwargs: Any) -> None:
        made(self, wrap(app), *args, **kwargs)

    module._TestClientTransport.__init__ = init


def _starlette_adapter(module: Any) -> None:
    from linkmw.gate.in_force import following
    from linkmw_starlette import LinkMiddleware, Product

    build, in_force = module.Starlette.build_middleware_stack, following()
    hooks: dict[str, Any] = {name: lambda *_: None for name in ("load", "find", "verify_password")}

    def build_with_linkmw(self: Any) -> Any:
        own, product = self.user_middleware, Product(session_key="user", **hooks)
        self.user_middleware = [*own, module.Middleware(LinkMiddleware, product=product, in_force=in_force)]
        try:
            return build(self)
        finally:
            self.user_middleware = own

    module.Starlette.build_middleware_stack = build_with_linkmw


def _django_adapter(module: Any) -> None:
    own = module.settings

    class WithLinkmw:
        """Django's settings, as `django.core.handlers.base` sees them: linkmw is the last of every MIDDLEWARE."""

        def __getattr__(self, name: str) -> Any:
            found = getattr(own, name)
            return [*found, "linkmw_django.LinkMiddleware"] if name == "MIDDLEWARE" else found

    module.settings = WithLinkmw()


def _django_wsgi(module: Any) -> None:
    own = module.WSGIHandler.__call__
    module.WSGIHandler.__call__ = lambda self, *args: _outside(partial(own, self))(*args)


def _django_asgi(module: Any) -> None:
    own, wrap = module.ASGIHandler.__call__, _outside_asgi()

    async def call(self: Any, scope: Any, receive: Any, send: Any) -> None:
        await wrap(partial(own, self))(scope, receive, send)

    module.ASGIHandler.__call__ = call


# How often the suite went through linkmw: a run that never did shows nothing.
GONE_THROUGH = [0]


def _counting(name: str) -> Patch:
    """A patch that counts the calls of `LinkMiddleware.<name>`."""

    def patch(module: Any) -> None:
        own = getattr(module.LinkMiddleware, name)

        def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
            GONE_THROUGH[0] += 1
            return own(self, *args, **kwargs)

        setattr(module.LinkMiddleware, name, counted)

    return patch


def _write_down() -> None:
    folder = Path(os.environ["LINKMW_UPSTREAM_COUNTS"])
    if folder.is_dir():  # else a process that outlived its run
        (folder / str(os.getpid())).write_text(str(GONE_THROUGH[0]), encoding="utf-8")


PATCHES: dict[str, dict[str, Patch]] = {
    "flask outside": {"flask.app": _flask_outside},
    "flask adapter": {"flask.app": _flask_adapter},
    "werkzeug outside": {"werkzeug.test": _werkzeug_test, "werkzeug.serving": _werkzeug_serving},
    "starlette outside": {"starlette.applications": _starlette_outside, "starlette.testclient": _starlette_client},
    "starlette adapter": {"starlette.applications": _starlette_adapter},
    "django outside": {"django.core.handlers.wsgi": _django_wsgi, "django.core.handlers.asgi": _django_asgi},
    "django adapter": {"django.core.handlers.base": _django_adapter},
}

# Django makes its middleware anew for every test, and while linkmw is off leaves it out once it is made.
COUNTED = {
    "linkmw.wsgi": _counting("__call__"),
    "linkmw.asgi": _counting("__call__"),
    "linkmw_django.middleware": _counting("__init__"),
}

sys.meta_path.insert(0, _WhenImported({**PATCHES[os.environ["LINKMW_UPSTREAM"]], **COUNTED}))
atexit.register(_write_down)
