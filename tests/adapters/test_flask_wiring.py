"""How linkmw stands in a Flask application."""

from __future__ import annotations

import logging

import pytest
from flask import Flask
from flask_login import LoginManager

from linkmw.wsgi import LinkMiddleware
from linkmw_flask import LinkMW, Product


def make_app(*, login_manager=True, **config):
    app = Flask("wired")
    app.config.update(SECRET_KEY="not a secret", **config)
    app.add_url_rule("/login", view_func=lambda: "the product's login")
    if login_manager:
        LoginManager(app).user_loader(lambda account_id: None)
    return app


def product(**hooks):
    return Product(verify_password=lambda username, password: None, **hooks)


@pytest.fixture
def configured(complete):
    return {f"LINKMW_{name}": value for name, value in complete.items()}


def test_the_gate_stands_around_wsgi_app(configured):
    app = make_app(**configured)
    LinkMW(app, product())
    assert isinstance(app.wsgi_app, LinkMiddleware)
    assert app.extensions["linkmw"].on
    answer = app.test_client().get("/.linkmw/callback?state=none&code=x")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_init_app_does_the_same_later(configured):
    extension = LinkMW(product=product(), mode="off")
    app = make_app(**configured)
    extension.init_app(app)
    assert app.extensions["linkmw"].mode == "off"
    assert not app.extensions["linkmw"].on


def test_one_extension_serves_two_applications(configured):
    extension = LinkMW(product=product())
    first, second = make_app(**configured), make_app(**configured)
    extension.init_app(first)
    extension.init_app(second)
    assert first.wsgi_app._product is not second.wsgi_app._product


def test_dis12_an_unknown_setting_breaks_no_boot_and_is_said_in_the_log(configured, caplog):
    app = make_app(**configured, LINKMW_LOGIN_PATH="/login")
    LinkMW(app, product())
    assert app.test_client().get("/login").text == "the product's login"
    assert "login_path in the configuration is no setting: did you mean login_paths?" in caplog.text


@pytest.mark.parametrize("told", [{}, {"load": lambda account_id: None}])
def test_dis12_a_product_that_says_too_little_is_off_and_says_so(configured, caplog, told):
    app = make_app(login_manager=False, **configured)
    LinkMW(app, product(**told))
    assert app.test_client().get("/login").text == "the product's login"
    assert not app.extensions["linkmw"].on
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "Flask-Login" in record.message


def test_dis12_no_product_at_all_is_off_and_says_so(configured, caplog):
    app = make_app(**configured)
    LinkMW(app)
    assert "who may sign in?" in caplog.text


def test_dis12_the_environment_wins(configured, monkeypatch):
    monkeypatch.setenv("LINKMW_ENABLED", "no")
    app = make_app(**configured)
    LinkMW(app, product())
    assert app.extensions["linkmw"].on is False
