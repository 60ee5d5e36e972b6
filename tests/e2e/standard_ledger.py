"""Ledger: a Django site whose OpenID Connect client is mozilla-django-oidc. `python -m` of it serves it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from types import ModuleType
from typing import Any
from urllib.parse import urlencode
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from tests.e2e.standard_clients import SIGNED_OUT, documented, front_page, listening_port, login_page, resolve_localhost

NAME = "Ledger"
USERS = {7: "lena"}


def _settings() -> dict[str, Any]:
    """A plain site's settings, then what the page adds; then without PKCE, if the test says so."""
    names: dict[str, Any] = {
        "os": os,
        "SECRET_KEY": "s" * 50,
        "ALLOWED_HOSTS": [".localhost", "127.0.0.1"],
        "DATABASES": {
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(os.environ["FOLDER"]) / "ledger.db"}
        },
        "INSTALLED_APPS": ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        "ROOT_URLCONF": "urls",
        "LOGIN_REDIRECT_URL": "/",
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    }
    exec(documented("django-settings"), names)
    if os.environ.get("PKCE") == "no":
        names["OIDC_USE_PKCE"] = False
    return {name: value for name, value in names.items() if name.isupper()}


def _set_up() -> Any:
    """The WSGI application of a migrated site with its people."""
    import django
    from django.conf import settings

    settings.configure(**_settings())
    django.setup()
    _module("oidc", _backend())
    _module("urls", {"urlpatterns": _urls()})
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", verbosity=0)
    for key, username in USERS.items():
        get_user_model().objects.create_user(pk=key, username=username, email=f"{username}@ledger.example")
    return get_wsgi_application()


def _backend() -> dict[str, Any]:
    from django.core.exceptions import SuspiciousOperation
    from mozilla_django_oidc.auth import OIDCAuthenticationBackend

    names: dict[str, Any] = {
        "__name__": "oidc",
        "os": os,
        "urlencode": urlencode,
        "SuspiciousOperation": SuspiciousOperation,
        "OIDCAuthenticationBackend": OIDCAuthenticationBackend,
    }
    exec(documented("django-backend"), names)
    return names


def _urls() -> list[Any]:
    from django.http import HttpRequest, HttpResponse
    from django.urls import include, path, reverse

    def front(request: HttpRequest) -> HttpResponse:
        return HttpResponse(front_page(NAME, request.user.get_username(), reverse("oidc_logout"), "post"))

    def login(request: HttpRequest) -> HttpResponse:
        sign_in = reverse("oidc_authentication_init")
        return HttpResponse(login_page(NAME, sign_in, request.META["QUERY_STRING"]))

    def signed_out(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"<h1>You are signed out of {NAME}</h1>")

    return [
        path("", front),
        path("login/", login),
        path(SIGNED_OUT.removeprefix("/"), signed_out),
        path("oidc/", include("mozilla_django_oidc.urls")),
    ]


def _module(name: str, names: dict[str, Any]) -> None:
    module = ModuleType(name)
    module.__dict__.update(names)
    sys.modules[name] = module


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_line: Any) -> None:
        """Nothing is written down: addresses hold codes."""


if __name__ == "__main__":
    resolve_localhost()
    application = _set_up()
    make_server("127.0.0.1", listening_port(), application, _Server, _Quiet).serve_forever()
