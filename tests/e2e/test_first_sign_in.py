"""The first sign-in in a tenant that moves over, in a real browser, at a WSGI and an ASGI product (AKE-5 to AKE-15)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from tests.e2e.moving import Globex
from tests.e2e.person import Person
from tests.secrets_in_logs import used

from linkmw.demo.products.accounts import ADDRESS_CONFIRMED

HOUSES = ["shop", "notes"]


@pytest.fixture(scope="module")
def globex(world) -> Iterator[Globex]:
    running = Globex(world)
    yield running
    running.stop()


def names_himself(person, product, name: str) -> None:
    """AKE-8: the product's login route leads to the hub, which asks who this is."""
    person.opens(product.login_url)
    expect(person.page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    person.page.get_by_role("textbox", name="Email").fill(name)
    person.page.get_by_role("button", name="Continue", exact=True).click()


def gives_password(person, product, password: str) -> None:
    """AKE-10: the product's own page asks for the account's password."""
    expect(person.page.get_by_role("button", name="Login", exact=True)).to_be_visible()
    assert person.page.url.startswith(product.url)
    person.page.get_by_role("textbox", name="Password").fill(password)
    person.page.get_by_role("button", name="Login", exact=True).click()


def confirms_address(person, globex, email: str) -> str:
    """AKE-11: the address is there already; the link in the mail that comes to it."""
    expect(person.page.get_by_role("heading", name="Confirm your email address")).to_be_visible()
    expect(person.page.get_by_role("textbox", name="Work email")).to_have_value(email)
    person.page.get_by_role("button", name="Confirm & Continue").click()
    expect(person.page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    mail = globex.inbox.wait_for(to=email, subject="Confirm your email address")
    found = re.search(r"http\S+/confirm-email/(\S+)", mail["text"])
    assert found, mail["text"]
    used("a mail's token", found[1])
    return found[0]


def opens_link(reader, product, account, url: str) -> None:
    """AKE-13: the page says what it is about, and confirms at the button alone."""
    reader.goto(url)
    about = reader.get_by_text(re.compile(f"signs in to {product.name} as ({account.username}|{account.email})"))
    expect(about).to_be_visible()
    reader.get_by_role("button", name="Confirm this email").click()
    expect(reader.get_by_role("heading", name="Email confirmed")).to_be_visible()


def is_in(person, product, account) -> None:
    expect(person.page).to_have_url(re.compile(re.escape(product.url) + r"/(?!\.linkmw/)"))
    person.is_signed_in_as(account.username, product.url)


@pytest.mark.parametrize("house", HOUSES)
def test_ake01_ake05_ake08_ake10_ake11_ake12_ake13_ake15_one_account_becomes_an_identity(
    globex, new_browser, house
) -> None:
    product, account = globex.products[house], globex.new_account(house)
    person = Person.sits_down(new_browser())
    names_himself(person, product, account.email)
    gives_password(person, product, "not-the-password")
    expect(person.page.get_by_role("alert")).to_be_visible()
    person.is_nobody_at(product.url)
    gives_password(person, product, account.password)
    person.is_nobody_at(product.url)  # a proof alone opens nothing here (PR03)
    link = confirms_address(person, globex, account.email)

    # Too early: the page again, with how many mails are left (AKE-12).
    person.page.get_by_role("button", name="Continue", exact=True).click()
    expect(person.page.get_by_role("alert")).to_contain_text("Not confirmed yet")
    expect(person.page.get_by_role("button", name="Resend")).to_be_visible()
    expect(person.page.get_by_text("3 of 3 resends left").first).to_be_visible()

    # In a second tab of the same browser; the waiting one goes on (AKE-13).
    opens_link(person.context.new_page(), product, account, link)
    person.page.get_by_role("button", name="Continue", exact=True).click()
    is_in(person, product, account)
    linked = globex.inbox.wait_for(to=account.email, subject="has been linked")
    assert "Remove Link" in linked["html"]

    # The product's password is the identity's now, at Keycloak, with the address filled in (AKE-1, AKE-15).
    later = Person.sits_down(new_browser())
    names_himself(later, product, account.email)
    expect(later.page.locator("#username")).to_have_value(account.email)
    later.signs_in_at_keycloak(account.email, account.password)
    is_in(later, product, account)


def test_ake13_another_browser_shows_a_code_for_the_waiting_one(globex, new_browser) -> None:
    product, account = globex.products["notes"], globex.new_account("notes")
    person, phone = Person.sits_down(new_browser()), Person.sits_down(new_browser())
    names_himself(person, product, account.username)
    gives_password(person, product, account.password)
    link = confirms_address(person, globex, account.email)
    opens_link(phone.page, product, account, link)
    shown = phone.page.locator(".shown.code").inner_text()
    assert phone.page.get_by_role("link", name="Continue").count() == 0

    person.page.get_by_role("button", name="Continue", exact=True).click()
    expect(person.page.get_by_role("heading", name="Enter the code")).to_be_visible()
    person.page.get_by_role("textbox", name="Code").fill(shown)
    person.page.get_by_role("button", name="Continue", exact=True).click()
    is_in(person, product, account)
    phone.is_nobody_at(product.url)


def test_ake06_another_account_of_the_address_is_listed_and_joined(globex, new_browser) -> None:
    shop, notes = globex.products["shop"], globex.products["notes"]
    account = globex.new_account("shop")
    other = globex.new_account("notes", account.email, (ADDRESS_CONFIRMED,), "2026-03-02")
    person = Person.sits_down(new_browser())
    names_himself(person, shop, account.email)
    gives_password(person, shop, account.password)
    opens_link(person.context.new_page(), shop, account, confirms_address(person, globex, account.email))
    person.page.get_by_role("button", name="Continue", exact=True).click()
    expect(person.page.get_by_role("heading", name="We found more accounts of yours")).to_be_visible()
    expect(person.page.get_by_role("checkbox", name=re.compile(other.username))).to_be_checked()
    person.page.get_by_role("button", name="Continue", exact=True).click()
    is_in(person, shop, account)

    # The other product asks Keycloak once, and never for its own password (AKE-5).
    person.opens(notes.login_url)
    person.signs_in_at_keycloak(account.email, account.password)
    is_in(person, notes, other)


def test_ake07_an_unknown_address_is_told_so(globex, new_browser) -> None:
    person = Person.sits_down(new_browser())
    names_himself(person, globex.products["shop"], "nobody@globex.example")
    expect(person.page.get_by_role("heading", name="User not found")).to_be_visible()
    expect(person.page.get_by_text("contact your administrator").first).to_be_visible()


def test_ake15_a_password_that_falls_short_of_the_realms_policy_is_to_be_replaced_there(globex, new_browser) -> None:
    product, account = globex.products["notes"], globex.new_account("notes")
    with globex.asking_of_passwords("length(30) and digits(1)"):
        person = Person.sits_down(new_browser())
        names_himself(person, product, account.email)
        gives_password(person, product, account.password)
        opens_link(person.context.new_page(), product, account, confirms_address(person, globex, account.email))
        person.page.get_by_role("button", name="Continue", exact=True).click()
        is_in(person, product, account)  # what was proven opens the product all the same

        later = Person.sits_down(new_browser())
        names_himself(later, product, account.email)
        later.signs_in_at_keycloak(account.email, account.password)
        new = later.page.locator("#password-new")
        expect(new).to_be_visible()
        later.is_nobody_at(product.url)
        chosen = f"1-{account.password * 2}"
        used("a password", chosen)
        new.fill(chosen)
        later.page.locator("#password-confirm").fill(chosen)
        later.page.locator("[type=submit]").first.click()
        is_in(later, product, account)
