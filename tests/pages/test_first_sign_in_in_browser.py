"""The pages of a first sign-in in a real browser: by roles, by keyboard, with the script and without."""

import pytest
from playwright.sync_api import expect, sync_playwright
from tests.pages import gallery

FOCUSED = "e => e === document.activeElement"
# A page that waits for each answer however long it takes, and counts those it has heard.
PATIENT = """
window.heard = 0;
AbortSignal.timeout = () => new AbortController().signal;
const asks = window.fetch;
window.fetch = (...what) => asks(...what).finally(() => { window.heard += 1 });
"""

BY_ROLES = [
    ("identify", "Sign in", ("textbox", "Email"), ("button", "Continue")),
    ("identify-unknown", "User not found", ("textbox", "Email"), ("button", "Continue")),
    ("login", "Sign in", ("textbox", "Password"), ("button", "Login")),
    ("confirm-address", "Confirm your email address", ("textbox", "Work email"), ("button", "Confirm & Continue")),
    ("inbox-code", "Enter the code", ("textbox", "Code"), ("button", "Continue")),
    ("link-old-account", "Link your account.", ("textbox", "Password"), ("button", "CONTINUE")),
    ("forgot", "Forgot your Wiki password?", ("textbox", "Email"), ("button", "SEND RESET LINK")),
    ("inbox", "Check your inbox", None, ("button", "Continue")),
    ("confirm-mail", "Is this your sign-in?", None, ("button", "Confirm this email")),
    ("email-confirmed", "Email confirmed", None, ("link", "Continue")),
    ("join-accounts", "We found more accounts of yours", None, ("button", "Continue")),
    ("have-identity", "You already have an ACME ID", None, ("button", "Continue")),
    ("address-conflict", "This address can’t be used", None, ("link", "Use another address")),
    ("reset-sent", "Check your inbox", None, ("link", "Back")),
    ("door-closed", "Sign in with ACME ID", None, ("link", "Sign in with ACME ID")),
]


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


@pytest.fixture
def new_page(browser):
    contexts = []

    def opened(**options):
        contexts.append(browser.new_context(**options))
        return contexts[-1].new_page()

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page):
    return new_page()


def by_role(page, role, name):
    return page.get_by_role(role, name=name, exact=True)


def test_ake07_to_ake22_pages_by_their_roles_and_where_the_focus_is(page, base):
    for name, heading, asked, pressed in BY_ROLES:
        page.goto(base + name)
        title = page.get_by_role("heading", name=heading, exact=True, level=1)
        assert title.is_visible(), name
        assert by_role(page, *pressed).is_visible(), name
        focused = by_role(page, *asked) if asked else title
        assert focused.evaluate(FOCUSED), name


def test_ake10_by_keyboard_the_hidden_username_is_passed_over(page, base):
    page.goto(base + "login")
    page.keyboard.type("old password")
    page.keyboard.press("Shift+Tab")
    assert by_role(page, "link", "not you?").evaluate(FOCUSED)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert by_role(page, "button", "Login").evaluate(FOCUSED)
    assert page.get_by_role("textbox").count() == 1


def test_ake06_boxes_by_keyboard_carry_account_and_product_in_their_names(page, base):
    page.goto(base + "join-accounts")
    page.keyboard.press("Tab")
    box = page.get_by_role("checkbox", name="ada.lovelace Helpdesk, used yesterday, 09:12 CET")
    assert box.evaluate(FOCUSED)
    page.keyboard.press("Space")
    assert not box.is_checked()
    page.get_by_text("Wiki, used 2 Nov").click()
    assert page.get_by_role("checkbox", name="ada Wiki").is_checked()


def test_ake13_the_waiting_page_goes_on_by_itself(page, base):
    answers = iter([{"confirmed": False}])
    page.clock.install()
    page.route("**/inbox/state?*", lambda route: route.fulfill(json=next(answers, {"confirmed": True})))
    with page.expect_response("**/inbox/state?*"):
        page.goto(base + "inbox")
    with page.expect_request(lambda request: request.method == "POST") as posted:
        page.clock.run_for(60_000)
    assert posted.value.url == base + "stay"
    assert posted.value.post_data == "csrf=csrf-token&flow=fl0w"


def test_ake13_it_asks_again_after_a_failure_and_no_more_after_a_no(page, base):
    asked = []

    def answer(route):
        asked.append(route.request.url)
        route.fulfill(status=503) if len(asked) < 3 else route.fulfill(status=410)

    page.clock.install()
    page.add_init_script(PATIENT)
    page.route("**/inbox/state?*", answer)
    page.goto(base + "inbox")
    for heard in (1, 2, 3):
        page.wait_for_function("heard => window.heard === heard", arg=heard)
        page.clock.run_for(3_000)
    page.clock.run_for(60_000)
    assert len(asked) == 3


def test_ake12_the_resend_button_says_when_it_is_ready(page, base):
    page.clock.install()
    page.goto(base + "inbox")
    resend = by_role(page, "button", "Resend")
    expect(resend).to_have_accessible_description(
        "Look in your spam folder first. 2 of 3 resends left, the next in 42 seconds."
    )
    page.clock.run_for(43_000)
    expect(resend).to_have_accessible_description("Look in your spam folder first. 2 of 3 resends left.")
    expect(resend).to_be_enabled()


def test_ake12_ake13_without_a_script_both_buttons_work(new_page, base):
    page = new_page(java_script_enabled=False)
    for name in ("Continue", "Resend"):
        page.goto(base + "inbox")
        with page.expect_request(lambda request: request.method == "POST") as posted:
            by_role(page, "button", name).press("Enter")
        assert posted.value.url == base + "stay", name


def test_ake12_the_wait_bar_runs_and_stands_still_for_who_wants_no_motion(new_page, base):
    width = "e => parseFloat(getComputedStyle(e, '::before').width) / e.clientWidth"
    for motion, animation in (("no-preference", "pass"), ("reduce", "none")):
        page = new_page(reduced_motion=motion)
        page.goto(base + "inbox")
        bar = page.locator(".wait")
        assert bar.evaluate("e => getComputedStyle(e, '::before').animationName") == animation
        assert 0.5 < bar.evaluate(width) <= 0.75
