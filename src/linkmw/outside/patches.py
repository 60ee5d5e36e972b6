"""For `linkmw run`: each framework and server has a place where linkmw is put in, once it is imported.

Loads the standard library only, and of ours nothing until one of them is there. Whatever fails here is logged, and the
application is as ever.
"""

from __future__ import annotations

import importlib.machinery
import sys
import threading
from collections.abc import Callable, Sequence
from functools import wraps
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from linkmw.gate.in_force import InForce

Patch = Callable[[Any], None]  # given the module


def install() -> None:
    """Whatever of these is imported from now on is patched; what is there already is so at once."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    for name, patch in PATCHES.items():
        if name in sys.modules:
            _patched(patch, sys.modules[name])
    sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds nothing itself: hands on what the others find, with the patch to follow when it has been loaded."""

    def __init__(self) -> None:
        self._asking: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in PATCHES or fullname in self._asking:
            return None
        self._asking.add(fullname)
        try:
            found = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
            spec = next((spec for spec in found if spec is not None), None)
        finally:
            self._asking.discard(fullname)
        if spec is not None and spec.loader is not None:
            try:
                _follow(spec.loader, fullname)
            except Exception:
                _log_that(f"{fullname} is loaded in a way that linkmw cannot follow")
        return spec


def _follow(loader: Any, fullname: str) -> None:
    """When `loader` has loaded that module, it is patched."""
    load = loader.exec_module

    @wraps(load)
    def exec_module(module: ModuleType) -> None:
        load(module)
        if module.__name__ == fullname:
            _patched(PATCHES[fullname], module)

    loader.exec_module = exec_module


def _patched(patch: Patch, module: ModuleType) -> None:
    try:
        patch(module)
    except Exception:
        _log_that(f"{module.__name__} is not as linkmw knows it")


def _log_that(what: str) -> None:
    import logging

    logging.getLogger("linkmw").exception("linkmw is OFF, the application is as ever: %s", what)


def _in_force() -> InForce | None:
    """The settings; None where linkmw is off for good in this process."""
    from linkmw.gate import in_force

    return in_force.following() if in_force.is_wanted() else None


def _covered(app: Any, interface: Any) -> Any:
    """`app` as linkmw covers it. Never raises."""
    from linkmw.outside import cover

    in_force = _in_force()
    return app if in_force is None else cover.covered(app, interface, in_force, quietly=True)


def _inside(in_force: InForce | None) -> bool:
    """Is linkmw put inside of a framework here? Else around it, by what is done to the server, or not at all."""
    if in_force is None or not in_force.may_be_on:
        return False
    try:
        from linkmw.outside import cover

        return not cover.stands_outside(in_force.settings)
    except Exception:  # said where the server is handed the application
        return True


def _django(module: ModuleType) -> None:
    load = module.BaseHandler.load_middleware

    @wraps(load)
    def load_middleware(self: Any, *args: Any, **kwargs: Any) -> Any:
        in_force = _in_force()
        if in_force is None or not _inside(in_force):
            return load(self, *args, **kwargs)
        try:
            from linkmw.outside import django

            with django.tried(in_force.settings):
                return load(self, *args, **kwargs)
        except Exception:
            _log_that("its middleware could not be made with linkmw in it")
        return load(self, *args, **kwargs)

    module.BaseHandler.load_middleware = load_middleware


def _flask(module: ModuleType) -> None:
    own = module.Flask.wsgi_app
    around: dict[int, Any] = {}  # application → what is called instead; by the first request it is set up
    setting_up = threading.RLock()

    @wraps(own)
    def wsgi_app(self: Any, environ: Any, start_response: Any) -> Any:
        shell = around.get(id(self))
        if shell is None:
            with setting_up:  # of several first requests one does: to the others the application would be covered
                shell = around.get(id(self)) or _around_flask(self, own.__get__(self))
                around[id(self)] = shell
        return shell(environ, start_response)

    module.Flask.wsgi_app = wsgi_app


def _around_flask(app: Any, inner: Any) -> Any:
    in_force = _in_force()
    if in_force is None or not _inside(in_force):
        return inner
    try:
        from linkmw.outside import flask

        return flask.tried(app, inner, in_force.settings)
    except Exception:
        _log_that("what covers Flask could not be loaded")
    return inner


def _starlette(module: ModuleType) -> None:
    build = module.Starlette.build_middleware_stack

    @wraps(build)
    def build_middleware_stack(self: Any) -> Any:
        if _inside(_in_force()):
            _covered(self, "asgi")
        return build(self)

    module.Starlette.build_middleware_stack = build_middleware_stack


def _gunicorn(module: ModuleType) -> None:
    load = module.BaseApplication.wsgi

    @wraps(load)
    def wsgi(self: Any) -> Any:
        if self.callable is None:
            from linkmw.outside.interfaces import interface_of

            app = load(self)
            self.callable = _covered(app, interface_of(app))
        return self.callable

    module.BaseApplication.wsgi = wsgi


def _uvicorn(module: ModuleType) -> None:
    load = module.Config.load

    @wraps(load)
    def loaded(self: Any) -> None:
        load(self)
        self.loaded_app = _covered(self.loaded_app, "asgi")

    module.Config.load = loaded


def _first_argument(owner: str, name: str, interface: str, at: int) -> Patch:
    """The callable that a server takes as an argument: positional `at`, or by one of its usual names."""

    def patch(module: ModuleType) -> None:
        holder = getattr(module, owner) if owner else module
        own = getattr(holder, name)

        @wraps(own)
        def called(*args: Any, **kwargs: Any) -> Any:
            given = list(args)
            if len(given) > at:
                given[at] = _covered(given[at], interface)
            for key in ("app", "application", "wsgi_app"):
                if key in kwargs:
                    kwargs[key] = _covered(kwargs[key], interface)
            return own(*given, **kwargs)

        setattr(holder, name, called)

    return patch


def _hypercorn(module: Any) -> None:
    own = module.wrap_app

    @wraps(own)
    def wrap_app(app: Any, *args: Any, **kwargs: Any) -> Any:
        from linkmw.outside.interfaces import interface_of

        return own(_covered(app, interface_of(app)), *args, **kwargs)

    module.wrap_app = wrap_app


PATCHES: dict[str, Patch] = {
    "django.core.handlers.base": _django,
    "flask.app": _flask,
    "starlette.applications": _starlette,
    "gunicorn.app.base": _gunicorn,
    "uvicorn.config": _uvicorn,
    "hypercorn.utils": _hypercorn,
    "waitress.server": _first_argument("", "create_server", "wsgi", 0),
    "wsgiref.simple_server": _first_argument("WSGIServer", "set_app", "wsgi", 1),
    "werkzeug.serving": _first_argument("BaseWSGIServer", "__init__", "wsgi", 3),
    "cheroot.wsgi": _first_argument("Server", "__init__", "wsgi", 2),
    "gevent.pywsgi": _first_argument("WSGIServer", "__init__", "wsgi", 2),
    "granian.wsgi": _first_argument("", "_callback_wrapper", "wsgi", 0),
    "granian.asgi": _first_argument("", "_callback_wrapper", "asgi", 0),
    "daphne.server": _first_argument("Server", "__init__", "asgi", 1),
}
