"""Signed in, a further product with old credentials, and what becomes of a forgotten password (AKE-16 to AKE-22)."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from tests.e2e.first_steps import is_in
from tests.e2e.moving import Globex
from tests.e2e.person import Person

from linkmw.demo.parts.realm import Person as Identity
from linkmw.demo.product import ProductServer

PROOF_SECONDS = 1800


def is_signed_in(person: Person, globex: Globex) -> Identity:
    """Somebody who has an identity, and is signed in with it."""
    identity = globex.new_identity()
    person.opens(f"{globex.hub_url}/t/globex/")
    person.signs_in_at_keycloak(identity.email, identity.password)
    expect(person.page.get_by_role("heading", name=f"{globex.brand} manager", exact=True)).to_be_visible()
    return identity


def opens_further_product(person: Person, globex: Globex, product: ProductServer) -> None:
    """AKE-16: "Link your account." at once, on the product's own origin."""
    person.opens(product.login_url)
    sees_old_credentials(person.page, globex, product)


def sees_old_credentials(page: Page, globex: Globex, product: ProductServer) -> None:
    expect(page.get_by_role("heading", name="Link your account.", exact=True)).to_be_visible()
    assert page.url.startswith(product.url)
    expect(
        page.get_by_text(
            f"Sign in with your {product.name} login details one last time to merge your accounts. "
            f"After that, your new unified {globex.brand} account takes over."
        )
    ).to_be_visible()
    assert page.locator(".bond img").evaluate_all("all => all.map(one => one.naturalWidth > 0)") == [True, True]


def shows(page: Page, name: str, password: str) -> None:
    page.get_by_role("textbox", name="Email").fill(name)
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_role("button", name="CONTINUE", exact=True).click()


@pytest.mark.parametrize(
    ("house", "by"), [("shop", "email"), pytest.param("notes", "username", marks=pytest.mark.matrix)]
)
def test_ake16_ake17_ake18_ake27_old_credentials_once_and_never_again(globex, new_browser, house, by) -> None:
    product, account = globex.products[house], globex.new_account(house)
    person = Person.sits_down(new_browser())
    identity = is_signed_in(person, globex)
    opens_further_product(person, globex, product)
    page, name = person.page, getattr(account, by)
    expect(page.get_by_role("textbox", name="Email")).to_have_value(identity.email)

    # Wrong: it says so, keeps the name, and offers the product's reset (AKE-27).
    shows(page, name, "not-the-password")
    expect(page.get_by_role("alert")).to_contain_text("don’t match")
    expect(page.get_by_role("alert")).to_contain_text(f"reset your {product.name} password")
    expect(page.get_by_role("textbox", name="Email")).to_have_value(name)
    expect(page.get_by_role("link", name=f"Forgot your {product.name} password?")).to_be_visible()
    person.is_nobody_at(product.url)
    assert globex.links_of(house, account) == []

    shows(page, name, account.password)
    is_in(person, product, account)
    (user,) = globex.users_of(identity.email)
    assert globex.links_of(house, account) == [user["id"]]
    globex.inbox.wait_for(to=account.email, subject="has been linked")

    # Next time it opens directly (AKE-18).
    person.comes_back_later(product)
    stops: list[str] = []
    page.on("framenavigated", lambda frame: stops.append(frame.url))
    person.opens(product.protected_url)
    expect(page).to_have_url(product.protected_url)
    person.is_signed_in_as(account.username, product.url)
    assert not [url for url in stops if re.search(r"/prove|/sign-in\?|/linked|/choose", url)], stops


def asks_for_reset(page: Page, product: ProductServer, email: str) -> str:
    """AKE-19, AKE-20: what the page answers, whole."""
    page.get_by_role("link", name=f"Forgot your {product.name} password?").click()
    expect(page.get_by_role("heading", name=f"Forgot your {product.name} password?")).to_be_visible()
    page.get_by_role("textbox", name="Email").fill(email)
    page.get_by_role("button", name="SEND RESET LINK", exact=True).click()
    expect(page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    expect(
        page.get_by_text(
            "A password reset email has been sent. Reset your password, then click below to link your account."
        )
    ).to_be_visible()
    return page.locator("main").inner_html()


def sets_password(page: Page, globex: Globex, product: ProductServer, email: str, password: str) -> None:
    """AKE-21: the product's own mail, and the product's own page."""
    mail = globex.inbox.wait_for(to=email, subject=f"A new password for {product.name}")
    found = re.search(rf"{re.escape(product.url)}\S+", mail["text"])
    assert found, mail["text"]
    page.goto(found[0])
    page.get_by_label("New password").fill(password)
    page.get_by_label("The same again").fill(password)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("heading", name="Your password is set")).to_be_visible()


def test_ake19_ake20_ake21_ake22_a_forgotten_password_leads_back_to_the_link(globex, new_browser) -> None:
    product, account = globex.products["shop"], globex.new_account("shop")
    person = Person.sits_down(new_browser())
    is_signed_in(person, globex)
    opens_further_product(person, globex, product)
    page = person.page

    # The answer is the same whether the address exists or not, and "Back" knows it.
    unknown = asks_for_reset(page, product, "nobody@globex.example")
    page.get_by_role("link", name="Back", exact=True).click()
    expect(page.get_by_role("textbox", name="Email")).to_have_value("nobody@globex.example")
    assert asks_for_reset(page, product, account.email) == unknown

    sets_password(person.context.new_page(), globex, product, account.email, "a-new-password-of-the-shop")
    person.is_nobody_at(product.url)
    assert globex.inbox.messages("nobody@globex.example") == []

    # The mail took longer than the flow may, and the hub's session with it; Keycloak's is still there.
    globex.waits(PROOF_SECONDS)
    globex.clocks_are_right()
    page.get_by_role("link", name="Back", exact=True).click()
    sees_old_credentials(page, globex, product)
    expect(page.get_by_role("textbox", name="Email")).to_have_value(account.email)
    shows(page, account.email, "a-new-password-of-the-shop")
    is_in(person, product, account)
