"""The manager, its chooser and its dialog as people use them: by keyboard, mouse and finger."""

import re
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import expect, sync_playwright
from tests.pages import gallery

ARROW = re.compile("^Move ")
ORDERS_ROWS = "section[aria-labelledby=product-1] tbody tr strong"


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
    """A page of a context with the given options."""
    contexts = []

    def open_page(**options):
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}))
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page):
    return new_page()


class Hub:
    """What the order form is posted to. It keeps what it was sent; `answer` says what comes back to the script."""

    def __init__(self, page, answer=None):
        self.posts = []
        self._answer = answer or (lambda sent: (200, {"order": [int(link) for link in sent["order"].split(",")]}))
        page.route("**/order", self._on_post)

    def _on_post(self, route):
        sent = dict(parse_qsl(route.request.post_data))
        accept = route.request.headers["accept"]
        self.posts.append((accept, sent))
        if accept != "application/json":
            route.fulfill(content_type="text/html", body="<title>The hub's own page</title>")
            return
        status, body = self._answer(sent)
        if status:
            route.fulfill(status=status, json=body)
        else:
            route.abort()


def usernames(page):
    return page.locator(ORDERS_ROWS).all_inner_texts()


def grip(page, account):
    box = page.locator("tr", has_text=account).locator(".grip").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, account, to):
    """Grab `account` with the mouse and let it go where `to` is."""
    x, y = grip(page, account)
    _, end = grip(page, to)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, (y + end) / 2, steps=5)
    page.mouse.move(x, end, steps=5)
    page.mouse.up()


def focused(page):
    """The name of what has the focus, as a screen reader says it."""
    return page.evaluate(
        "(e => e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.innerText)(document.activeElement)"
    )


def test_mim10_mim11_mim20_a_product_has_its_table_and_its_buttons_by_name(page, base):
    page.goto(base + "dashboard")
    orders = page.get_by_role("region", name="Orders", exact=True)
    assert orders.get_by_role("columnheader").all_inner_texts() == ["Username", "Actions"]
    assert orders.get_by_role("button", name="Add an account of Orders", exact=True).inner_text() == "+ Add"
    assert usernames(page) == ["ada.l", "ada.admin", "warehouse-7"]
    with page.expect_request("**/t/acme/remove/9*") as opened:
        orders.get_by_role("button", name="Remove ada.admin", exact=True).click()
    assert opened.value.method == "GET"


def test_mim10_a_product_without_links_is_title_and_button(page, base):
    page.goto(base + "dashboard")
    wiki = page.get_by_role("region", name="Wiki", exact=True)
    assert wiki.get_by_role("table").count() == 0
    assert wiki.get_by_role("button").count() == 1


def test_mim19_arrows_say_whom_they_move_and_stay_at_the_ends(page, base):
    page.goto(base + "dashboard")
    for name, disabled in [
        ("Move ada.l up", "true"),
        ("Move ada.l down", None),
        ("Move ada.admin up", None),
        ("Move warehouse-7 down", "true"),
    ]:
        assert page.get_by_role("button", name=name, exact=True).get_attribute("aria-disabled") == disabled, name
    helpdesk = page.get_by_role("region", name="Helpdesk", exact=True)
    assert helpdesk.get_by_role("button", name=ARROW).count() == 0
    assert helpdesk.locator(".grip").count() == 0


def test_mim19_an_arrow_posts_the_account_and_the_order_that_was_seen(new_page, base):
    page = new_page(java_script_enabled=False)
    hub = Hub(page)
    page.goto(base + "dashboard")
    page.get_by_role("button", name="Move warehouse-7 up", exact=True).press("Enter")
    [(_, sent)] = hub.posts
    assert sent == {"csrf": "csrf-token", "client_id": "a-product", "seen": "7,9,12", "up": "12"}


