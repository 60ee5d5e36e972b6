"""The main job as one story, over all four houses: link once, then one press (MIM-1, 3 to 7, 14)."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.e2e.houses import one_of
from tests.e2e.person import BRAND, Person, code_now, remove_link_url, wrong_code

HOUSES = ["orders-wsgi", "orders-asgi", "helpdesk", "wiki"]


@pytest.mark.parametrize("house", HOUSES)
def test_mim01_mim03_mim04_mim05_mim06_mim07_mim14_mim21_mim26_dis08_link_once_then_one_press(
    world, new_browser, house
) -> None:
    product, identity = world.products[house], world.new_identity()
    account = world.new_account(house, totp=True)
    person = Person.sits_down(new_browser())

    # The native form is there as ever, and the button beside it (MIM-1, P-2).
    person.opens(product.protected_url)
    expect(person.page.locator("input[name=password]")).to_be_visible()
    person.waits_for_button()

    # It leads to Keycloak (MIM-3) and from there to the product's own origin (MIM-4).
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    page = person.page
    expect(page.get_by_role("heading", name="Link your account")).to_be_visible()
    assert page.url.startswith(product.url)
    expect(page.get_by_text(identity.email)).to_be_visible()
    expect(page.get_by_text(product.name).first).to_be_visible()
    assert page.get_by_role("textbox", name="Username").get_attribute("autocomplete") == "username"
    assert page.get_by_role("textbox", name="Password").get_attribute("autocomplete") == "current-password"

    # An empty password, then a wrong one: the page again, saying so; nobody is signed in.
    person.proves(account.username, "")
    expect(page.get_by_role("heading", name="Link your account")).to_be_visible()
    person.proves(account.username, "not-the-password")
    expect(page.get_by_role("alert")).to_contain_text("don’t match")
    expect(page.get_by_role("textbox", name="Username")).to_have_value(account.username)
    person.is_nobody_at(product.url)

    # The right one leads to the second factor, not past it (MIM-5).
    person.proves(account.username, account.password)
    person.enters_code(wrong_code(account.totp_secret))
    expect(page.get_by_role("heading", name="Two-factor authentication")).to_be_visible()
    expect(page.get_by_text("That code doesn’t match")).to_be_visible()
    person.is_nobody_at(product.url)
    person.enters_code(code_now(account.totp_secret))

    # Linked, naming both, and signed in to the product at that point (MIM-6).
    person.sees_linked()
    expect(page.get_by_text(account.username, exact=False).first).to_be_visible()
    expect(page.get_by_text(identity.email).first).to_be_visible()
    person.is_signed_in_as(account.username, product.url)
    person.continues()
    expect(page).to_have_url(product.protected_url)

    # The mail is there, says what happened, and can undo it (MIM-7, 21, 22).
    mail = world.inbox.wait_for(to=account.email, subject="linked")
    assert mail["subject"] == f"Your {product.name} account has been linked from an {BRAND}"
    assert account.username in mail["text"]
    assert identity.email not in mail["text"]
    assert remove_link_url(mail["text"]).startswith(world.hub_url)
    assert "Remove Link" in mail["html"]

    # Next time one press is enough, and this account's own second factor, since the identity showed none (MIM-5, 14).
    person.comes_back_later(product)
    person.opens(product.protected_url)
    person.presses_sign_in()
    expect(page.get_by_role("heading", name="Two-factor authentication")).to_be_visible()
    assert page.url.startswith(product.url)
    person.is_nobody_at(product.url)
    person.enters_fresh_code(account.totp_secret)
    expect(page).to_have_url(product.protected_url)
    person.is_signed_in_as(account.username, product.url)


@pytest.mark.parametrize("house", one_of(*HOUSES))
def test_mim05_mim14_without_a_second_factor_one_press_is_enough_and_no_page_lies_between(
    world, new_browser, house
) -> None:
    product, identity = world.products[house], world.new_identity()
    account = world.new_account(house)
    person = Person.sits_down(new_browser())
    person.links(product, identity, account)
    expect(person.page).to_have_url(re.compile(re.escape(product.url)))
    person.is_signed_in_as(account.username, product.url)
    person.comes_back_later(product)
    person.opens(product.protected_url)
    stops: list[str] = []
    person.page.on("framenavigated", lambda frame: stops.append(frame.url))
    person.presses_sign_in()
    expect(person.page).to_have_url(product.protected_url)
    person.is_signed_in_as(account.username, product.url)
    assert not [url for url in stops if any(one in url for one in ("/prove", "/linked", "/second-factor"))], stops


@pytest.mark.parametrize("house", one_of("orders-wsgi", "wiki"))
def test_mim14_signed_in_as_another_account_is_said_and_never_replaced_silently(world, new_browser, house) -> None:
    product, identity = world.products[house], world.new_identity()
    linked, other = world.new_account(house), world.new_account(house)
    person = Person.sits_down(new_browser())
    person.links(product, identity, linked)
    person.comes_back_later(product)
    person.signs_in_natively(product.login_url, other.username, other.password)
    person.is_signed_in_as(other.username, product.url)
    person.opens(f"{product.url}/.linkmw/login")
    expect(person.page.get_by_text(other.username).first).to_be_visible()
    person.is_signed_in_as(other.username, product.url)
    person.page.get_by_role("button", name=re.compile(f"Switch to {linked.username}|{linked.username}")).click()
    person.is_signed_in_as(linked.username, product.url)
