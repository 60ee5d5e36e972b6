"""A Flask application that knows nothing of linkmw, covered from outside."""

from __future__ import annotations

import json
import logging

import pytest
from flask import Flask, session
from flask_login import LoginManager, UserMixin
from tests.adapters.test_outside_recognise import closed_over, flask_app
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from linkmw.errors import SettingsError
from linkmw.http import Request
from linkmw.model import Marker
from linkmw.outside import flask as outside_flask
from linkmw.settings import load
from linkmw.wsgi import LinkMiddleware, wrap


@pytest.fixture(autouse=True)
def _configured(complete, monkeypatch):
    for name, value in complete.items():
        monkeypatch.setenv(f"LINKMW_{name}", value)
    monkeypatch.setenv("LINKMW_SIGNED_IN_PATH", "/account")


def is_ours(app):
    """Does linkmw answer below its prefix, as it does for whom no sign-in is waiting?"""
    return "form-action" in Client(app).get("/.linkmw/callback?state=x").headers.get("Content-Security-Policy", "")


def test_flask_login_is_all_that_is_needed():
    app = flask_app()
    assert wrap(app) is app
    assert isinstance(app.wsgi_app, LinkMiddleware)
    assert app.extensions["linkmw"].login_paths == ("/login",)
    assert is_ours(app)


def test_it_is_covered_inside_of_whatever_is_around_it():
    app = flask_app()
    outer = ProxyFix(closed_over(app))
    assert wrap(outer) is outer
    assert is_ours(outer)


def test_what_calls_past_the_application_is_wrapped_itself():
    outer = ProxyFix(flask_app().wsgi_app)
    assert not is_ours(outer)
    assert is_ours(wrap(outer))


def test_without_flask_login_it_says_what_would_help(caplog):
    app = Flask("plain")
    assert wrap(app) is app
    assert not is_ours(app)
    assert "name the key of its session with LINKMW_SESSION_KEY" in caplog.text


def test_off_means_as_it_was(monkeypatch, caplog):
    monkeypatch.setenv("LINKMW_ENABLED", "off")
    app = flask_app()
    before = app.wsgi_app
    assert wrap(app) is app
    assert app.wsgi_app == before
    assert caplog.text == ""


def test_the_start_says_in_one_line_what_was_recognised(caplog):
    with caplog.at_level(logging.WARNING, "linkmw"):
        wrap(flask_app())
    [line] = [record.getMessage() for record in caplog.records]
    for said in ("Flask 3", "Flask-Login", "SecureCookieSessionInterface", "login: /login", "its own login"):
        assert said in line


LOGIN_VIEWS = {
    "a view": ("auth.enter", "/auth/enter"),
    "a path": ("/members/door", "/members/door"),
    "elsewhere": ("https://sso.example/", "/account/login"),
    "not there": ("nowhere", "/account/login"),
}


@pytest.mark.parametrize("kind", LOGIN_VIEWS)
def test_login_routes_are_those_flask_login_is_told_of_or_that_are_called_so(kind):
    told, path = LOGIN_VIEWS[kind]
    app = Flask("routes")
    app.add_url_rule("/auth/enter", "auth.enter", lambda: "")
    app.add_url_rule("/account/login", "account.login", lambda: "")
    app.add_url_rule("/api/<version>/login", "api.login", lambda version: "")
    LoginManager(app).login_view = told
    assert outside_flask.login_pages(app) == [path]


def test_the_setting_wins_over_what_was_found(monkeypatch):
    monkeypatch.setenv("LINKMW_LOGIN_PATHS", "/other")
    app = flask_app()
    wrap(app)
    assert app.extensions["linkmw"].login_paths == ("/other",)


class Person(UserMixin):
    def __init__(self, number, token=""):
        self.id, self.username, self.token = number, f"user {number}", token

    def get_id(self):
        return self.token or str(self.id)


def test_an_id_that_may_change_becomes_no_link():
    assert outside_flask._account(Person(7)).account_id == "7"
    with pytest.raises(SettingsError, match="may change"):
        outside_flask._account(Person(7, token="rotates"))


def test_with_the_key_of_its_session_flask_needs_no_extension(monkeypatch):
    monkeypatch.setenv("LINKMW_SESSION_KEY", "member:int")
    app = Flask("plain")
    app.secret_key = "not a secret"
    app.add_url_rule("/", "home", lambda: str(session.get("member")))
    wrap(app)
    product = app.wsgi_app._product
    asked = Request("GET", "/", raw=environ())
    headers = product.start_session(asked, "7", Marker("sid", 2_000_000_000))
    cookie = headers[0][1].partition(";")[0]
    assert product.current_account(Request("GET", "/", raw=environ(HTTP_COOKIE=cookie))).account_id == "7"
    answer = Client(app, use_cookies=False).get("/", headers={"Cookie": cookie})
    assert answer.get_data(as_text=True) == "7"
    for none in ("", "07", "seven", "-7", "٧"):
        assert product.find(none) is None


def environ(**more):
    from werkzeug.test import create_environ

    return {**create_environ("/", "http://product.localhost"), **more}


def test_its_own_login_is_asked_for_everything_but_a_file_may_say_how_a_password_is_checked(monkeypatch, tmp_path):
    app = flask_app()
    wrap(app)
    assert app.wsgi_app._product.checks_passwords is False
    (tmp_path / "known.py").write_text(
        "class Known:\n    def verify_password(self, username, password):\n        return {'id': '7'}\n"
    )
    monkeypatch.setenv("LINKMW_ADAPTER", f"{tmp_path}/known.py:Known")
    app = flask_app()
    wrap(app)
    assert app.wsgi_app._product.checks_passwords is True


def test_a_session_holds_besides_what_the_environment_says_unless_its_own_login_put_it_there(monkeypatch):
    said = {"login": {"source": "linkmw"}, "key": "{random}", "same": ["{random}"], "number": 7}
    monkeypatch.setenv("LINKMW_SESSION_EXTRA", json.dumps(said))
    monkeypatch.setenv("LINKMW_SESSION_KEY", "member")
    app = Flask("plain")
    app.secret_key = "not a secret"
    wrap(app)
    product, marker = app.wsgi_app._product, Marker("sid", 2_000_000_000)

    def begun(kept):
        cookie = app.session_interface.get_signing_serializer(app).dumps(kept)
        asked = Request("GET", "/", raw=environ(HTTP_COOKIE=f"session={cookie}"))
        (header,) = product.start_session(asked, "7", marker)[-1:]
        value = header[1].partition(";")[0].partition("=")[2]
        return app.session_interface.get_signing_serializer(app).loads(value)

    first, second = begun({}), begun({})
    assert (first["login"], first["number"]) == ({"source": "linkmw"}, 7)
    assert first["same"] == [first["key"]]
    assert first["key"] != second["key"]
    assert len(first["key"]) == 43
    assert begun({"member": "7", "login": "its own"})["login"] == "its own"
    assert begun({"member": "8", "login": "somebody's"})["login"] == {"source": "linkmw"}


@pytest.mark.parametrize("wrong", ["[]", "7", "{", '"text"', '{"a":' * 100_000])
def test_what_a_session_holds_besides_is_a_table(monkeypatch, wrong):
    monkeypatch.setenv("LINKMW_SESSION_EXTRA", wrong)
    assert any("LINKMW_SESSION_EXTRA" in problem for problem in load({}).problems)
