"""`manage.py check`: is linkmw wired so that it can work?"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  (Django's own name)

from linkmw.settings import Settings
from linkmw_django.configuration import configuration

MIDDLEWARE = "linkmw_django.LinkMiddleware"
NEEDED_BEFORE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)
BETTER_BEFORE = ("django.middleware.gzip.GZipMiddleware", "django.middleware.http.ConditionalGetMiddleware")


def middleware_order(**_: Any) -> list[CheckMessage]:
    """linkmw.W001: not in MIDDLEWARE. E001: in front of what it builds upon. E002: twice. W003: in front of what packs
    a page, or names its version, before the button is in it.
    """
    middleware = list(settings.MIDDLEWARE)
    if MIDDLEWARE not in middleware:
        return [Warning("linkmw does nothing.", hint=f"Add {MIDDLEWARE!r} to MIDDLEWARE.", id="linkmw.W001")]
    inside = middleware[middleware.index(MIDDLEWARE) :]
    said: list[CheckMessage] = [
        Error(f"{MIDDLEWARE} comes before {name}.", hint="Put linkmw after it in MIDDLEWARE.", id="linkmw.E001")
        for name in NEEDED_BEFORE
        if name in inside
    ]
    if inside.count(MIDDLEWARE) > 1:
        said.append(Error(f"{MIDDLEWARE} is there twice.", hint="Keep the last of the two.", id="linkmw.E002"))
    return said + [
        Warning(f"{MIDDLEWARE} comes before {name}.", hint="Put linkmw after it in MIDDLEWARE.", id="linkmw.W003")
        for name in BETTER_BEFORE
        if name in inside
    ]


def settings_complete(**_: Any) -> list[CheckMessage]:
    """linkmw.W002: one for each setting that keeps linkmw off. A warning: the product works as before."""
    return [
        Warning(f"linkmw is off: {problem}.", hint="See docs/settings.md.", id="linkmw.W002")
        for settings in _each(configuration().settings)
        for problem in settings.problems
    ]


def login_routes(**_: Any) -> list[CheckMessage]:
    """linkmw.W004: one for each login page that the settings do not name; the admin's is often forgotten (HT18)."""
    from linkmw_django.routes import unlisted  # needs the models: loaded when the checks run

    if not configuration().settings.on:
        return []
    return [
        Warning(
            f"The login route {path} is left as it is.",
            hint="Add it to LINKMW['LOGIN_PATHS'], or silence this check.",
            id="linkmw.W004",
        )
        for path in unlisted()
    ]


def second_factors(**_: Any) -> list[CheckMessage]:
    """linkmw.W005: the native proof leaves out accounts with a second factor that no session tells of (PR04)."""
    from linkmw_django.second_factor import untold

    found = configuration()
    why = untold(found.settings, own_secrets=bool(found.totp_secret)) if found.settings.on else ""
    return [Warning(f"linkmw does not cover: {why}.", hint="See docs/adapters.md.", id="linkmw.W005")] if why else []


def _each(settings: Settings) -> list[Settings]:
    return [settings, *(own for _, own in settings.hosts)]
