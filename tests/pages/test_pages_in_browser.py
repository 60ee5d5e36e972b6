"""Every screen in a real browser, served with the real headers: accessible, and whole in any width and scheme."""

import json

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import sync_playwright
from tests.pages import gallery

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = f"() => axe.run({{runOnly: {json.dumps(TAGS)}, resultTypes: ['violations']}})"
VIEWS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 320)]
# Colours are the same in any width, and places in either scheme: axe, which takes long, sees each of both once.
AXE_VIEWS = [("light", 1280), ("dark", 320)]

# The smallest side of whatever is pressed or typed into; links within sentences are as tall as their line (WCAG 2.5.8).
SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, select, input:not([type=hidden])')]
    .filter(e => !e.closest('p') && !e.closest('#login') && !e.closest('[aria-hidden=true]'))
    .map(e => e.type === 'checkbox' ? e.closest('label') : e)
    .map(e => [e.textContent.trim() || e.name, e.getBoundingClientRect()])
    .filter(([_, box]) => box.height < 43.99 || box.width < 43.99)
    .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""
# Boxes that hide what does not fit, and have something that does not.
CUT = """() => [...document.querySelectorAll('body *')]
    .filter(e => getComputedStyle(e).overflowX === 'hidden' && !e.closest('.unseen'))
    .filter(e => e.scrollWidth > e.clientWidth + 1)
    .map(e => e.outerHTML.slice(0, 80))"""
WORDY = (
    "link-account-wrong-pair",
    "second-factor",
    "error-expired",
    "switch-account-long",
    "dashboard-account-taken",
    "dashboard-linked",
    "dashboard-long",
    "dashboard-remove-long",
    "choose-long",
    "add-account-long",
    "sign-out-question",
    "identify-long",
    "login-long",
    "inbox-long",
    "confirm-mail-long",
    "email-confirmed-elsewhere",
    "join-accounts-long",
    "link-old-account-wrong-pair",
)
SIDEWAYS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


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
def looked_at(browser):
    """The page that all screens are looked at in. `bypass_csp` lets axe in; headers are tested apart."""
    context = browser.new_context(bypass_csp=True, reduced_motion="reduce")
    context.add_init_script(path=AXE_FILE_PATH)
    return context.new_page()


def in_every_view(page):
    """The loaded page in both schemes, wide and narrow."""
    for scheme, width in VIEWS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        yield scheme, width


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def violations(page, *but):
    found = page.evaluate(AXE)["violations"]
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found if rule["id"] not in but]


@pytest.mark.parametrize("name", sorted(gallery.SCREENS))
def test_every_screen_is_accessible_and_whole(name, looked_at, base):
    looked_at.goto(base + name)
    for view in in_every_view(looked_at):
        assert view not in AXE_VIEWS or violations(looked_at) == [], view
        assert looked_at.evaluate(SIDEWAYS) <= 0, view
        assert looked_at.evaluate(SMALL_TARGETS) == [], view


@pytest.mark.parametrize("name", sorted(gallery.MAILS))
def test_mim22_mails_are_accessible_and_whole(name, looked_at, base):
    looked_at.goto(base + name)
    for view in in_every_view(looked_at):
        # A mail is shown inside a mail program's own landmarks.
        assert view not in AXE_VIEWS or violations(looked_at, "region", "landmark-one-main") == [], view
        assert looked_at.evaluate(SIDEWAYS) <= 0, view


def test_axe_is_really_looking(looked_at, base):
    looked_at.goto(base + "link-account")
    looked_at.evaluate("document.querySelector('label').remove()")
    looked_at.add_style_tag(content=".lead { color: #ccc !important; background: #fff }")
    assert {rule for rule, _ in violations(looked_at)} >= {"color-contrast", "label"}


def test_xs04_no_screen_needs_what_the_policy_forbids(page, base):
    said = []
    page.on("console", lambda message: said.append(message.text))
    for name in gallery.SCREENS:
        page.goto(base + name)
        broken = "() => [...document.images].filter(i => !i.naturalWidth).map(i => i.src)"
        assert page.evaluate(broken) == [], name
    assert [text for text in said if "Content Security Policy" in text or "Refused" in text] == []


def test_mim04_the_proof_page_by_its_roles(page, base):
    page.goto(base + "link-account")
    assert page.get_by_role("heading", name="Link your account", exact=True).is_visible()
    assert page.get_by_role("textbox", name="Username", exact=True).evaluate("e => e === document.activeElement")
    page.keyboard.type("ada.l")
    page.keyboard.press("Tab")
    assert page.get_by_role("textbox", name="Password", exact=True).evaluate("e => e === document.activeElement")
    page.keyboard.press("Tab")
    assert page.get_by_role("button", name="Continue", exact=True).evaluate("e => e === document.activeElement")


