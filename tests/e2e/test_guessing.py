"""Guessing on the proof page, as a person sees it: told how long to wait, and never shut out of the product (BF06)."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from tests.e2e.houses import one_of
from tests.e2e.person import Person, code_now, wrong_code

HOUSES = one_of("wiki", "orders-wsgi")


@pytest.mark.parametrize("house", HOUSES)
def test_bf03_bf06_too_many_passwords_are_told_how_long_to_wait_and_the_native_login_opens(
    world, new_browser, house
) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house)
    person = Person.sits_down(new_browser())
    person.opens(product.login_url)
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    for spelling in (account.username, account.username.upper(), f" {account.username}", account.username):
        person.proves(spelling, "not-the-password")
        expect(person.page.get_by_role("alert")).to_contain_text("don’t match")
    person.proves(account.username, "nor-this")
    answers = []
    person.page.on("response", lambda answer: answers.append(answer) if answer.request.method == "POST" else None)
    person.proves(account.username, account.password)
    expect(person.page.get_by_role("alert")).to_contain_text("Too many tries.")
    expect(person.page.get_by_role("alert")).to_contain_text(re.compile(r"Wait (a minute|\d+ seconds)"))
    assert answers[-1].status == 429
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    person.is_nobody_at(product.url)

    person.page.get_by_role("link", name="Cancel").click()
    person.signs_in_natively(product.login_url, account.username, account.password)
    person.is_signed_in_as(account.username, product.url)


@pytest.mark.parametrize("house", HOUSES)
def test_ot06_ot07_too_many_codes_end_the_proof_and_the_native_login_opens(world, new_browser, house) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house, totp=True)
    person = Person.sits_down(new_browser())
    person.opens(product.login_url)
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    person.proves(account.username, account.password)
    for _ in range(5):
        person.enters_code(wrong_code(account.totp_secret))
        expect(person.page.get_by_text("That code doesn’t match")).to_be_visible()
    person.enters_code(code_now(account.totp_secret))
    expect(person.page.get_by_role("heading", name="Too many tries")).to_be_visible()
    expect(person.page.get_by_text("Wait 15 minutes")).to_be_visible()
    person.is_nobody_at(product.url)
    person.opens(product.login_url)
    expect(person.page.locator("input[name=password]")).to_be_visible()
    person.waits_for_button()
