"""Which language is spoken, and its words. One language for one request, or for one mail.

Messages are written in English in templates and code; `locale/` holds the catalogues (GNU gettext). How they are kept
up to date: CONTRIBUTING.md.
"""

from __future__ import annotations

import gettext as gnu
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment

# By their own names, as a person looks for them (BCP 47 tags).
LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "ja": "日本語"}
DEFAULT = "en"
DOMAIN = "linkmw"
LOCALE = Path(__file__).parent / "locale"

# Languages whose script is written from right to left. None has a catalogue yet; pages are ready for one.
_RIGHT_TO_LEFT = frozenset(("ar", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"))


@dataclass(frozen=True, slots=True)
class Switch:
    """The form at the foot of a page, by which its language is changed.

    action: the path it posts to. here: the path of this page, to come back to; "" where its address holds what
    belongs into no page, and the browser's own word (Referer) has to do.
    """

    action: str
    here: str


@dataclass(frozen=True, slots=True)
class _Speech:
    """What is spoken. settled: somebody asked for it, so that no tenant's default takes its place.

    chosen: by the person, or by the other half for them; a browser's preference is not.
    """

    language: str = DEFAULT
    settled: bool = True
    chosen: bool = False
    switch: Switch | None = None


_SPOKEN: ContextVar[_Speech] = ContextVar("linkmw.language", default=_Speech())  # noqa: B039 (it is frozen)


def current() -> str:
    """The language spoken now, a key of LANGUAGES."""
    return _SPOKEN.get().language


def direction() -> Literal["ltr", "rtl"]:
    """How the language spoken now is written."""
    return "rtl" if current().partition("-")[0] in _RIGHT_TO_LEFT else "ltr"


def switch() -> Switch | None:
    """The form in the footer; None where there is no request to come back to: in mails, in a product's own page."""
    return _SPOKEN.get().switch


def handed_on() -> dict[str, str]:
    """What the other half is told at its address: the language that was chosen.

    What the browser prefers, and so what is no choice, it tells both halves itself.
    """
    speech = _SPOKEN.get()
    return {"ui_locales": speech.language} if speech.chosen else {}


@contextmanager
def speaking(language: str, *, chosen: bool = False) -> Iterator[None]:
    """Within the block `language` is spoken; one that there is no catalogue of is English. "" asks for none yet."""
    known = language in LANGUAGES
    speech = _Speech(language if known else DEFAULT, settled=known, chosen=chosen and known)
    token = _SPOKEN.set(speech)
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def fall_back_to(language: str) -> None:
    """From here to the end of the block `language` is spoken, if nobody asked for another one: a tenant's own."""
    speech = _SPOKEN.get()
    if not speech.settled and language in LANGUAGES:
        _SPOKEN.set(replace(speech, language=language))


def offer(form: Switch) -> None:
    """Pages show `form`, from here to the end of the block."""
    _SPOKEN.set(replace(_SPOKEN.get(), switch=form))


def choose(wanted: Iterable[str]) -> str:
    """The first of the tags `wanted` that we speak, a more general tag for a more special one (RFC 4647, 3.4).

    "" when we speak none of them.
    """
    return next((found for tag in wanted if (found := _look_up(tag.strip().lower()))), "")


def _look_up(tag: str) -> str:
    spoken = {language.lower(): language for language in LANGUAGES}
    while tag and tag not in spoken:
        tag = tag.rpartition("-")[0]
    return spoken.get(tag, "")


def gettext(message: str) -> str:
    """`message` in the language spoken now."""
    return _catalogue(current()).gettext(message)


def ngettext(one: str, many: str, number: int) -> str:
    """The form of the message for `number`, in the language spoken now."""
    return _catalogue(current()).ngettext(one, many, number)


def install(templates: Environment) -> None:
    """Give `templates` these words: `{% trans %}` and `_()` in them, and what a page says of its language."""
    extended: Any = templates
    extended.install_gettext_callables(gettext, ngettext, newstyle=True)
    templates.globals.update(language=current, direction=direction, switch=switch, languages=LANGUAGES)


@cache
def _catalogue(language: str) -> gnu.NullTranslations:
    return gnu.translation(DOMAIN, LOCALE, [language], fallback=True)
