"""Which language is spoken, and its words. One language for one request, or for one mail.

Messages are written in English in templates and code; `locale/` holds the catalogues (GNU gettext).
"""

from __future__ import annotations

import gettext as gnu
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment

# By their own names, as a person looks for them (BCP 47 tags).
LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "ja": "日本語"}
DEFAULT = "en"
DOMAIN = "linkmw"

_SPOKEN: ContextVar[str] = ContextVar("linkmw.language", default=DEFAULT)


def current() -> str:
    """The language spoken now, a key of LANGUAGES."""
    return _SPOKEN.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Within the block `language` is spoken; one that there is no catalogue of is English."""
    token = _SPOKEN.set(language if language in LANGUAGES else DEFAULT)
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def choose(wanted: Iterable[str], default: str = DEFAULT) -> str:
    """The first of the tags `wanted` that we speak, a more general tag for a more special one (RFC 4647, 3.4)."""
    for tag in wanted:
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES:
            return language
    return default if default in LANGUAGES else DEFAULT


def gettext(message: str) -> str:
    """`message` in the language spoken now."""
    return _catalogue(current()).gettext(message)


def ngettext(one: str, many: str, number: int) -> str:
    """The form of the message for `number`, in the language spoken now."""
    return _catalogue(current()).ngettext(one, many, number)


def install(templates: Environment) -> None:
    """Give `templates` these words: `{% trans %}` and `_()` in them."""
    extended: Any = templates
    extended.install_gettext_callables(gettext, ngettext, newstyle=True)


@cache
def _catalogue(language: str) -> gnu.NullTranslations:
    return gnu.translation(DOMAIN, Path(__file__).parent / "locale", [language], fallback=True)
