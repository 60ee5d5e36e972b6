"""Longer words, German ones, and a script from right to left, on a narrow telephone in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import sync_playwright
from tests.pages import gallery, pseudo

from linkmw.pages import language
from linkmw.pages.assets import BUTTON_CSS, LOOK_CSS

SCREENS = (
    "link-account-wrong-pair",
    "second-factor-too-many",
    "switch-account",
    "error-expired",
    "unlink",
    "linked",
    "dashboard",
    "dashboard-remove",
    "choose",
    "add-account",
)
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Text that is wider than the box it is in.
CUT = """() => [...document.querySelectorAll('main *, footer *, dialog *')]
    .filter(e => !e.closest('.unseen, svg') && e.scrollWidth > e.clientWidth + 1)
    .filter(e => getComputedStyle(e).display !== 'inline' && e.clientWidth > 0)
    .map(e => e.outerHTML.slice(0, 80))"""
# Addresses, codes and fields for them whose letters take their order from the sentence round them.
NOT_ISOLATED = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walk.nextNode()) {
    const text = walk.currentNode.data, inside = walk.currentNode.parentElement;
    if (!/\\S@\\S|\\b[0-9A-Z]{4}-[0-9A-Z]{4}\\b|\\b\\d+\\.\\d+\\.\\d+\\.\\d+\\b/.test(text)) continue;
    const own = inside.closest('bdi, [dir=ltr], .reference');
    if (!own || !getComputedStyle(own).unicodeBidi.includes('isolate')) found.push(text);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**gallery.CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def base():
    with gallery.served() as base:
        yield base


@pytest.fixture(scope="module")
def page(browser):
    context = browser.new_context(viewport={"width": 320, "height": 700}, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def open_screen(page, base, name, render):
    """The screen as the language spoken here has it; the server of the gallery speaks English."""
    html = render()
    page.route(f"{base}{name}", lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
    page.goto(f"{base}{name}")
    page.unroute(f"{base}{name}")


def broken(page, base):
    """What does not fit on any of the screens, in the language spoken now."""
    language.offer(language.Switch("/stay", "/here"))
    found = {}
    for name in SCREENS:
        open_screen(page, base, name, gallery.SCREENS[name])
        wrong = [page.evaluate(SIDEWAYS), page.evaluate(CUT)]
        if wrong != [0, []]:
            found[name] = wrong
    return found


def test_german_words_fit_on_a_telephone(page, base):
    with language.speaking("de"):
        assert broken(page, base) == {}


def test_words_longer_by_a_third_fit_on_a_telephone(page, base, tmp_path):
    with pseudo.spoken(pseudo.LONGER, tmp_path):
        assert broken(page, base) == {}


def test_from_right_to_left_everything_turns_but_addresses_and_codes(page, base, tmp_path):
    with pseudo.spoken(pseudo.RIGHT_TO_LEFT, tmp_path):
        assert broken(page, base) == {}
        for name in SCREENS:
            open_screen(page, base, name, gallery.SCREENS[name])
            assert page.evaluate("document.documentElement.dir") == "rtl", name
            assert page.evaluate("getComputedStyle(document.querySelector('h1')).direction") == "rtl", name
            assert page.evaluate(NOT_ISOLATED) == [], name
        open_screen(page, base, "second-factor", gallery.SCREENS["second-factor"])
        assert page.locator("#code").evaluate("e => getComputedStyle(e).direction") == "ltr"


def test_from_right_to_left_the_mail_turns_too(tmp_path):
    with pseudo.spoken(pseudo.RIGHT_TO_LEFT, tmp_path):
        assert '<html lang="ar" dir="rtl">' in gallery.mails()["mail-linked"].html
        assert 'dir="rtl"' in gallery.screens.sign_in_button(look=gallery.ORDERS.look, url="/x")


@pytest.mark.parametrize("sheet", [LOOK_CSS, BUTTON_CSS], ids=lambda sheet: sheet.name.partition(".")[0])
def test_a_sheet_knows_start_and_end_and_neither_left_nor_right(sheet):
    rules = re.sub(r"/\*.*?\*/", "", sheet.body.decode(), flags=re.DOTALL)
    said = re.findall(r"(?<![-\w.])(?:[a-z]+-)*(?:left|right)(?:-[a-z]+)*\s*[:;]", rules)
    assert said == []
    for value in re.findall(r"(?<![-\w])(?:margin|padding|inset)\s*:\s*([^;{}]+)", rules):
        sides = re.findall(r"(?:[^\s()]|\((?:[^()]|\([^()]*\))*\))+", value)  # top, right, bottom, left
        assert len(sides) < 4 or sides[1] == sides[3], value
