"""Pages and mails in every language: the catalogues are whole, and each language puts its sentences as it has to."""

from __future__ import annotations

import re
import unicodedata

import pytest
from tests.pages import catalogues, gallery
from tests.pages.catalogues import TRANSLATED

from linkmw.hub.mail import messages
from linkmw.hub.mail.wrap import wrapped
from linkmw.pages import language, negotiation, screens
from linkmw.pages.article import with_article
from linkmw.pages.browsers import describe

PLACES = re.compile(r"%\((\w+)\)s")
TAGS = re.compile(r"<[^>]+>")


@pytest.fixture(scope="module", params=TRANSLATED)
def words(request):
    return catalogues.written(request.param)


def pairs(words):
    """Each English form with each of the language's forms."""
    for message in words:
        if message.id:
            said = (message.id,) if isinstance(message.id, str) else message.id
            texts = (message.string,) if isinstance(message.string, str) else message.string
            yield from ((said[-1], text) for text in texts)


def test_every_message_is_translated_and_no_other_is_kept(words):
    assert catalogues.untranslated(words) == []
    assert {message.id for message in words} == {message.id for message in catalogues.empty()}


def test_a_translation_says_the_same_of_the_same_things(words):
    for said, text in pairs(words):
        assert sorted(set(PLACES.findall(text))) == sorted(set(PLACES.findall(said))), said
        assert text.strip() == text
        assert "%" not in PLACES.sub("", text)


def test_xs05_a_translation_brings_no_markup_of_its_own(words):
    for said, text in pairs(words):
        whole = '<span class="whole">'  # keeps an English word in one piece; others need not
        here, there = (sorted(TAGS.findall(each)) for each in (text, said))
        assert here in (there, [tag for tag in there if tag not in (whole, "</span>")]), said
        assert "<" not in TAGS.sub("", text)


def test_what_is_read_is_what_was_written(words):
    mo = catalogues.po(str(words.locale)).with_suffix(".mo").read_bytes()
    assert catalogues.spoken(mo) == catalogues.spoken(catalogues.as_mo(words))
    assert catalogues.tidy(catalogues.as_po(catalogues.renewed(str(words.locale)))) == (
        catalogues.po(str(words.locale)).read_bytes()
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "Choose one of these, then press Continue.",
        "<strong>Not confirmed yet.</strong> Open the link in the e-mail first, then press Continue.",
    ],
)
def test_a_button_that_a_sentence_names_is_named_as_it_is(words, sentence):
    assert words.get("Continue").string in words.get(sentence).string


@pytest.mark.parametrize("tag", TRANSLATED)
def test_every_screen_is_in_the_language_and_says_so(tag):
    shown = {name: render for name, render in gallery.SCREENS.items() if not name.endswith("-languages")}
    english = {name: render() for name, render in shown.items()}
    with language.speaking(tag):
        for name, render in shown.items():
            page = render()
            assert page != english[name], name
            assert f'lang="{tag}"' in page, name
            assert " an ACME ID" not in page, name
            assert "%(" not in page, name


def test_a_language_without_a_catalogue_is_english():
    with language.speaking("tlh"):
        assert language.current() == "en"
        assert language.direction() == "ltr"
        assert "The link has been removed" in screens.unlinked(look=gallery.HUB.look)


def test_the_article_is_english_grammar():
    assert with_article("ACME ID") == "an ACME ID"
    with language.speaking("de"):
        assert with_article("ACME ID") == "ACME ID"


def test_one_language_at_a_time():
    with language.speaking("de"):
        assert describe("Firefox/1 Linux") == "Firefox auf Linux"
        with language.speaking("fr"):
            assert describe("Firefox/1 Linux") == "Firefox sous Linux"
        assert describe("Firefox/1 Linux") == "Firefox auf Linux"
    assert describe("Firefox/1 Linux") == "Firefox on Linux"


