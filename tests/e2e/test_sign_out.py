"""Signing out with the real Keycloak: at the product, in the manager, and by an administrator (P-7, OPS-8, SC09)."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect
from tests.e2e.houses import one_of
from tests.e2e.person import BRAND, Person

HOUSES = one_of("helpdesk", "orders-wsgi", "wiki")  # WSGI with sessions at the server and in the cookie, and ASGI
SECONDS = 3.0  # a second (OPS-8), and two for a machine with much else to do
AT_KEYCLOAK = re.compile(r"http://keycloak\.localhost")


@pytest.fixture(params=HOUSES)
def product(world, request):
    return world.products[request.param]


def linked(world, new_browser, product) -> tuple[Person, object, object]:
    """Somebody who has linked an account just now and is signed in everywhere."""
    identity, account = world.new_identity(), world.new_account(product.key)
    person = Person.sits_down(new_browser())
    person.links(product, identity, account)
    person.is_signed_in_as(account.username, product.url)
    return person, identity, account


def sits_down_elsewhere(new_browser, product, identity) -> Person:
    """The same person in another browser, signed in to the product."""
    person = Person.sits_down(new_browser())
    person.opens(product.login_url)
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    expect(person.page).to_have_url(re.compile(re.escape(product.url) + r"/(?!\.linkmw/)"))
    return person


def is_signed_in(page: Page) -> bool:
    """Asked for from within the product's own page, as often as one likes."""
    return "Signed in as" in page.evaluate("fetch('/', {headers: {accept: 'text/html'}}).then(answer => answer.text())")


def is_out_in_time(world, person: Person, product) -> None:
    """The product knows nobody any more, within a second of what happened before."""
    began = time.monotonic()
    world.until(lambda: not is_signed_in(person.page), seconds=10)
    assert time.monotonic() - began < SECONDS
    person.is_nobody_at(product.url)


def has_to_sign_in_at(person: Person, url: str) -> None:
    person.opens(url)
    expect(person.page).to_have_url(AT_KEYCLOAK)
    expect(person.page.locator("#password")).to_be_visible()


def manager(world) -> str:
    return f"{world.hub_url}/t/acme/"


def test_ops08_sc09_an_administrators_logout_at_keycloak_ends_hub_and_product_within_a_second(
    world, new_browser, product
) -> None:
    person, identity, _ = linked(world, new_browser, product)
    person.opens(product.url)
    assert is_signed_in(person.page)
    world.end_identity_sessions(identity)
    is_out_in_time(world, person, product)
    has_to_sign_in_at(person, manager(world))


def test_p07_after_the_products_own_sign_out_nobody_is_thrown_back_in(world, new_browser, product) -> None:
    person, identity, account = linked(world, new_browser, product)
    person.signs_out_of_product(product.url)
    expect(person.page.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert person.page.url.startswith(product.url)
    person.page.get_by_role("link", name=f"Sign in with {BRAND}").click()
    person.signs_in_at_keycloak(identity.email, identity.password)
    expect(person.page).to_have_url(re.compile(re.escape(product.url) + r"/(?!\.linkmw/)"))
    person.is_signed_in_as(account.username, product.url)


def test_mim09_signing_out_in_the_manager_ends_what_it_opened_and_keycloaks_session(
    world, new_browser, product
) -> None:
    person, _, _ = linked(world, new_browser, product)
    person.opens(product.url)
    tab = person.context.new_page()
    tab.goto(manager(world))
    tab.get_by_role("button", name="Sign out", exact=True).first.click()
    expect(tab.get_by_role("heading", name="You are signed out")).to_be_visible()
    assert tab.url.startswith(world.hub_url)
    is_out_in_time(world, person, product)
    has_to_sign_in_at(person, manager(world))


@pytest.mark.parametrize("house", one_of("orders-wsgi", "wiki"))
def test_sc11_ops08_another_browsers_session_is_ended_and_then_all_of_them(world, new_browser, house) -> None:
    product = world.products[house]
    here, identity, account = linked(world, new_browser, product)
    there = sits_down_elsewhere(new_browser, product, identity)
    there.opens(product.url)
    here.opens(manager(world))
    sessions = here.page.locator("form[action$='/end']")
    expect(sessions).to_have_count(1)
    sessions.get_by_role("button").click()
    expect(sessions).to_have_count(0)
    is_out_in_time(world, there, product)
    has_to_sign_in_at(there, manager(world))
    here.is_signed_in_as(account.username, product.url)

    there = sits_down_elsewhere(new_browser, product, identity)
    there.opens(product.url)
    tab = here.context.new_page()
    tab.goto(manager(world))
    tab.get_by_role("button", name="Sign out everywhere").click()
    expect(tab.get_by_role("heading", name="You are signed out")).to_be_visible()
    here.opens(product.url)
    for person in (here, there):
        is_out_in_time(world, person, product)
        has_to_sign_in_at(person, manager(world))
