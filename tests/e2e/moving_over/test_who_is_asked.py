"""Whom a name is asked of, and what nobody notices who does not move over (AKE-3, AKE-4, AKE-7, AKE-9, AKE-28)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect
from tests.e2e.first_steps import (
    at_keycloak,
    confirms_address,
    gives_password,
    goes_on_by_itself,
    is_in,
    moves_over,
    names_himself,
    opens_link,
    sees_who_to_ask,
    types_name,
)
from tests.e2e.moving import Globex
from tests.e2e.person import Person

from linkmw.demo.parts.processes import free_port
from linkmw.demo.parts.realm import REALM
from linkmw.demo.product import ProductServer


def is_unknown(person: Person, globex: Globex, name: str) -> None:
    """AKE-7."""
    expect(person.page.get_by_role("heading", name="User not found")).to_be_visible()
    expect(person.page.get_by_text(f"There is no account for {name}.")).to_be_visible()
    contact = person.page.get_by_role("link", name="Contact your administrator")
    assert contact.get_attribute("href") == f"mailto:{globex.contact}"
    sees_who_to_ask(person.page, globex)


def is_asked_by(person: Person, product: ProductServer) -> None:
    expect(person.page.get_by_role("button", name="Login", exact=True)).to_be_visible()
    assert person.page.url.startswith(product.url)


def test_ake03_ake04_pr12_one_tenant_moves_and_another_sees_nothing(globex, world, new_browser) -> None:
    acme, stranger = world.products["orders-wsgi"], world.new_account("orders-wsgi")
    account = globex.new_account("shop")
    assert globex.users_of(account.email) == []

    # Whom another tenant knows is nobody here, and whom this one knows is nobody there.
    person = Person.sits_down(new_browser())
    names_himself(person, globex.products["shop"], stranger.email)
    is_unknown(person, globex, stranger.email)
    neighbour = Person.sits_down(new_browser())
    neighbour.opens(acme.login_url)
    neighbour.waits_for_button()
    assert neighbour.page.url == acme.login_url
    neighbour.signs_in_natively(acme.login_url, account.username, account.password)
    neighbour.is_nobody_at(acme.url)
    neighbour.signs_in_natively(acme.login_url, stranger.username, stranger.password)
    neighbour.is_signed_in_as(stranger.username, acme.url)

    # Nobody prepared anything for this account: its first sign-in did all of it, in its own realm.
    moves_over(Person.sits_down(new_browser()), globex, "shop", account)
    (user,) = globex.users_of(account.email)
    assert (user["username"], user["emailVerified"], user["enabled"]) == (account.email, True, True)
    with world._admin() as admin:
        assert admin.get(f"/admin/realms/{REALM}/users", params={"email": account.email}).json() == []
    neighbour.is_signed_in_as(stranger.username, acme.url)


def test_ake07_ake09_ake29_pr12_the_opened_product_is_asked_first_and_wins(globex, new_browser) -> None:
    house, other = "shop", "notes"
    opened, account = globex.products[house], globex.new_account(house)
    twin = globex.new_account(other, account.email)
    elsewhere = globex.new_account(other)
    identity = globex.new_identity()
    person = Person.sits_down(new_browser())

    # An address that both products know, and a username: the one that was opened asks.
    names_himself(person, opened, account.email)
    is_asked_by(person, opened)
    names_himself(person, globex.products[other], account.email)
    is_asked_by(person, globex.products[other])
    names_himself(person, opened, account.username)
    is_asked_by(person, opened)

    # A username is asked of it alone; an address that it does not know, of the others.
    for name in (elsewhere.username, "nobody@globex.example"):
        names_himself(person, opened, name)
        is_unknown(person, globex, name)
    types_name(person, elsewhere.email)
    is_asked_by(person, globex.products[other])

    # Whom Keycloak knows goes there, the address filled in, though no product does.
    names_himself(person, opened, identity.email)
    at_keycloak(person, identity.email)
    assert globex.links_of(other, twin) == []


def test_ake05_ake09_pr21_an_account_of_another_product_leads_to_the_opened_one(globex, new_browser) -> None:
    """Proven where it is; then Keycloak asks once, the address filled in, for what was opened."""
    opened, account, old = globex.products["shop"], globex.new_account("notes"), globex.new_account("shop")
    person = Person.sits_down(new_browser())
    names_himself(person, opened, account.email)
    notes = globex.products["notes"]
    gives_password(person, notes, account.password)
    opens_link(person.context.new_page(), notes, account, confirms_address(person, globex, account.email))
    goes_on_by_itself(person)
    at_keycloak(person, account.email)
    person.signs_in_at_keycloak(account.email, account.password)
    expect(person.page.get_by_role("heading", name="Link your account.")).to_be_visible()
    person.page.get_by_role("textbox", name="Email").fill(old.email)
    person.page.get_by_role("textbox", name="Password").fill(old.password)
    person.page.get_by_role("button", name="CONTINUE").click()
    is_in(person, opened, old)
    person.opens(notes.login_url)
    is_in(person, notes, account)


@contextmanager
def out_of_reach(globex: Globex, product: ProductServer) -> Iterator[None]:
    """The hub calls an address of the product that nobody listens at; browsers reach it as ever."""
    admin = globex.world.hub._admin()
    admin.change_client(product.client_id, internal_url=f"http://127.0.0.1:{free_port()}")
    try:
        yield
    finally:
        admin.change_client(product.client_id, internal_url=product.internal_url)


def test_ake09_a_product_that_the_hub_cannot_reach_shows_its_own_page(globex, new_browser) -> None:
    product, account = globex.products["notes"], globex.new_account("notes")
    person = Person.sits_down(new_browser())

    def is_asked() -> bool:  # for a name that nobody has: the hub could not ask
        names_himself(person, product, "nobody")
        login = person.page.get_by_role("button", name="Login", exact=True)
        unknown = person.page.get_by_role("heading", name="User not found")
        expect(login.or_(unknown)).to_be_visible()
        return login.count() == 1

    with out_of_reach(globex, product):
        globex.world.until(is_asked, 30)
        gives_password(person, product, account.password)
        expect(person.page.get_by_role("alert")).to_contain_text("That password doesn’t match")
        names_himself(person, product, account.username)
        gives_password(person, product, account.password)
        expect(person.page.get_by_role("heading", name="Confirm your email address")).to_be_visible()


def test_ake15_ake28_bf08_lt18_nothing_is_told_of_names_and_everybody_sets_a_password(globex, new_browser) -> None:
    product, account = globex.products["shop"], globex.new_account("shop")
    elsewhere = globex.new_account("notes")
    with globex.tenant(unknown_user="hide", credential_at_first="set"):
        answers = set()
        for name in (account.email, account.username, "nobody@globex.example", "nobody", elsewhere.email):
            person = Person.sits_down(new_browser())
            names_himself(person, product, name)
            is_asked_by(person, product)
            gives_password(person, product, "not-the-password")
            expect(person.page.get_by_role("alert")).to_contain_text("That password doesn’t match")
            answers.add(_without_name(person.page, name))
        assert len(answers) == 1, answers

        person = Person.sits_down(new_browser())
        moves_over(person, globex, "shop", account)

    # The product's password is not the identity's: Keycloak wants a new one, and mails where it is set.
    later = Person.sits_down(new_browser())
    names_himself(later, product, account.email)
    at_keycloak(later, account.email)
    later.signs_in_at_keycloak(account.email, account.password)
    expect(later.page.get_by_text("Invalid username or password")).to_be_visible()
    later.page.get_by_role("link", name="Forgot Password?").click()
    later.page.locator("#username").fill(account.email)
    later.page.get_by_role("button", name="Submit").click()
    mail = globex.inbox.wait_for(to=account.email, subject="Reset password")
    later.opens(_link_in(mail["text"]))
    for field in ("#password-new", "#password-confirm"):
        later.page.locator(field).fill("a-new-password-of-globex")
    later.page.get_by_role("button", name="Submit").click()
    is_in(later, product, account)


def _without_name(page: Page, name: str) -> str:
    """What the page says, but for whom it says it to."""
    said = page.locator("main").evaluate("main => { main.querySelector('.initial').remove(); return main.innerText }")
    return str(said).replace(name, "NAME")


def _link_in(text: str) -> str:
    found = re.search(r"http://keycloak\S+", text)
    assert found, text
    return found[0]
