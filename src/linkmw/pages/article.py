"""The English indefinite article in front of a name, by its sound: "an ACME ID", "a Nova Pass", "an SSO".

Other languages would need the name's gender, which nobody tells: their sentences use it as a proper name.
"""

from __future__ import annotations

import re

from linkmw.pages.language import current

_SPELLED_WITH_AN = frozenset("AEFHILMNORSX")  # letters whose own names begin with a vowel: an F, an M
_SILENT_H = re.compile(r"(hono|honest|heir|hour)", re.I)
_SOUNDS_LIKE_YOU = re.compile(r"(eu|uni(?!n|mp)|us[aeiu]|ut[aio]|ub[aei]|one(?![a-z])|once|u(?![a-z]))", re.I)
_NUMBER_WITH_AN = re.compile(r"(8|1[18](?!\d))")


def with_article(name: str) -> str:
    """`name` with "a" or "an" before it; in another language than English, as it is."""
    if current() != "en":
        return name
    return f"{'an' if _takes_an(name.strip()) else 'a'} {name}"


def _takes_an(name: str) -> bool:
    word = re.split(r"[^\w]", name, maxsplit=1)[0]
    if _is_spelled_out(word):
        return word[0] in _SPELLED_WITH_AN
    if _NUMBER_WITH_AN.match(word) or _SILENT_H.match(word):
        return True
    return word[:1].lower() in tuple("aeiouàâäéèöü") and not _SOUNDS_LIKE_YOU.match(word)


def _is_spelled_out(word: str) -> bool:
    """Capitals that cannot be said as a word: SSO, NHS, IBM. ACME can, so it is read as a word."""
    if not word.isupper() or not word.isalpha():
        return False
    return len(word) <= 3 or not re.search("[AEIOUY]", word)