def test_mim05_the_second_factor_page_by_its_roles(page, base):
    page.goto(base + "second-factor-used")
    code = page.get_by_role("textbox", name="Verification code", exact=True)
    assert code.evaluate("e => e === document.activeElement")
    assert page.get_by_role("button", name="Submit", exact=True).is_visible()
    assert page.get_by_role("link", name="Help with two-factor in Orders").is_visible()
    described = page.locator("#" + code.get_attribute("aria-describedby"))
    assert "no longer valid" in described.inner_text()


def test_mim06_mim08_mim23_pages_by_their_roles(page, base):
    for name, heading, role, control in [
        ("linked", "Your accounts are linked", "button", "Continue"),
        ("dashboard-account-taken", "ACME ID manager", "button", "Continue to Orders"),
        ("unlink", "Remove this link?", "button", "Remove link"),
        ("unlinked", "The link has been removed", "link", "Sign in to Orders"),
        ("confirm-start", "Sign in to Orders?", "link", "Sign in with ACME ID"),
        ("still-signed-in", "You are still signed in to Orders", "button", "Sign out of Orders and go on"),
        ("switch-account", "You are signed in as somebody else", "button", "Switch to ada.l"),
        ("error-expired", "This sign-in has expired", "link", "Start again"),
        ("signed-out", "You are signed out", "link", "Sign in with ACME ID"),
    ]:
        page.goto(base + name)
        found = page.get_by_role("heading", name=heading, exact=True, level=1)
        assert found.evaluate("e => e === document.activeElement"), name
        assert page.get_by_role(role, name=control, exact=True).is_visible(), name


@pytest.mark.parametrize("name", ["button-after-form", "button-at-marker", "button-fixed"])
def test_p2_the_button_looks_the_same_in_any_page(name, page, base):
    page.goto(base + name)
    link = page.get_by_role("link", name="Sign in with ACME ID", exact=True)
    look = link.locator(".lm-text").evaluate(
        "e => (s => [s.color, s.fontSize, s.textTransform, s.letterSpacing])(getComputedStyle(e))"
    )
    assert look == ["rgb(22, 25, 31)", "16px", "none", "normal"]
    assert link.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
    assert link.locator("img").evaluate("e => [e.width, getComputedStyle(e).filter]") == [24, "none"]
    assert link.bounding_box()["height"] >= 44


def test_p2_the_fixed_button_is_a_region_named_for_the_brand(page, base):
    page.goto(base + "button-fixed")
    assert page.get_by_role("region", name="ACME ID", exact=True).get_by_role("link").count() == 1


def test_pr18_going_on_goes_on_by_itself_under_the_policy(page, base):
    with page.expect_request(base + "stay"):
        page.goto(base + "going-on")
    assert page.get_by_role("link", name="Continue", exact=True).is_visible()


def test_everything_mirrors_from_right_to_left(page, base):
    page.set_viewport_size({"width": 320, "height": 800})
    for name in WORDY:
        page.goto(base + name)
        page.evaluate("document.documentElement.dir = 'rtl'")
        assert page.evaluate(SIDEWAYS) <= 0, name
    page.goto(base + "second-factor")
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert page.get_by_role("textbox").evaluate("e => getComputedStyle(e).direction") == "ltr"


@pytest.mark.parametrize(
    ("width", "css"),
    [
        (320, "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }"),
        (640, "html { font-size: 200% !important; }"),
    ],
)
def test_nothing_is_cut_with_wide_text_spacing_or_type_twice_as_large(width, css, looked_at, base):
    looked_at.set_viewport_size({"width": width, "height": 800})
    for name in WORDY:
        looked_at.goto(base + name)
        looked_at.add_style_tag(content=css)
        assert looked_at.evaluate(SIDEWAYS) <= 0, name
        assert looked_at.evaluate(CUT) == [], name


def test_forced_colours_keep_the_edges_that_carry_meaning(browser, base):
    context = browser.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(base + "link-account-wrong-pair")
    for selector in (".card", ".notice", ".button", "input[name=username]"):
        edge = page.locator(selector).first.evaluate("e => getComputedStyle(e).borderTopWidth")
        assert float(edge.removesuffix("px")) >= 1, selector
    context.close()


def test_without_any_stylesheet_the_page_reads_in_order(browser, base):
    context = browser.new_context()
    context.route("**/*.css", lambda route: route.abort())
    page = context.new_page()
    page.goto(base + "link-account-wrong-pair")
    text = page.inner_text("body")
    order = [
        "Link your account",
        "ada@acme.example",
        "don’t match",
        "Username",
        "Password",
        "Continue",
        "Forgot",
        "Help",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    context.close()


def test_the_reference_is_selected_with_one_click(page, base):
    page.goto(base + "error-expired")
    page.locator(".reference").click()
    assert page.evaluate("getSelection().toString()") == "7Q4K-M2XD"