def test_mim19_after_a_move_the_arrow_keeps_the_focus_and_the_place_is_said(page, base):
    page.goto(base + "dashboard-moved")
    arrow = page.get_by_role("button", name="Move ada.l up", exact=True)
    expect(arrow).to_be_focused()
    expect(arrow).to_have_accessible_description("ada.l is now first of 3")
    assert page.locator("#said-1").get_attribute("role") == "status"


def test_mim19_dragging_with_the_mouse_saves_at_once_and_says_so(page, base):
    hub = Hub(page)
    page.goto(base + "dashboard")
    drag(page, "warehouse-7", to="ada.l")
    expect(page.locator("#said-1")).to_have_text("warehouse-7 is now first of 3")
    assert usernames(page) == ["warehouse-7", "ada.l", "ada.admin"]
    [(accept, sent)] = hub.posts
    assert accept == "application/json"
    assert sent == {"csrf": "csrf-token", "client_id": "a-product", "seen": "7,9,12", "order": "12,7,9"}
    for name, disabled in [("Move warehouse-7 up", "true"), ("Move ada.l up", None), ("Move ada.admin down", "true")]:
        assert page.get_by_role("button", name=name, exact=True).get_attribute("aria-disabled") == disabled, name


def test_rc06_a_second_drag_starts_from_what_the_first_one_left(page, base):
    hub = Hub(page)
    page.goto(base + "dashboard")
    drag(page, "warehouse-7", to="ada.l")
    drag(page, "ada.admin", to="ada.l")
    expect(page.locator("#said-1")).to_have_text("ada.admin is now second of 3")
    assert [(sent["seen"], sent["order"]) for _, sent in hub.posts] == [("7,9,12", "12,7,9"), ("12,7,9", "12,9,7")]


def test_mim19_dragging_with_a_finger_moves_the_account_and_not_the_page(new_page, base):
    page = new_page(has_touch=True, is_mobile=True, viewport={"width": 320, "height": 900})
    hub = Hub(page)
    page.goto(base + "dashboard")
    (x, y), (_, end) = grip(page, "ada.l"), grip(page, "ada.admin")
    touch = page.context.new_cdp_session(page)
    for kind, points in [
        ("touchStart", [{"x": x, "y": y}]),
        *[("touchMove", [{"x": x, "y": y + (end - y) * part / 5}]) for part in range(1, 6)],
        ("touchEnd", []),
    ]:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page.locator("#said-1")).to_have_text("ada.l is now second of 3")
    assert usernames(page) == ["ada.admin", "ada.l", "warehouse-7"]
    assert page.evaluate("scrollY") == 0
    assert hub.posts[0][1]["order"] == "9,7,12"


def test_rc06_an_order_changed_elsewhere_is_answered_by_the_hubs_own_page(page, base):
    hub = Hub(page, lambda sent: (409, {"order": [9, 7, 12]}))
    page.goto(base + "dashboard")
    drag(page, "warehouse-7", to="ada.l")
    expect(page).to_have_title("The hub's own page")
    assert [sent["order"] for _, sent in hub.posts] == ["12,7,9", "12,7,9"]
    assert hub.posts[1][1]["seen"] == "7,9,12"


@pytest.mark.parametrize("answer", [(503, {}), (None, None)])
def test_mim19_an_order_that_was_not_saved_is_put_back_and_said(answer, page, base):
    Hub(page, lambda sent: answer)
    page.goto(base + "dashboard")
    drag(page, "warehouse-7", to="ada.l")
    expect(page.get_by_role("alert")).to_contain_text("The order was not saved.")
    assert usernames(page) == ["ada.l", "ada.admin", "warehouse-7"]


def test_mim19_letting_go_with_escape_or_where_it_was_changes_nothing(page, base):
    hub = Hub(page)
    page.goto(base + "dashboard")
    drag(page, "ada.l", to="ada.l")
    x, y = grip(page, "ada.l")
    _, end = grip(page, "warehouse-7")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, end, steps=5)
    assert usernames(page)[0] == "ada.admin"
    page.keyboard.press("Escape")
    page.mouse.up()
    assert usernames(page) == ["ada.l", "ada.admin", "warehouse-7"]
    assert hub.posts == []


