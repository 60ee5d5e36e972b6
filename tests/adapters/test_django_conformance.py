"""The Django adapter keeps every adapter's promises: WSGI and ASGI requests, three session engines, both factors."""

from __future__ import annotations

import json
from base64 import b32decode
from concurrent.futures import Future
from importlib import import_module

import pyotp
import pytest
from asgiref.sync import async_to_sync
from django.test import override_settings

from linkmw import asgi as asgi_shell
from linkmw import wsgi as wsgi_shell
from linkmw.model import Marker
from linkmw.outside.recognise import inside
from linkmw.settings import Settings
from linkmw.testing.conformance import GRACE, AdapterConformance, factor

SECRETS = {}


def totp_secret(user):
    return SECRETS.get(user.pk)


class DjangoStage:
    """Django's own session and authentication middleware around the adapter."""

    def __init__(self, *, asgi=False, otp=True):
        from linkmw_django.configuration import Configuration
        from linkmw_django.product import Product

        SECRETS.clear()
        self.otp = otp
        self.asgi = asgi
        self.product = Product(Configuration(Settings(), "" if otp else f"{__name__}.totp_secret"))

    def add(self, person):
        from django.contrib.auth.models import User
        from django_otp.plugins.otp_totp.models import TOTPDevice

        user = User.objects.create_user(person.username, person.email, person.password, is_active=person.active)
        if person.totp_secret and self.otp:
            TOTPDevice.objects.create(user=user, key=b32decode(person.totp_secret).hex())
        elif person.totp_secret:
            SECRETS[user.pk] = person.totp_secret
        return str(user.pk)

    def visit(self, jar, do):
        return self._through_django(jar, lambda django_request: do(_translated(django_request)))

    def _through_django(self, jar, do):
        return (self._awaited if self.asgi else self._now)(jar, do)

    def _now(self, jar, do):
        from django.contrib.auth.middleware import AuthenticationMiddleware
        from django.contrib.sessions.middleware import SessionMiddleware
        from django.http import HttpResponse
        from django.test import RequestFactory

        answers = []

        def inner(request):
            answers.append(do(request))
            return HttpResponse()

        request = RequestFactory().get("/.linkmw/prove")
        request.COOKIES.update(jar)
        _keep_cookies(jar, SessionMiddleware(AuthenticationMiddleware(inner))(request))
        return answers[0]

    def _awaited(self, jar, do):
        from django.contrib.auth.middleware import AuthenticationMiddleware
        from django.contrib.sessions.middleware import SessionMiddleware
        from django.http import HttpResponse
        from django.test import AsyncRequestFactory

        from linkmw_django.middleware import in_django_thread

        answers = []

        async def inner(request):
            answers.append(await in_django_thread(do, request))
            return HttpResponse()

        request = AsyncRequestFactory().get("/.linkmw/prove")
        request.COOKIES.update(jar)
        _keep_cookies(jar, async_to_sync(SessionMiddleware(AuthenticationMiddleware(inner)))(request))
        return answers[0]

    def marker(self, jar):
        found = self._session(jar).get("_linkmw")
        return None if found is None else Marker(*found)

    def remember(self, jar, key, value):
        self._through_django(jar, lambda request: request.session.__setitem__(key, value))

    def recall(self, jar, key):
        return self._session(jar).get(key)

    def _session(self, jar):
        return self._through_django(jar, lambda request: json.loads(json.dumps(dict(request.session.items()))))

    def code(self, secret):
        return pyotp.TOTP(secret).now()


def _translated(django_request):
    return import_module("linkmw_django.translate").request(django_request)


def _keep_cookies(jar, response):
    for name, cookie in response.cookies.items():
        if cookie.value:
            jar[name] = cookie.value
        else:
            jar.pop(name, None)


class TestDjango(AdapterConformance):
    @pytest.fixture(params=["db", "signed_cookies", "cached_db"])
    def stage(self, request, orders_database):
        with override_settings(SESSION_ENGINE=f"django.contrib.sessions.backends.{request.param}"):
            yield DjangoStage()


class TestDjangoUnderAsgi(AdapterConformance):
    @pytest.fixture
    def stage(self, orders_database):
        return DjangoStage(asgi=True)


MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]


class OutsideStage(DjangoStage):
    """A project that was wrapped, not a line of it changed: each request goes through the chain that was made of it.

    `do` stands where linkmw stands in that chain, between what makes `request.user` and what is behind.
    """

    def __init__(self, *, asgi=False):
        from django.core.handlers.asgi import ASGIHandler
        from django.core.handlers.wsgi import WSGIHandler

        from linkmw_django.configuration import configuration

        super().__init__(asgi=asgi)
        self.handler = ASGIHandler() if asgi else WSGIHandler()
        assert (asgi_shell if asgi else wsgi_shell).wrap(self.handler) is self.handler
        self.ours = next(one.application for one in inside(self.handler._middleware_chain) if one.kind == "linkmw")
        self.product = self.ours.product_of(configuration())

    def _now(self, jar, do):
        from django.test import RequestFactory

        found = Future()
        self.ours._get_response = lambda request: _kept(found, lambda: do(request))
        request = RequestFactory().get("/", headers={"Host": "product.localhost"})
        request.COOKIES.update(jar)
        _keep_cookies(jar, self.handler.get_response(request))
        return found.result(0)

    def _awaited(self, jar, do):
        from django.test import AsyncRequestFactory

        from linkmw_django.middleware import in_django_thread

        found = Future()

        async def rest(request):
            return await in_django_thread(_kept, found, lambda: do(request))

        self.ours._get_response = rest
        request = AsyncRequestFactory().get("/", headers={"Host": "product.localhost"})
        request.COOKIES.update(jar)
        _keep_cookies(jar, async_to_sync(self.handler.get_response_async)(request))
        return found.result(0)


def _kept(found, do):
    """An answer with nothing in it; what `do` came to is kept, for a handler makes a page of an error."""
    from django.http import HttpResponse

    try:
        found.set_result(do())
    except Exception as error:
        found.set_exception(error)
    return HttpResponse()


class TestDjangoFromOutside(AdapterConformance):
    """No urls.py, no settings, no MIDDLEWARE of the project's is touched."""

    @pytest.fixture
    def stage(self, orders_database, complete, monkeypatch):
        for name, value in complete.items():
            monkeypatch.setenv(f"LINKMW_{name}", value)
        with override_settings(
            MIDDLEWARE=MIDDLEWARE,
            ALLOWED_HOSTS=["*"],
            LINKMW={},
            SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        ):
            yield OutsideStage()
        _forget_what_was_found()


class TestDjangoFromOutsideUnderAsgi(AdapterConformance):
    @pytest.fixture
    def stage(self, orders_database, complete, monkeypatch):
        for name, value in complete.items():
            monkeypatch.setenv(f"LINKMW_{name}", value)
        with override_settings(MIDDLEWARE=MIDDLEWARE, ALLOWED_HOSTS=["*"], LINKMW={}):
            yield OutsideStage(asgi=True)
        _forget_what_was_found()


def _forget_what_was_found():
    from linkmw_django import configuration

    configuration.discovered.clear()


class TestDjangoWithSecretsOfItsOwn(AdapterConformance):
    @pytest.fixture
    def stage(self, orders_database):
        return DjangoStage(otp=False)

    def test_a_secret_of_80_bits_is_handed_on_as_it_is(self, stage):
        account_id = stage.add(GRACE)
        SECRETS[int(account_id)] = "JBSWY3DPEHPK3PXP"
        assert factor(stage, account_id).secret == "JBSWY3DPEHPK3PXP"