def test_a_default_takes_no_place_of_what_was_asked_for():
    language.fall_back_to("fr")
    assert language.current() == "en"  # nobody is being answered
    with language.speaking("de"):
        language.fall_back_to("fr")
        assert language.current() == "de"
    with language.speaking(""):
        language.fall_back_to("fr")
        assert language.current() == "fr"
        language.fall_back_to("xx")
        assert language.current() == "fr"


# ---- mails


def linked(tag):
    values = {"account": "ada.l", "identity_email": gallery.ADA, "unlink_url": gallery.UNLINK_URL}
    with language.speaking(tag):
        return messages.linked(gallery.ENVELOPE, gallery.HAPPENING, **values)


@pytest.mark.parametrize(
    ("tag", "subject", "when"),
    [
        (
            "de",
            "Ihr Konto in Orders wurde mit ACME ID verknüpft",
            "Wann: 20. November 2026, 09:12 CET (Europe/Berlin)",
        ),
        (
            "fr",
            "Votre compte Orders a été associé à ACME ID",
            "Quand\u00a0: 20 novembre 2026, 09:12 CET (Europe/Berlin)",
        ),
        (
            "es",
            "Su cuenta de Orders se ha vinculado a ACME ID",
            "Cuándo: 20 de noviembre de 2026, 09:12 CET (Europe/Berlin)",
        ),
        (
            "ja",
            "Orders のアカウントが ACME ID と連携されました",
            "日時: 2026年11月20日 09:12 CET (Europe/Berlin)",
        ),
    ],
)
def test_mim22_a_mail_is_in_one_language_with_its_order_of_dates(tag, subject, when):
    mail = linked(tag)
    assert mail.subject == subject
    assert when in mail.text.splitlines()
    assert f'<html lang="{tag}">' in mail.html
    assert "Was this you" not in mail.html + mail.text
    assert gallery.UNLINK_URL in mail.text.splitlines()
    assert gallery.ADA not in mail.html + mail.text


def width(line):
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


@pytest.mark.parametrize("tag", TRANSLATED)
def test_mim22_the_text_part_keeps_to_72_columns_in_every_script(tag):
    for line in linked(tag).text.splitlines():
        assert width(line) <= 72 or line == gallery.UNLINK_URL


def test_wide_characters_take_two_columns_and_hold_their_punctuation():
    assert wrapped("ご本人の操作ですか？その場合、必要です。", 20) == "ご本人の操作ですか？\nその場合、必要です。"
    assert wrapped("ああああ（いい）", 10) == "ああああ\n（いい）"
    assert wrapped("ああ Orders を\n\nx y", 9) == "ああ\nOrders を\n\nx y"
    assert wrapped("a b c", 3) == "a b\nc"


# ---- which language


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", []),
        ("de", ["de"]),
        ("de-CH, fr;q=0.9, en;q=0.8", ["de-CH", "fr", "en"]),
        ("en;q=0.1,ja;q=0.5", ["ja", "en"]),
        ("fr;q=0, es", ["es"]),
        ("de;q=0.5, fr;q=0.5, es;q=0.500", ["de", "fr", "es"]),
        ("*", []),
        ("de ; q=1.000 ,, ja\t;\tQ=0.2", ["de", "ja"]),
        ("de;q=1.001", []),
        ("de;q=0.1234, fr", []),
        ("de;level=1", []),
        ("de_DE", []),
        ("dé", []),
        ("de, " * 20, ["de"] * 20),
        ("de, " * 21, []),
        ("de" + " " * 1023, []),
        ("x" * 9, []),
        ("de\r\nSet-Cookie: a=b", []),
    ],
)
def test_accept_language_is_read_to_the_letter_and_within_bounds(header, tags):
    assert negotiation.preferred(header) == tags


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["de-CH-1996"], "de"),
        (["pt", "ES-419"], "es"),
        (["zh-Hant", "ko"], ""),
        ([" ja "], "ja"),
        (["", "-", "e"], ""),
        (["dex", "fr"], "fr"),
    ],
)
def test_a_general_language_is_found_for_a_special_one(wanted, found):
    assert language.choose(wanted) == found
