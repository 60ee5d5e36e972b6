"""Languages that nobody speaks, made of the English words: one longer by a third, one from right to left."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.pages import catalogues

from linkmw.pages import language

LONGER, RIGHT_TO_LEFT = "qps", "ar"

_KEPT = re.compile(r"(<[^>]+>|%\(\w+\)s|\s+)")
_ARABIC = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي"


def longer(word: str) -> str:
    """`word` and a third more of it."""
    return word + word[: -(-len(word) // 3)]


def arabic(word: str) -> str:
    """As many Arabic letters as `word` has; they spell nothing."""
    return "".join(_ARABIC[ord(letter) % len(_ARABIC)] if letter.isalpha() else letter for letter in word)


def _changed(message: str, change: Callable[[str], str]) -> str:
    return "".join(part if _KEPT.fullmatch(part) else change(part) for part in _KEPT.split(message))


@contextmanager
def spoken(tag: str, folder: Path) -> Iterator[None]:
    """Within the block the language of that name is spoken, with a catalogue of its own in `folder`."""
    change = {LONGER: longer, RIGHT_TO_LEFT: arabic}[tag]
    words = catalogues.empty()
    for message in words:
        if message.id:
            forms = (message.id,) if isinstance(message.id, str) else message.id
            changed = tuple(_changed(form, change) for form in forms)
            message.string = changed if len(changed) > 1 else changed[0]
    file = folder / tag / "LC_MESSAGES" / f"{language.DOMAIN}.mo"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(catalogues.as_mo(words))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(language.LANGUAGES, tag, tag)
        patch.setattr(language, "LOCALE", folder)
        with language.speaking(tag):
            yield
    language._catalogue.cache_clear()
