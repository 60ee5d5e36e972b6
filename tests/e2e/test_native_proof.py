"""An account is proven by the product's own login, its second factor included, with everything real (PR04, PR05)."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from tests.e2e.person import Person, code_now
from tests.e2e.world import World

from linkmw.demo.parts.realm import Person as Identity
from linkmw.demo.product import ProductServer
from linkmw.demo.products.people import Person as Account


def arms(person: Person, product: ProductServer, identity: Identity) -> None:
    """From the product's login page to the product's login page, which now says what it is for."""
    person.opens(product.login_url)
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    expect(person.page.get_by_role("heading", name="Link your account")).to_be_visible()
    expect(person.page.get_by_text(identity.email)).to_be_visible()
    expect(person.page.get_by_label("Password")).to_have_count(0)
    person.page.get_by_role("button", name=f"Sign in to {product.name}").click()
    expect(person.page).to_have_url(product.login_url)
    told = person.page.get_by_text(f"Sign in once to link {product.name} with {identity.email}.")
    expect(told).to_be_in_viewport()
    assert not person.sees_button()


def signs_in(person: Person, account: Account) -> None:
    """As the product itself asks: password, then the code of the authenticator app on its own page."""
    person.page.locator("input[name=username]").fill(account.username)
    person.page.locator("input[name=password]").fill(account.password)
    person.page.locator("input[name=password]").press("Enter")
    if account.totp_secret:
        person.page.locator("input[name=code]").fill(code_now(account.totp_secret))
        person.page.locator("input[name=code]").press("Enter")


def is_asked(person: Person, account: Account, identity: Identity) -> None:
    heading = f"Link {account.username} to {identity.email}?"
    expect(person.page.get_by_role("heading", name=heading, exact=True)).to_be_visible()


def test_pr04_pr05_mim01_mim05_mim14_the_products_own_login_and_second_factor_are_the_proof(
    world: World, new_browser
) -> None:
    product = world.products["orders-wsgi"]
    account, identity = world.new_account("orders-wsgi", totp=True), world.new_identity()
    person = Person.sits_down(new_browser())
    with world.settings("orders-wsgi", LINKMW_PROOF="native"):
        arms(person, product, identity)
        signs_in(person, account)
        is_asked(person, account, identity)
        person.page.get_by_role("button", name="Link accounts").click()
        person.sees_linked()
        person.continues()
        expect(person.page).to_have_url(re.compile(re.escape(product.url) + r"/(?!\.linkmw/)"))
        person.is_signed_in_as(account.username, product.url)
        world.inbox.wait_for(to=account.email, subject="linked")

        person.comes_back_later(product)
        person.opens(product.protected_url)
        person.presses_sign_in()
        person.enters_fresh_code(account.totp_secret)
        expect(person.page).to_have_url(product.protected_url)

        # Another person says no: signed in as the product has it, and nothing linked.
        other, second = world.new_account("orders-wsgi"), world.new_identity()
        reluctant = Person.sits_down(new_browser())
        arms(reluctant, product, second)
        signs_in(reluctant, other)
        is_asked(reluctant, other, second)
        reluctant.page.get_by_role("button", name="Cancel").click()
        expect(reluctant.page).to_have_url(re.compile(re.escape(product.url) + r"/(?!\.linkmw/)"))
        reluctant.is_signed_in_as(other.username, product.url)
        reluctant.opens_manager(world.hub_url)
        reluctant.sees_accounts(product)

        # And one thinks better of it before: the button is back, and the sign-in is one like any other.
        reluctant.comes_back_later(product)
        reluctant.opens(product.login_url)
        reluctant.presses_sign_in()
        reluctant.page.get_by_role("button", name=f"Sign in to {product.name}").click()
        reluctant.page.get_by_role("link", name="Cancel").click()
        expect(reluctant.page).to_have_url(product.login_url)
        reluctant.waits_for_button()
        signs_in(reluctant, other)
        reluctant.is_signed_in_as(other.username, product.url)
        assert reluctant.page.url.startswith(product.url)
