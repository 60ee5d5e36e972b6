"""`manage.py check`: is linkmw wired so that it can work?"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  (Django's own name)

from linkmw_django.configuration import configuration

MIDDLEWARE = "linkmw_django.LinkMiddleware"
NEEDED_BEFORE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)


def middleware_order(**_: Any) -> list[CheckMessage]:
    """linkmw.W001: not in MIDDLEWARE. linkmw.E001: in front of what it builds upon."""
    middleware = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in middleware:
        return [Warning("linkmw does nothing.", hint=f"Add {MIDDLEWARE!r} to MIDDLEWARE.", id="linkmw.W001")]
    inside = middleware[middleware.index(MIDDLEWARE) :]
    return [
        Error(f"{MIDDLEWARE} comes before {name}.", hint="Put linkmw after it in MIDDLEWARE.", id="linkmw.E001")
        for name in NEEDED_BEFORE
        if name in inside
    ]


def settings_complete(**_: Any) -> list[CheckMessage]:
    """linkmw.W002: one for each setting that keeps linkmw off. A warning: the product works as before."""
    return [
        Warning(f"linkmw is off: {problem}.", hint="See docs/settings.md.", id="linkmw.W002")
        for problem in configuration().settings.problems
    ]


def login_routes(**_: Any) -> list[CheckMessage]:
    """linkmw.W003: one for each login page that the settings do not name; the admin's is often forgotten (HT18)."""
    from linkmw_django.routes import unlisted  # needs the models: loaded when the checks run

    if not configuration().settings.on:
        return []
    return [
        Warning(
            f"The login route {path} is left as it is.",
            hint="Add it to LINKMW['LOGIN_PATHS'], or silence this check.",
            id="linkmw.W003",
        )
        for path in unlisted()
    ]
