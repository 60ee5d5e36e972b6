"""Django settings and routes of the product of these tests: nothing in a database, sessions in a signed cookie."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from tests.houses.pages import ECHO, PAGES, Page, received

DEBUG = False
SECRET_KEY = "not a secret, and long enough for Django to be content with it"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = __name__
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "linkmw_django",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
USE_TZ = True


def view(page: Page) -> Callable[[HttpRequest], HttpResponse]:
    def answer(request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            return HttpResponse(received(request.body, request.META.get("CONTENT_TYPE", "")), "text/plain")
        if len(page.chunks) == 1:
            return HttpResponse(page.chunks[0], status=page.status, headers=page.headers)
        return StreamingHttpResponse(list(page.chunks), status=page.status, headers=page.headers)

    return answer


urlpatterns = [path(route.removeprefix("/"), view(page)) for route, page in PAGES.items()]
urlpatterns += [path(route.removeprefix("/"), view(Page((b"",)))) for route in ECHO]
urlpatterns.append(path("account/", view(PAGES["/login"])))
