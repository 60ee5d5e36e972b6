"""The login routes of a project, as its URLs have them: those that linkmw is not told of are named (HT18)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.contrib.auth.views import LoginView
from django.shortcuts import resolve_url
from django.urls import (
    LocalePrefixPattern,
    NoReverseMatch,
    Resolver404,
    URLResolver,
    get_resolver,
    get_script_prefix,
    resolve,
    reverse,
)
from django.utils import translation

from linkmw_django.configuration import configuration

log = logging.getLogger("linkmw")

_ADMIN = "admin"


def unlisted() -> list[str]:
    """Paths of login pages that `login_paths` does not name. Never raises: a URLconf that fails is said elsewhere."""
    try:
        listed = set(configuration().settings.login_paths)
        return sorted({path for path in _login_paths() if path not in listed})
    except Exception:
        log.exception("linkmw could not look for login routes")
        return []


def login_pages() -> list[str]:
    """Paths of every login page there is, relative to the mount: that of LOGIN_URL first. Never raises."""
    try:
        return list(dict.fromkeys(map(_relative, (*_of_setting(), *sorted(_login_paths())))))
    except Exception:
        log.exception("linkmw could not look for login routes")
        return []


def _of_setting() -> Iterator[str]:
    """LOGIN_URL, where the project sets it, and it leads to a view of its own."""
    if not django_settings.is_overridden("LOGIN_URL"):
        return  # Django's default: a page of a content management system may answer there, with whatever it has
    try:
        path = urlsplit(str(resolve_url(django_settings.LOGIN_URL))).path
        resolve(_relative(path))
    except (NoReverseMatch, Resolver404):
        return
    yield path


def _relative(path: str) -> str:
    """`path` without FORCE_SCRIPT_NAME, which `reverse` puts in front."""
    return f"/{path.removeprefix(get_script_prefix()).lstrip('/')}"


def _login_paths() -> Iterator[str]:
    for language in _languages():
        with translation.override(language):
            for name in _names(get_resolver(), ()):
                try:
                    yield reverse(name)
                except NoReverseMatch:
                    continue  # its path holds something that is not known here


def _languages() -> list[str]:
    """i18n_patterns put the language before the path: `/de/login/`."""
    prefixed = any(isinstance(entry.pattern, LocalePrefixPattern) for entry in get_resolver().url_patterns)
    return [code for code, _ in django_settings.LANGUAGES] if prefixed else [translation.get_language() or "en"]


def _names(resolver: URLResolver, spaces: tuple[str, ...]) -> Iterator[str]:
    """The names under which login pages are found: Django's own view and what is built on it, and the admin's."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            inner = (*spaces, entry.namespace) if entry.namespace else spaces
            if entry.app_name == _ADMIN:
                yield ":".join((*inner, "login"))
            else:
                yield from _names(entry, inner)
        elif entry.name and _is_login(entry.callback):
            yield ":".join((*spaces, entry.name))


def _is_login(view: Any) -> bool:
    kind = getattr(view, "view_class", None)
    return isinstance(kind, type) and issubclass(kind, LoginView)
