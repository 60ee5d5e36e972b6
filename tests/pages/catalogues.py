"""The words of pages and mails in every language: what templates and code say, held against `pages/locale`.

`python -m tests.pages.catalogues --write` brings the catalogues up to date: new messages come in untranslated, gone
ones go, and what `gettext` reads (.mo) is built from what people write (.po). Without it, it says what is missing.
"""

from __future__ import annotations

import gettext
import io
import re
import sys
from pathlib import Path

from babel.core import Locale
from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from linkmw.pages.language import DEFAULT, DOMAIN, LANGUAGES, LOCALE

SOURCE = Path(__file__).resolve().parents[2] / "src" / "linkmw"
TEMPLATES = (SOURCE / "pages" / "templates", SOURCE / "hub" / "mail" / "templates")
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
# How the environments of pages and mails read a template: what they trim is not in a message either.
OPTIONS = {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}

TRANSLATED = tuple(language for language in LANGUAGES if language != DEFAULT)


class Words(Catalog):
    """A catalogue whose head says what a reader needs, and no dates: the same words are the same file."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        plural = get_plural(self.locale) if self.locale else None
        return [
            ("Project-Id-Version", "linkmw"),
            *((("Language", str(self.locale)),) if self.locale else ()),
            *((("Plural-Forms", plural.plural_forms),) if plural else ()),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]

    @mime_headers.setter
    def mime_headers(self, headers: list[tuple[str, str]]) -> None:
        """What a file's head says adds nothing."""


def messages() -> list[tuple[str, str | tuple[str, ...]]]:
    """Every message of templates and code, English, with the file it is in."""
    found: list[tuple[str, str | tuple[str, ...]]] = []
    for folder in TEMPLATES:
        for path in sorted(folder.iterdir()):
            with path.open("rb") as file:
                said = [message for _, _, message, _ in babel_extract(file, list(KEYWORDS), [], OPTIONS)]
            found += [(_name(path), _forms(message)) for message in said if message]
    for path in sorted(SOURCE.rglob("*.py")):
        with path.open("rb") as file:
            found += [(_name(path), message) for _, message, _, _ in extract("python", file, KEYWORDS)]
    return found


def _forms(message: str | tuple[str | None, ...]) -> str | tuple[str, ...]:
    """Jinja hands over what stands in the places of other arguments too: None."""
    forms = (message,) if isinstance(message, str) else tuple(form for form in message if form)
    return forms if len(forms) > 1 else forms[0]


def _name(path: Path) -> str:
    return path.relative_to(SOURCE.parent).as_posix()


def empty(language: str = "") -> Words:
    """A catalogue with every message and no translation."""
    words = Words(Locale.parse(language) if language else None, DOMAIN, header_comment="# The words of linkmw.")
    words.fuzzy = False
    for file, message in messages():
        words.add(message, locations=[(file, 0)])
    return words


def po(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def written(language: str) -> Catalog:
    """The catalogue as it is on disk."""
    with po(language).open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def renewed(language: str) -> Words:
    """The catalogue with the messages there are now, and the translations there were."""
    words = empty(language)
    before = written(language) if po(language).exists() else Catalog()
    for message in words:
        known = before.get(message.id)
        if message.id and known is not None:
            message.string = known.string
    return words


def as_po(words: Catalog) -> bytes:
    file = io.BytesIO()
    write_po(file, words, width=110, sort_by_file=True, include_lineno=False, include_previous=False)
    return file.getvalue()


def as_mo(words: Catalog) -> bytes:
    file = io.BytesIO()
    write_mo(file, words)
    return file.getvalue()


def spoken(mo: bytes) -> dict[object, str]:
    """What a compiled catalogue says, its head left out."""
    known = gettext.GNUTranslations(io.BytesIO(mo))
    return {key: text for key, text in known._catalog.items() if key}  # type: ignore[attr-defined]


def untranslated(words: Catalog) -> list[object]:
    """The messages that the catalogue has no words for."""
    texts = [(message.id, message.string) for message in words if message.id]
    return [said for said, text in texts if not text or (isinstance(text, tuple) and not all(text))]


def tidy(text: bytes) -> bytes:
    """Without the lines that tools leave about who and when."""
    return re.sub(rb"\n{3,}", b"\n\n", text)


def main() -> int:
    missing = 0
    for language in TRANSLATED:
        words = renewed(language)
        for message in untranslated(words):
            missing += 1
            print(f"{language}: {message}")
        if "--write" in sys.argv:
            po(language).parent.mkdir(parents=True, exist_ok=True)
            po(language).write_bytes(tidy(as_po(words)))
            po(language).with_suffix(".mo").write_bytes(as_mo(words))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
