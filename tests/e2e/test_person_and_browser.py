"""What people do to a sign-in: Back, reload, pressing twice, many tabs, saying no, being somebody else."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect
from tests.e2e.houses import one_of
from tests.e2e.person import BRAND, Person, code_now

HOUSES = one_of("orders-wsgi", "wiki")
TABS = 11  # one more than a browser may have under way (FC06)


class Seat(Person):
    """A person who knows the way through a sign-in."""

    def goes_to_keycloak(self, product) -> None:
        self.opens(product.protected_url)
        self.presses_sign_in()
        expect(self.page.locator("#kc-login")).to_be_visible()

    def comes_to_the_proof(self, product, identity) -> None:
        self.goes_to_keycloak(product)
        self.signs_in_at_keycloak(identity.email, identity.password)
        expect(self.heading("Link your account")).to_be_visible()

    def heading(self, name: str) -> Locator:
        return self.page.get_by_role("heading", name=name, exact=True)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)


@pytest.fixture
def seat(new_browser):
    """Somebody at a browser of their own; at the end no page may have answered 500 or more."""
    person = Seat.sits_down(new_browser())
    answers = []
    person.context.on("response", lambda answer: answers.append(answer))  # Playwright wants a function of Python's
    yield person
    assert [f"{answer.status} {answer.url}" for answer in answers if answer.status >= 500] == []


def _twice(control: Locator) -> None:
    """Pressed, and pressed again while the answer is on its way."""
    control.evaluate("(control) => { control.click(); setTimeout(() => control.click(), 40); }")


# --- Back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("house", HOUSES)
def test_fc05_back_at_each_step_leads_to_a_page_that_goes_on(world, seat, house) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house, totp=True)
    page = seat.page
    seat.goes_to_keycloak(product)
    page.go_back()
    assert seat.sees_button()
    seat.presses_sign_in()
    seat.signs_in_at_keycloak(identity.email, identity.password)
    expect(seat.heading("Link your account")).to_be_visible()

    # Behind it is Keycloak, which knows the person by now and answers the same request once more.
    page.go_back()
    expect(seat.heading("Link your account")).to_be_visible()
    page.go_forward()
    expect(seat.heading("Link your account")).to_be_visible()
    seat.proves(account.username, account.password)
    expect(seat.heading("Two-factor authentication")).to_be_visible()

    # The password was right already: the step that is next is shown, wherever one comes from.
    page.go_back()
    expect(seat.heading("Two-factor authentication")).to_be_visible()
    page.go_forward()
    seat.enters_code(code_now(account.totp_secret))
    seat.sees_linked()
    page.go_back()
    seat.sees_linked()
    page.go_forward()
    seat.sees_linked()
    seat.continues()
    expect(page).to_have_url(product.protected_url)

    page.go_back()
    seat.sees_linked()
    seat.continues()
    expect(page).to_have_url(re.compile(re.escape(product.url)))
    seat.is_signed_in_as(account.username, product.url)
    assert [mail["subject"] for mail in world.inbox.messages(to=account.email)] in (
        [],
        [f"Your {product.name} account has been linked from an {BRAND}"],
    )


# --- reload -------------------------------------------------------------------------------------


@pytest.mark.parametrize("house", HOUSES)
def test_fc05_each_page_of_the_flow_can_be_reloaded(world, seat, house) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house, totp=True)
    page = seat.page

    def reloads(heading: str) -> None:
        expect(seat.heading(heading)).to_be_visible()
        page.reload()
        expect(seat.heading(heading)).to_be_visible()

    seat.goes_to_keycloak(product)
    page.reload()
    seat.signs_in_at_keycloak(identity.email, identity.password)
    reloads("Link your account")
    seat.proves(account.username, "not-the-password")
    expect(page.get_by_role("alert")).to_contain_text("don’t match")
    page.reload()  # posted again, as browsers offer to
    expect(page.get_by_role("alert")).to_contain_text("don’t match")
    seat.proves(account.username, account.password)
    reloads("Two-factor authentication")
    seat.enters_code(code_now(account.totp_secret))
    reloads("Your accounts are linked")
    seat.continues()
    expect(page).to_have_url(product.protected_url)
    page.reload()
    seat.is_signed_in_as(account.username, product.url)


@pytest.mark.parametrize("house", HOUSES)
def test_fc05_not_you_can_be_reloaded_and_left(world, seat, house) -> None:
    product, identity = world.products[house], world.new_identity()
    seat.comes_to_the_proof(product, identity)
    seat.page.get_by_role("link", name="not you?").click()
    expect(seat.page.get_by_text(identity.email)).to_be_visible()
    seat.page.reload()
    expect(seat.page.get_by_text(identity.email)).to_be_visible()
    seat.page.go_back()
    expect(seat.heading("Link your account")).to_be_visible()


# --- twice --------------------------------------------------------------------------------------


@pytest.mark.parametrize("house", HOUSES)
def test_fc05_every_button_can_be_pressed_twice(world, seat, house) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house)
    page = seat.page
    seat.opens(product.protected_url)
    _twice(page.get_by_role("link", name=f"Sign in with {BRAND}", exact=True))
    page.locator("#username").fill(identity.email)
    page.locator("#password").fill(identity.password)
    _twice(page.locator("#kc-login"))
    expect(seat.heading("Link your account")).to_be_visible()
    page.get_by_role("textbox", name="Username").fill(account.username)
    page.get_by_role("textbox", name="Password").fill(account.password)
    _twice(seat.button("Continue"))
    seat.sees_linked()
    _twice(seat.button("Continue"))
    expect(page).to_have_url(product.protected_url)
    seat.is_signed_in_as(account.username, product.url)
    world.inbox.wait_for(to=account.email, subject="linked")
    assert len(world.inbox.messages(to=account.email)) == 1


@pytest.mark.parametrize("house", HOUSES)
def test_ot01_a_code_sent_twice_at_once_signs_in_once_and_refuses_nobody(world, seat, house) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house, totp=True)
    seat.comes_to_the_proof(product, identity)
    seat.proves(account.username, account.password)
    seat.page.get_by_role("textbox", name="Verification code").fill(code_now(account.totp_secret))
    _twice(seat.button("Submit"))
    seat.sees_linked()


@pytest.mark.parametrize("house", HOUSES)
def test_lt09_not_you_pressed_twice_asks_keycloak_once_more(world, seat, house) -> None:
    product, identity, other = world.products[house], world.new_identity(), world.new_identity("Lou")
    account = world.new_account(house)
    seat.comes_to_the_proof(product, identity)
    seat.page.get_by_role("link", name="not you?").click()
    _twice(seat.page.get_by_role("main").get_by_role("button"))
    seat.page.locator("#reset-login").click()
    seat.signs_in_at_keycloak(other.email, other.password)
    expect(seat.page.get_by_text(other.email)).to_be_visible()
    seat.proves(account.username, account.password)
    seat.sees_linked()
    expect(seat.page.get_by_text(other.email).first).to_be_visible()


@pytest.mark.parametrize("house", HOUSES)
def test_lt09_somebody_else_in_another_tab_links_nothing_to_either(world, seat, house) -> None:
    product, account = world.products[house], world.new_account(house)
    first, second = world.new_identity(), world.new_identity("Lou")
    seat.comes_to_the_proof(product, first)
    other = _tab(seat)
    other.opens(f"{world.hub_url}/")
    other.page.get_by_role("button", name="Sign out", exact=True).click()
    expect(other.heading("You are signed out")).to_be_visible()
    world.end_identity_sessions(first)
    other.opens(f"{world.hub_url}/")
    other.signs_in_at_keycloak(second.email, second.password)
    expect(other.page.get_by_text(second.email)).to_be_visible()

    seat.proves(account.username, account.password)
    for _ in range(2):
        expect(seat.heading("You went on as somebody else")).to_be_visible()
        expect(seat.page.get_by_role("link", name=f"Sign in with your {product.name} password")).to_be_visible()
        seat.page.reload()
    assert world.inbox.messages(to=account.email) == []
    seat.page.get_by_role("link", name="Start again").click()
    seat.presses_sign_in()
    seat.button(f"Sign out of {product.name} and go on").click()
    expect(seat.heading("Link your account")).to_be_visible()
    expect(seat.page.get_by_text(second.email)).to_be_visible()


# --- tabs ---------------------------------------------------------------------------------------


def _tab(person: Seat) -> Seat:
    return Seat(person.context, person.context.new_page())


@pytest.mark.parametrize("house", HOUSES)
def test_fc06_two_tabs_both_finish(world, seat, house) -> None:
    product, identity = world.products[house], world.new_identity()
    first_account, second_account = world.new_account(house), world.new_account(house)
    other = _tab(seat)
    seat.comes_to_the_proof(product, identity)
    other.opens(product.protected_url)
    other.presses_sign_in()
    expect(other.heading("Link your account")).to_be_visible()
    seat.proves(first_account.username, first_account.password)
    seat.sees_linked()

    # In the other tab somebody is signed in by now: it says as whom, and offers to sign out and go on (MIM-12, LT12).
    other.page.reload()
    expect(other.heading(f"You are still signed in to {product.name}")).to_be_visible()
    expect(other.page.get_by_text(first_account.username).first).to_be_visible()
    _twice(other.button(f"Sign out of {product.name} and go on"))
    other.proves(second_account.username, second_account.password)
    other.sees_linked()
    other.continues()
    expect(other.page).to_have_url(product.protected_url)
    other.is_signed_in_as(second_account.username, product.url)

    # The first tab, left open: its answer is somebody else's than who is signed in by now, so it asks (MIM-14).
    seat.continues()
    expect(seat.heading("You are signed in as somebody else")).to_be_visible()
    _twice(seat.button(f"Stay signed in as {second_account.username}"))
    seat.is_signed_in_as(second_account.username, product.url)


@pytest.mark.parametrize("house", HOUSES)
def test_fc06_of_eleven_tabs_the_oldest_begins_anew_and_every_one_ends_in_the_product(world, seat, house) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house)
    seat.links(product, identity, account)
    seat.comes_back_later(product)
    world.end_identity_sessions(identity)
    tabs = [_tab(seat) for _ in range(TABS)]
    for tab in tabs:
        tab.goes_to_keycloak(product)
    tabs[-1].signs_in_at_keycloak(identity.email, identity.password)
    expect(tabs[-1].page).to_have_url(product.protected_url)
    # Keycloak's page in the other tabs notices by itself that the person has signed in, and goes on.
    for tab in tabs[1:-1]:
        expect(tab.page).to_have_url(product.protected_url, timeout=15_000)
    oldest = tabs[0]
    expect(oldest.heading("This sign-in can’t go on")).to_be_visible(timeout=15_000)
    expect(oldest.page.get_by_role("link", name=f"Sign in with your {product.name} password")).to_be_visible()
    oldest.page.get_by_role("link", name="Start again").click()
    oldest.presses_sign_in()  # another site led here: a press of one's own (FC17)
    expect(oldest.page).to_have_url(f"{product.url}/")
    seat.is_signed_in_as(account.username, product.url)
