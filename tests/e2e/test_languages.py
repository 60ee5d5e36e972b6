"""A person whose browser speaks German, and who turns to French on the way: product, Keycloak, hub and mails."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.e2e.houses import one_of
from tests.e2e.person import Person


@pytest.mark.parametrize("house", one_of("wiki", "helpdesk"))
def test_mim07_mim22_the_whole_way_is_in_the_persons_language(world, new_browser, house) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house)
    person = Person.sits_down(new_browser(locale="de-DE"))
    page = person.page
    lang = page.locator("html")

    # The product's own page stays as it is; the button, Keycloak and our page speak German.
    person.opens(product.login_url)
    page.get_by_role("link", name="Mit ACME ID anmelden", exact=True).click()
    expect(page).to_have_url(re.compile(r"http://keycloak\.localhost"))
    expect(lang).to_have_attribute("lang", "de")
    person.signs_in_at_keycloak(identity.email, identity.password)
    expect(page.get_by_role("heading", name="Konto verknüpfen")).to_be_visible()

    # At the foot of the page: French from here on, on this very page.
    page.get_by_role("button", name="Français").click()
    expect(page.get_by_role("heading", name="Associez votre compte")).to_be_visible()
    expect(lang).to_have_attribute("lang", "fr")
    page.locator("#username").fill(account.username)
    page.locator("#password").fill("not-the-password")
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_role("alert")).to_contain_text("ne correspondent pas")

    # The refused page has its switch too, and comes back to the question.
    page.get_by_role("button", name="Español").click()
    expect(page.get_by_role("heading", name="Vincule su cuenta")).to_be_visible()
    page.get_by_role("button", name="Français").click()
    page.locator("#username").fill(account.username)
    page.locator("#password").fill(account.password)
    page.get_by_role("button", name="Continuer").click()

    # The hub goes on in French, and so does the mail about the link.
    expect(page.get_by_role("heading", name="Vos comptes sont associés")).to_be_visible()
    mail = world.inbox.wait_for(to=account.email, subject=f"Votre compte {product.name} a été associé à ACME ID")
    assert "Ce n’était pas vous" in mail["text"]
    page.get_by_role("button", name="Continuer").click()
    expect(page).to_have_url(re.compile(re.escape(product.url) + r"/(?!\.linkmw/)"))

    # In the manager the switch comes back to the manager; Keycloak hears of it at the next sign-in.
    page.goto(world.hub_url)
    expect(page.get_by_role("heading", name="Gestionnaire ACME ID")).to_be_visible()
    page.get_by_role("button", name="English").click()
    person.sees_manager()
    person.context.clear_cookies(domain=re.compile(r"keycloak"))
    person.context.clear_cookies(name=re.compile(r"-session$"))
    page.goto(world.hub_url)
    expect(page).to_have_url(re.compile(r"http://keycloak\.localhost"))
    expect(lang).to_have_attribute("lang", "en")
