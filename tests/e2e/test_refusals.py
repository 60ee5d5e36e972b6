"""What must not happen, as a person sees it: taken accounts, links removed by mail, a hub that is away."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.e2e.houses import one_of
from tests.e2e.person import BRAND, Person, remove_link_url

HOUSES = one_of("orders-asgi", "orders-wsgi", "helpdesk", "wiki")
BOTH = one_of("orders-wsgi", "wiki")


@pytest.mark.parametrize("house", HOUSES)
def test_mim08_mim16_lt11_an_account_of_another_identity_is_not_linked_but_signed_in(world, new_browser, house) -> None:
    product, account = world.products[house], world.new_account(house, totp=True)
    first, second = world.new_identity(), world.new_identity()
    Person.sits_down(new_browser()).links(product, first, account)
    world.inbox.wait_for(to=account.email, subject="linked")

    person = Person.sits_down(new_browser())
    person.opens(product.protected_url)
    person.presses_sign_in()
    person.signs_in_at_keycloak(second.email, second.password)
    person.proves(account.username, account.password)
    page = person.page
    expect(page.get_by_role("heading", name="Two-factor authentication")).to_be_visible()
    person.is_nobody_at(product.url)  # the password alone opens nothing, linked or not
    person.enters_fresh_code(account.totp_secret)
    expect(page.get_by_role("heading", name=f"{BRAND} manager")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text(f"That {product.name} account belongs to another {BRAND}")
    assert first.email not in page.content()
    person.is_signed_in_as(account.username, product.url)
    page.get_by_text(f"Continue to {product.name}").click()
    expect(page).to_have_url(product.protected_url)
    assert len(world.inbox.messages(to=account.email)) == 1

    # The first identity's link stands.
    owner = Person.sits_down(new_browser())
    owner.opens(world.hub_url)
    owner.signs_in_at_keycloak(first.email, first.password)
    expect(owner.page.get_by_role("heading", name=f"{BRAND} manager")).to_be_visible()
    expect(owner.page.get_by_role("cell").get_by_text(account.username)).to_be_visible()


@pytest.mark.parametrize("house", BOTH)
def test_mim23_mim21_mim24_the_link_in_the_mail_removes_it_on_a_press_only(world, new_browser, house) -> None:
    product, account, identity = world.products[house], world.new_account(house), world.new_identity()
    person = Person.sits_down(new_browser())
    person.links(product, identity, account)
    address = remove_link_url(world.inbox.wait_for(to=account.email, subject="linked")["text"])

    stranger = Person.sits_down(new_browser())  # whoever reads the mail: no sign-in needed
    for _ in range(3):
        stranger.opens(address)
        expect(stranger.page.get_by_text(account.username).first).to_be_visible()
    assert "unlink/" not in stranger.page.url
    person.comes_back_later(product)
    person.opens(product.protected_url)
    person.presses_sign_in()
    expect(person.page).to_have_url(product.protected_url)  # opening it changed nothing

    stranger.page.get_by_role("button", name="Remove link").click()
    expect(stranger.page.get_by_role("heading", name="The link has been removed")).to_be_visible()
    expect(stranger.page.get_by_text("close this window")).to_be_visible()
    world.inbox.wait_for(to=account.email, subject="no longer linked")
    stranger.opens(address)
    expect(stranger.page.get_by_role("heading")).to_contain_text(re.compile("gone|removed"))

    person.comes_back_later(product)
    person.opens(product.protected_url)
    person.presses_sign_in()
    expect(person.page.get_by_role("heading", name="Link your account")).to_be_visible()


@pytest.mark.parametrize("house", BOTH)
def test_mim25_the_native_login_is_never_taken_away(world, new_browser, house) -> None:
    product, account, identity = world.products[house], world.new_account(house), world.new_identity()
    Person.sits_down(new_browser()).links(product, identity, account)
    person = Person.sits_down(new_browser())
    person.signs_in_natively(product.login_url, account.username, account.password)
    person.is_signed_in_as(account.username, product.url)
