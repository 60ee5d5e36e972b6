"""A Django project that knows nothing of linkmw, covered from outside: no settings, no URLs, no MIDDLEWARE of it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager

import pytest
from django.test import override_settings
from werkzeug.test import Client

from linkmw import asgi, wsgi
from linkmw.outside.said import NotCovered

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
OTP = "django_otp.middleware.OTPMiddleware"
OWN = [SESSIONS, COMMON, AUTHENTICATION, OTP]
OURS = "linkmw.outside.django.OutsideMiddleware"


@pytest.fixture(autouse=True)
def _configured(complete, monkeypatch, _migrated):
    for name, value in complete.items():
        monkeypatch.setenv(f"LINKMW_{name}", value)
    yield
    from linkmw_django import configuration

    configuration.discovered.clear()


@contextmanager
def project(**changes):
    with override_settings(MIDDLEWARE=OWN, ALLOWED_HOSTS=["*"], **changes):
        yield


def handler():
    from django.core.handlers.wsgi import WSGIHandler

    return WSGIHandler()


def is_ours(app):
    answer = Client(app).get("/.linkmw/callback?state=x", base_url="http://product.localhost")
    return "form-action" in answer.headers.get("Content-Security-Policy", "")


def test_the_projects_chain_has_linkmw_in_it_and_its_settings_are_as_they_were():
    from django.conf import settings

    with project():
        app = handler()
        assert not is_ours(app)
        assert wsgi.wrap(app) is app
        assert is_ours(app)
        assert settings.MIDDLEWARE == OWN
        assert not is_ours(handler())


def test_it_is_found_behind_the_handler_for_static_files():
    from django.contrib.staticfiles.handlers import StaticFilesHandler

    with project(STATIC_URL="/static/"):
        app = StaticFilesHandler(handler())
        assert wsgi.wrap(app) is app
        assert is_ours(app)


def test_the_same_of_a_project_that_is_awaited():
    from django.core.handlers.asgi import ASGIHandler

    with project():
        app = ASGIHandler()
        assert asgi.wrap(app) is app
        assert asyncio.run(policy_of(app))


async def policy_of(app):
    sent, asked = [], iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive():
        return next(asked, None) or await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/.linkmw/callback", "query_string": b"state=x"}
    await app({**scope, "headers": [(b"host", b"product.localhost")]}, receive, send)
    headers = {name.lower(): value for name, value in sent[0]["headers"]}
    return b"form-action" in headers.get(b"content-security-policy", b"")


def test_a_class_of_middleware_that_is_built_on_djangos_is_known():
    class Own:
        pass

    from django.contrib.auth.middleware import AuthenticationMiddleware
    from django.contrib.sessions.middleware import SessionMiddleware

    from linkmw.outside.django import placed
    from linkmw_django import LinkMiddleware

    kinds = {
        "sessions": type("S", (SessionMiddleware,), {}),
        "users": type("A", (AuthenticationMiddleware,), {}),
        "own": Own,
        "function": lambda get_response: get_response,
        "ours": LinkMiddleware,
    }
    placed_in = lambda *names: placed(names, kinds.__getitem__)  # noqa: E731
    assert placed_in("own", "sessions", "users", "function") == ["own", "sessions", "users", OURS, "function"]
    assert placed_in("users", "own", "sessions") == ["users", "own", "sessions", OURS]
    for without in (("own", "sessions"), ()):
        with pytest.raises(NotCovered, match="AuthenticationMiddleware"):
            placed_in(*without)


def test_ht08_linkmw_in_middleware_and_around_it_is_once(caplog):
    with override_settings(MIDDLEWARE=[*OWN, "linkmw_django.LinkMiddleware"], ALLOWED_HOSTS=["*"]):
        app = handler()
        with caplog.at_level(logging.WARNING, "linkmw"):
            assert wsgi.wrap(app) is app
        assert [record.getMessage() for record in caplog.records if "already" in record.getMessage()] == [
            "linkmw is around this application already: wrapping it again does nothing"
        ]


def test_ht08_from_outside_twice_is_once(caplog):
    with project():
        app = wsgi.wrap(handler())
        chain = app._middleware_chain
        with caplog.at_level(logging.WARNING, "linkmw"):
            assert wsgi.wrap(app) is app
        assert app._middleware_chain is chain
        assert "wrapping it again does nothing" in caplog.text


def test_off_means_as_it_was(monkeypatch, caplog):
    monkeypatch.setenv("LINKMW_ENABLED", "off")
    with project():
        app = handler()
        chain = app._middleware_chain
        assert wsgi.wrap(app) is app
        assert app._middleware_chain is chain
    assert caplog.text == ""


def test_login_routes_are_found_and_the_start_says_what_was_recognised(caplog):
    with project(LOGIN_URL="/login/"), caplog.at_level(logging.WARNING, "linkmw"):
        wsgi.wrap(handler())
    [line] = [record.getMessage() for record in caplog.records if "recognised" in record.getMessage()]
    for said in ("Django ", "auth.User", "sessions: db, cookie orders_session", "/login/", "django-otp"):
        assert said in line


@pytest.mark.parametrize("page", ["", "/account/"])
def test_pr04_a_second_factor_that_no_session_tells_of_is_said_at_the_start(monkeypatch, caplog, page):
    monkeypatch.setenv("LINKMW_PROOF", "native")
    monkeypatch.setenv("LINKMW_SIGNED_IN_PATH", page)
    with override_settings(MIDDLEWARE=OWN[:3], ALLOWED_HOSTS=["*"]), caplog.at_level(logging.WARNING, "linkmw"):
        wsgi.wrap(handler())
    said = [record.getMessage() for record in caplog.records if "second factor are not proven" in record.getMessage()]
    assert [line.partition(":")[0] for line in said] == ([] if page else ["linkmw does not cover"])


def test_a_setting_wins_over_what_was_found(monkeypatch):
    from linkmw_django.configuration import in_force

    monkeypatch.setenv("LINKMW_LOGIN_PATHS", "/elsewhere/")
    with project():
        wsgi.wrap(handler())
        assert in_force().settings.login_paths == ("/elsewhere/",)


def test_a_project_whose_urls_fail_boots_all_the_same(caplog):
    with project(ROOT_URLCONF="no.such.module"):
        app = handler()
        assert wsgi.wrap(app) is app
    assert "could not look for login routes" in caplog.text


def test_what_an_adapter_file_adds_is_in_the_session_and_judges_the_sign_in(monkeypatch, tmp_path, orders_database):
    from django.contrib.auth.models import User
    from tests.adapters.test_django_conformance import DjangoStage

    from linkmw.outside import adapter_file
    from linkmw.outside.django import AdaptedProduct
    from linkmw.settings import Settings
    from linkmw_django.configuration import Configuration

    (tmp_path / "known.py").write_text(
        "class Known:\n"
        "    def extra(self, request, user):\n"
        "        return {'pinned': user.get_username()}\n"
        "    def complete(self, request):\n"
        "        return 'whole' in request.raw.session\n"
    )
    stage = DjangoStage()
    stage.product = AdaptedProduct(Configuration(Settings()), adapter_file.read(f"{tmp_path}/known.py:Known"))
    user = User.objects.create_user("ada")
    jar = {}
    stage.visit(jar, lambda request: stage.product.start_session(request, str(user.pk), None))
    assert stage.recall(jar, "pinned") == "ada"
    assert stage.visit(jar, stage.product.is_complete) is False
    assert stage.visit(jar, stage.product.is_half) is True
    stage.remember(jar, "whole", "yes")
    assert stage.visit(jar, stage.product.is_complete) is True
    assert stage.visit(jar, stage.product.is_half) is False
