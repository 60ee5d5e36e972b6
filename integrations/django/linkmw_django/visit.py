"""A page of the project that is asked for from within a request, with the session as that has left it."""

from __future__ import annotations

from django.contrib import auth
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest

from linkmw import http
from linkmw.gate.after import answered


def of(request: HttpRequest, path: str) -> HttpRequest:
    """A GET of `path`, with what the middleware outside of ours has put on `request`."""
    meta = {"SCRIPT_NAME": "", **request.META}
    asked = http.Request("GET", path, headers={"cookie": meta.get("HTTP_COOKIE", "")}, raw=meta)
    made = WSGIRequest(answered(asked, (), path).raw)
    for name, value in vars(request).items():
        if not name.startswith("_"):
            vars(made).setdefault(name, value)
    made.user = auth.get_user(request)
    return made
