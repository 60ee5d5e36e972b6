"""The confirmed address is somebody's at Keycloak already: verified there, or not (AKE-14, PR01)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.e2e.first_steps import (
    at_keycloak,
    confirms_address,
    gives_password,
    goes_on,
    goes_on_by_itself,
    is_in,
    links_in_mails,
    names_himself,
    opens_link,
    sees_who_to_ask,
)
from tests.e2e.houses import one_of
from tests.e2e.moving import Globex
from tests.e2e.person import Person

from linkmw.demo.products.people import Person as Account

HOUSES = one_of("notes", "shop")


def confirms(person: Person, globex: Globex, house: str, account: Account) -> None:
    """By the account's username, as somebody does who does not know that there is an identity."""
    product = globex.products[house]
    names_himself(person, product, account.username)
    gives_password(person, product, account.password)
    link = confirms_address(person, globex, account.email)
    opens_link(person.context.new_page(), product, account, link)
    goes_on_by_itself(person)


def sees_identity(person: Person, globex: Globex) -> None:
    expect(person.page.get_by_role("heading", name=f"You already have a {globex.brand}")).to_be_visible()


@pytest.mark.parametrize("house", HOUSES)
def test_ake14_lt18_the_account_waits_for_the_identity_whose_address_it_is(globex, new_browser, house) -> None:
    product, account = globex.products[house], globex.new_account(house)
    identity = globex.new_identity(account.email)
    person = Person.sits_down(new_browser())
    confirms(person, globex, house, account)
    sees_identity(person, globex)
    assert globex.links_of(house, account) == []
    person.is_nobody_at(product.url)
    assert len(globex.audited(house, "account_held", account)) == 1

    # The password that owned the address first is the one from then on; the product's has not taken its place.
    goes_on(person)
    at_keycloak(person, account.email)
    person.signs_in_at_keycloak(account.email, account.password)
    expect(person.page.get_by_text("Invalid username or password")).to_be_visible()
    person.signs_in_at_keycloak(account.email, identity.password)
    is_in(person, product, account)
    (user,) = globex.users_of(account.email)
    assert globex.links_of(house, account) == [user["id"]]
    assert "Remove Link" in globex.inbox.wait_for(to=account.email, subject="has been linked")["html"]


def test_ake14_pr21_who_leaves_it_at_that_is_linked_at_the_next_sign_in(globex, new_browser) -> None:
    product, account = globex.products["shop"], globex.new_account("shop")
    identity = globex.new_identity(account.email)
    person = Person.sits_down(new_browser())
    confirms(person, globex, "shop", account)
    sees_identity(person, globex)

    # Until then this browser is nobody at the manager and at the other product.
    person.opens(f"{globex.hub_url}/t/globex/")
    at_keycloak(person, "")
    person.opens(globex.products["notes"].login_url)
    expect(person.page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()

    later = Person.sits_down(new_browser())
    later.opens(f"{globex.hub_url}/t/globex/")
    later.signs_in_at_keycloak(identity.email, identity.password)
    expect(later.page.get_by_role("region", name=product.name, exact=True)).to_contain_text(account.username)
    later.opens(product.login_url)
    is_in(later, product, account)


def test_ake14_ake29_pr01_lt01_lt05_an_address_that_somebody_holds_unverified_is_nobodys(globex, new_browser) -> None:
    house = "notes"
    product, account = globex.products[house], globex.new_account(house)
    globex.new_identity(account.email, verified=False)
    (before,) = globex.users_of(account.email)
    person = Person.sits_down(new_browser())
    confirms(person, globex, house, account)
    expect(person.page.get_by_role("heading", name="This address can’t be used")).to_be_visible()
    reference = sees_who_to_ask(person.page, globex)
    (refused,) = globex.audited(house, "email_conflict", account)
    assert (refused["code"], refused["ref"]) == ("email_conflict", reference)

    # Nothing is linked, created or overwritten, and nobody is signed in.
    assert globex.users_of(account.email) == [before]
    assert before["emailVerified"] is False
    assert globex.links_of(house, account) == []
    person.is_nobody_at(product.url)

    # With another address of theirs they move over all the same.
    another = f"other-{account.email}"
    person.page.get_by_role("link", name="Use another address").click()
    person.page.get_by_role("textbox", name="Work email").fill(another)
    person.page.get_by_role("button", name="Confirm & Continue").click()
    expect(person.page.get_by_role("heading", name="Check your inbox")).to_be_visible()
    opens_link(person.context.new_page(), product, account, links_in_mails(globex, another)[0])
    goes_on_by_itself(person)
    is_in(person, product, account)
    assert globex.users_of(account.email) == [before]
