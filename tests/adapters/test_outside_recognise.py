"""What `wrap` finds inside a callable, through whatever is wrapped around it, and that it finds nothing twice."""

from __future__ import annotations

import functools
import logging
import subprocess
import sys

import pytest
from flask import Flask
from flask_login import LoginManager
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Mount
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

import linkmw.asgi
import linkmw.wsgi
from linkmw.outside import recognise
from linkmw_flask import LinkMW, Product


def flask_app():
    app = Flask("inside")
    app.secret_key = "not a secret"
    app.add_url_rule("/login", "login", lambda: "the product's login")
    manager = LoginManager(app)
    manager.login_view = "login"
    manager.user_loader(lambda account_id: None)
    return app


class Slotted:
    __slots__ = ("inner",)

    def __init__(self, inner):
        self.inner = inner

    def __call__(self, environ, start_response):
        return self.inner(environ, start_response)


def closed_over(inner):
    def middleware(environ, start_response):
        return inner(environ, start_response)

    return middleware


def nobody(environ, start_response):
    return []


AROUND = {
    "itself": lambda app: app,
    "an attribute": ProxyFix,
    "slots": Slotted,
    "a closure": closed_over,
    "a partial": lambda app: functools.partial(lambda inner, environ, start: inner(environ, start), app),
    "mounts": lambda app: DispatcherMiddleware(nobody, {"/shop": app}),
    "all of them": lambda app: ProxyFix(
        closed_over(DispatcherMiddleware(Slotted(nobody), {"/shop": closed_over(app)}))
    ),
}


@pytest.mark.parametrize("around", AROUND)
def test_an_application_is_found_through_what_is_around_it(around):
    app = flask_app()
    [found] = recognise.inside(AROUND[around](app))
    assert (found.kind, found.application, found.past) == ("flask", app, False)


def test_one_that_is_reached_past_its_call_is_told_so():
    app = flask_app()
    [found] = recognise.inside(ProxyFix(app.wsgi_app))
    assert (found.application, found.past) == (app, True)


def test_one_inside_another_of_a_kind_is_the_others_business():
    app = Starlette(routes=[Mount("/inner", app=Starlette())])
    assert [found.application for found in recognise.inside(app)] == [app]


@pytest.mark.parametrize("nothing", [None, 5, "text", object(), nobody, lambda: None])
def test_where_nothing_is_nothing_is_found(nothing):
    assert list(recognise.inside(nothing)) == []


def test_a_ring_of_wrappers_ends():
    first, second = Slotted(None), Slotted(None)
    first.inner, second.inner = second, first
    assert list(recognise.inside(first)) == []


def test_no_framework_is_imported_to_look_for_it():
    program = (
        "import sys; from linkmw.wsgi import wrap; app = wrap(lambda environ, start_response: []);"
        "print(sorted({'django', 'flask', 'starlette', 'werkzeug', 'redis', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert "Name an adapter with LINKMW_ADAPTER" in done.stderr


@pytest.fixture
def configured(complete, monkeypatch):
    for name, value in complete.items():
        monkeypatch.setenv(f"LINKMW_{name}", value)


def products():
    """Each kind of application that has linkmw in it already, and how it would be wrapped again."""
    extended = flask_app()
    LinkMW(extended, Product(verify_password=lambda *_: None))
    import linkmw_starlette

    told = linkmw_starlette.Product(verify_password=lambda *_: None, load=lambda _: None, session_key="user")
    ours = Middleware(linkmw_starlette.LinkMiddleware, product=told)
    with_middleware = Starlette(middleware=[Middleware(SessionMiddleware, secret_key="x"), ours])
    return {
        "wrapped": (linkmw.wsgi.wrap, linkmw.wsgi.wrap(nobody, product=object())),
        "wrapped further in": (linkmw.wsgi.wrap, ProxyFix(linkmw.wsgi.wrap(nobody, product=object()))),
        "from outside": (linkmw.wsgi.wrap, linkmw.wsgi.wrap(flask_app())),
        "the Flask extension": (linkmw.wsgi.wrap, ProxyFix(extended)),
        "middleware of Starlette": (linkmw.asgi.wrap, with_middleware),
    }


@pytest.mark.parametrize(
    "kind", ["wrapped", "wrapped further in", "from outside", "the Flask extension", "middleware of Starlette"]
)
@pytest.mark.parametrize("product", [None, object()])
def test_ht08_wrapping_twice_does_nothing_and_is_said_once(configured, caplog, kind, product):
    wrap, app = products()[kind]
    caplog.clear()
    with caplog.at_level(logging.WARNING, "linkmw"):
        assert wrap(app, product=product) is app
    assert [record.getMessage() for record in caplog.records] == [
        "linkmw is around this application already: wrapping it again does nothing"
    ]