def test_mim19_without_a_script_there_is_no_handle(new_page, base):
    page = new_page(java_script_enabled=False)
    page.goto(base + "dashboard")
    assert page.locator(".grip:visible").count() == 0
    assert page.get_by_role("button", name=ARROW).count() == 6


@pytest.mark.parametrize("scripts", [True, False])
def test_mim20_the_dialog_asks_and_the_rest_of_the_page_is_out_of_reach(scripts, new_page, base):
    page = new_page(java_script_enabled=scripts)
    page.goto(base + "dashboard-remove")
    dialog = page.get_by_role("alertdialog", name="Remove ada.admin from ACME ID?")
    cancel = dialog.get_by_role("button", name="Cancel", exact=True)
    expect(cancel).to_be_focused()
    expect(dialog).to_have_accessible_description(
        "ACME ID will no longer open this Orders account, and its sessions end now. The account itself stays, with its"
        " password. We’ll confirm by e-mail. You can link it again at any time."
    )
    reached = []
    for _ in range(4):
        page.keyboard.press("Shift+Tab")
        reached.append(page.locator("dialog :focus, :not(dialog *):focus:not(body)").all_inner_texts())
    assert {text for texts in reached for text in texts} == {"Yes - Delete", "Cancel"}
    with page.expect_request("**/t/acme/*"):
        cancel.click()


def test_mim20_escape_closes_the_dialog(page, base):
    page.goto(base + "dashboard-remove")
    with page.expect_request("**/t/acme/*"):
        page.keyboard.press("Escape")


def test_mim20_on_a_phone_the_dialog_is_a_sheet_at_the_bottom(new_page, base):
    page = new_page(viewport={"width": 320, "height": 700})
    page.goto(base + "dashboard-remove")
    box = page.get_by_role("alertdialog").bounding_box()
    assert (box["x"], box["width"]) == (0, 320)
    assert box["y"] + box["height"] == 700


def test_mim20_a_dialog_higher_than_the_screen_can_be_scrolled_to_its_end(new_page, base):
    page = new_page(viewport={"width": 320, "height": 256})  # 1280 x 1024 at 400 %
    page.goto(base + "dashboard-remove-long")
    for name in ("Cancel", "Yes - Delete"):
        button = page.get_by_role("button", name=name, exact=True)
        button.focus()
        expect(button).to_be_in_viewport(ratio=1)


def test_mim17_mim18_the_chooser_is_a_native_drop_down(page, base):
    page.goto(base + "choose")
    choice = page.get_by_role("combobox", name="Select an option", exact=True)
    expect(choice).to_be_focused()
    assert choice.locator("option").all_inner_texts() == [
        "ada.l – last used",
        "ada.admin",
        "warehouse-7",
        "Add another account",
    ]
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert focused(page) == "Continue"
    with page.expect_request(lambda request: request.method == "POST") as posted:
        page.keyboard.press("Enter")
    assert dict(parse_qsl(posted.value.post_data)) == {"csrf": "csrf-token", "flow": "fl0w", "choice": "9"}


def test_mim11_adding_explains_first_and_can_be_left(page, base):
    page.goto(base + "add-account")
    assert page.get_by_role("heading", name="Add an account of Orders", level=1).is_visible()
    assert "Sign out of Orders first, also in other tabs." in page.inner_text("main")
    assert page.get_by_role("button").all_inner_texts() == ["Continue", "Cancel"]
    with page.expect_request("**/t/acme/*"):
        page.get_by_role("button", name="Cancel", exact=True).click()


