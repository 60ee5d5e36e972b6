"""The first sign-in in a tenant that moves over, in a real browser, at a WSGI and an ASGI product (AKE-5 to AKE-15)."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.e2e.first_steps import (
    at_keycloak,
    confirms_address,
    gives_password,
    goes_on,
    goes_on_by_itself,
    is_in,
    names_himself,
    opens_link,
)
from tests.e2e.houses import one_of
from tests.e2e.moving import Globex
from tests.e2e.person import Person
from tests.secrets_in_logs import used

from linkmw.demo.products.accounts import ADDRESS_CONFIRMED
from linkmw.demo.products.people import Person as Account

HOUSES = one_of("shop", "notes")


@pytest.mark.parametrize("house", HOUSES)
def test_ake01_ake05_ake08_ake10_ake11_ake12_ake13_ake15_ake27_one_account_becomes_an_identity(
    globex, new_browser, house
) -> None:
    product, account = globex.products[house], globex.new_account(house)
    person = Person.sits_down(new_browser())
    names_himself(person, product, account.email)
    gives_password(person, product, "not-the-password")
    expect(person.page.get_by_role("alert")).to_contain_text(f"reset your {product.name} password")
    expect(person.page.get_by_role("link", name=f"Forgot your {product.name} password?")).to_be_visible()
    person.is_nobody_at(product.url)
    gives_password(person, product, account.password)
    person.is_nobody_at(product.url)  # a proof alone opens nothing here (PR03)
    link = confirms_address(person, globex, account.email)

    # Too early: the page again, with how many mails are left (AKE-12).
    goes_on(person)
    expect(person.page.get_by_role("alert")).to_contain_text("Not confirmed yet")
    expect(person.page.get_by_role("button", name="Resend")).to_be_visible()
    expect(person.page.get_by_text("3 of 3 resends left").first).to_be_visible()

    # In a second tab of the same browser; the waiting one goes on (AKE-13).
    opens_link(person.context.new_page(), product, account, link)
    goes_on_by_itself(person)
    is_in(person, product, account)
    linked = globex.inbox.wait_for(to=account.email, subject="has been linked")
    assert "Remove Link" in linked["html"]

    # The product's password is the identity's now, at Keycloak, with the address filled in (AKE-1, AKE-15).
    later = Person.sits_down(new_browser())
    names_himself(later, product, account.email)
    expect(later.page.locator("#username")).to_have_value(account.email)
    later.signs_in_at_keycloak(account.email, account.password)
    is_in(later, product, account)


@pytest.mark.parametrize("chosen", [True, pytest.param(False, marks=pytest.mark.matrix)])
def test_ake05_ake06_lt03_pr21_another_account_of_the_address_is_joined_if_its_box_is_checked(
    globex, new_browser, chosen
) -> None:
    shop, notes = globex.products["shop"], globex.products["notes"]
    account = globex.new_account("shop")
    other = globex.new_account("notes", account.email, (ADDRESS_CONFIRMED,), "2026-03-02")
    person = Person.sits_down(new_browser())
    finds_more_accounts(person, globex, account)
    box = person.page.get_by_role("checkbox", name=re.compile(other.username))
    expect(box).to_be_checked()
    box.set_checked(chosen)
    goes_on(person)
    is_in(person, shop, account)
    (user,) = globex.users_of(account.email)
    assert globex.links_of("shop", account) == [user["id"]]
    assert globex.links_of("notes", other) == ([user["id"]] if chosen else [])

    # The proof reaches no more than its own product (PR21): the manager and the other one ask Keycloak, this one once,
    # with the address filled in, and never for its own password if it was joined.
    person.opens(f"{globex.hub_url}/t/globex/")
    expect(person.page.locator("#kc-login")).to_be_visible()
    person.opens(notes.login_url)
    at_keycloak(person, account.email)
    person.signs_in_at_keycloak(account.email, account.password)
    if chosen:
        is_in(person, notes, other)
    else:
        expect(person.page.get_by_role("heading", name="Link your account.")).to_be_visible()


def test_ake06_pr06_what_the_product_does_not_let_join_is_named_and_proven_there(globex, new_browser) -> None:
    account = globex.new_account("shop")
    other = globex.new_account("notes", account.email, (ADDRESS_CONFIRMED,), "2026-03-02", totp=True)
    person = Person.sits_down(new_browser())
    finds_more_accounts(person, globex, account)
    expect(person.page.get_by_text(other.username)).to_be_visible()
    expect(person.page.get_by_text("Globex Notes, asks for its password first")).to_be_visible()
    expect(person.page.get_by_role("checkbox")).to_have_count(0)
    goes_on(person)
    is_in(person, globex.products["shop"], account)
    assert globex.links_of("notes", other) == []


def finds_more_accounts(person: Person, globex: Globex, account: Account) -> None:
    shop = globex.products["shop"]
    names_himself(person, shop, account.email)
    gives_password(person, shop, account.password)
    opens_link(person.context.new_page(), shop, account, confirms_address(person, globex, account.email))
    goes_on_by_itself(person)
    expect(person.page.get_by_role("heading", name="We found more accounts of yours")).to_be_visible()


def test_ake15_a_password_that_falls_short_of_the_realms_policy_is_to_be_replaced_there(globex, new_browser) -> None:
    product, account = globex.products["notes"], globex.new_account("notes")
    with globex.asking_of_passwords("length(30) and digits(1)"):
        person = Person.sits_down(new_browser())
        names_himself(person, product, account.email)
        gives_password(person, product, account.password)
        opens_link(person.context.new_page(), product, account, confirms_address(person, globex, account.email))
        goes_on_by_itself(person)
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