def test_sc11_sessions_are_listed_and_each_other_one_can_be_ended(page, base):
    page.goto(base + "dashboard")
    here, there = page.get_by_role("region", name="Where you’re signed in").get_by_role("listitem").all()
    assert "This browser" in here.inner_text()
    assert here.get_by_role("button").count() == 0
    assert there.get_by_role("button", name="End Safari on iPhone", exact=True).is_visible()
    assert page.get_by_role("button", name="Sign out everywhere", exact=True).is_visible()


@pytest.mark.parametrize("width", [1280, 320])
def test_the_tab_key_goes_in_reading_order_and_every_stop_is_seen(width, new_page, base):
    page = new_page(viewport={"width": width, "height": 500})
    page.goto(base + "dashboard-account-taken")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    stops = []
    while not stops or stops[-1] != "Privacy":
        page.keyboard.press("Tab")
        stops.append(focused(page))
        ring = page.evaluate("(s => s.outlineStyle + ' ' + s.outlineWidth)(getComputedStyle(document.activeElement))")
        assert ring == "solid 3px", stops[-1]
        expect(page.locator(":focus")).to_be_in_viewport(ratio=1)
    assert stops == [
        "Continue to Orders",
        "Add an account of Orders",
        *["Move ada.l up", "Move ada.l down", "Remove ada.l"],
        *["Move ada.admin up", "Move ada.admin down", "Remove ada.admin"],
        *["Move warehouse-7 up", "Move warehouse-7 down", "Remove warehouse-7"],
        *["Add an account of Helpdesk", "Remove ada.lovelace", "Add an account of Wiki"],
        *["End Safari on iPhone", "Sign out everywhere", "Help", "Privacy"],
    ]


def test_forced_colours_keep_edges_and_icons(new_page, base):
    page = new_page(forced_colors="active")
    page.goto(base + "dashboard-remove")
    for selector in (".panel", ".chip", "dialog", ".button.danger"):
        width = page.locator(selector).first.evaluate("e => getComputedStyle(e).borderTopWidth")
        assert width == "1px", selector
    page.goto(base + "dashboard")
    colours = (
        "e => [getComputedStyle(e.querySelector('svg')).stroke, getComputedStyle(e.closest('td')).backgroundColor]"
    )
    for name in ("Move ada.l down", "Remove ada.l"):
        stroke, ground = page.get_by_role("button", name=name, exact=True).evaluate(colours)
        assert stroke != ground, name


def test_without_any_stylesheet_the_manager_reads_in_order(new_page, base):
    page = new_page(java_script_enabled=False)
    page.route("**/*.css", lambda route: route.abort())
    page.goto(base + "dashboard-linked")
    text = page.inner_text("body")
    order = ["ACME ID", "Sign out", "ACME ID manager", "warehouse-7 in Orders is linked. A confirmation", "Username"]
    order += ["Last sign-in today", "Where you’re signed in", "Recent activity", "Privacy"]
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_mim13_mim20_what_just_happened_is_said_first_and_in_the_right_role(page, base):
    for name, role, words in [
        (
            "dashboard-linked",
            "status",
            "warehouse-7 in Orders is linked. A confirmation is on its way to ada@acme.example.",
        ),
        ("dashboard-removed", "status", "ACME ID no longer opens ada.admin in Orders."),
        ("dashboard-session-ended", "status", "That session has ended, and with it what it opened."),
        ("dashboard-gone", "status", "That is gone already."),
        ("dashboard-order-changed", "alert", "The list was changed in another window."),
        ("dashboard-account-taken", "alert", "That Orders account belongs to another ACME ID."),
    ]:
        page.goto(base + name)
        assert page.locator(f"main > .notice[role={role}]").inner_text().startswith(words), name


def test_everything_of_the_manager_mirrors_from_right_to_left(page, base):
    page.goto(base + "dashboard")
    page.evaluate("document.documentElement.dir = 'rtl'")
    row = page.locator("section[aria-labelledby=product-1] tbody tr").first
    handle, name, trash = (row.locator(part).bounding_box()["x"] for part in (".grip", "strong", ".remove"))
    assert handle > name > trash
