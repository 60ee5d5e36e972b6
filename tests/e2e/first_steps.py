"""What a person does at a first sign-in in a tenant that moves over, step by step."""

from __future__ import annotations

import re
import time

from playwright.sync_api import Page, expect
from tests.e2e.moving import Globex
from tests.e2e.person import Person
from tests.secrets_in_logs import used

from linkmw.demo.product import ProductServer
from linkmw.demo.products.people import Person as Account

CONFIRM = "Confirm your email address"
ARRIVAL_SECONDS = 15


def names_himself(person: Person, product: ProductServer, name: str) -> None:
    """AKE-8: the product's login route leads to the hub, which asks who this is."""
    arrives(person, product)
    types_name(person, name)


def arrives(person: Person, product: ProductServer) -> None:
    """At "Sign in". A gate whose hub was silent for half a second says so, and leads there at the next look (P-5)."""
    asked = person.page.get_by_role("heading", name="Sign in", exact=True)
    away = person.page.get_by_role("heading", name="not available right now")
    deadline = time.monotonic() + ARRIVAL_SECONDS
    person.opens(product.login_url)
    expect(asked.or_(away)).to_be_visible()
    while away.count():
        assert time.monotonic() < deadline, f"nobody is asked at {person.page.url}"
        person.opens(product.login_url)
        expect(asked.or_(away)).to_be_visible()


def types_name(person: Person, name: str) -> None:
    person.page.get_by_role("textbox", name="Email").fill(name)
    person.page.get_by_role("button", name="Continue", exact=True).click()


def gives_password(person: Person, product: ProductServer, password: str) -> None:
    """AKE-10: the product's own page asks for the account's password."""
    expect(person.page.get_by_role("button", name="Login", exact=True)).to_be_visible()
    assert person.page.url.startswith(product.url)
    person.page.get_by_role("textbox", name="Password").fill(password)
    person.page.get_by_role("button", name="Login", exact=True).click()


def asks_for_mail(person: Person, email: str) -> None:
    """AKE-11: the address is there already."""
    expect(person.page.get_by_role("heading", name=CONFIRM)).to_be_visible()
    expect(person.page.get_by_role("textbox", name="Work email")).to_have_value(email)
    person.page.get_by_role("button", name="Confirm & Continue").click()
    expect(person.page.get_by_role("heading", name="Check your inbox")).to_be_visible()


def links_in_mails(globex: Globex, email: str, count: int = 1) -> list[str]:
    """The links of the mails that confirm this address, oldest first, when there are so many."""

    def mails() -> list[dict[str, str]]:
        return [mail for mail in globex.inbox.messages(email) if CONFIRM in mail["subject"]]

    globex.world.until(lambda: len(mails()) >= count, 20)
    found = [re.search(r"http\S+/confirm-email/(\S+)", mail["text"]) for mail in mails()]
    assert len(found) == count, mails()
    links = [match for match in found if match]
    used("a mail's token", *(match[1] for match in links))
    return [match[0] for match in links]


def confirms_address(person: Person, globex: Globex, email: str) -> str:
    """AKE-11: the link in the mail that comes to that address."""
    asks_for_mail(person, email)
    return links_in_mails(globex, email)[0]


def opens_link(reader: Page, product: ProductServer, account: Account, url: str) -> None:
    """AKE-13: the page says what it is about, and confirms at the button alone."""
    sees_question(reader, product, account, url)
    reader.get_by_role("button", name="Confirm this email").click()
    expect(reader.get_by_role("heading", name="Email confirmed")).to_be_visible()


def sees_question(reader: Page, product: ProductServer, account: Account, url: str) -> None:
    reader.goto(url)
    about = reader.get_by_text(re.compile(f"signs in to {product.name} as ({account.username}|{account.email})"))
    expect(about).to_be_visible()


def goes_on(person: Person) -> None:
    person.page.get_by_role("button", name="Continue", exact=True).click()


def goes_on_by_itself(person: Person) -> None:
    """AKE-13: the waiting window sees that the address was confirmed; who presses too may press on the next page."""
    expect(person.page.get_by_role("heading", name="Check your inbox")).to_have_count(0, timeout=15_000)


def moves_over(person: Person, globex: Globex, house: str, account: Account) -> None:
    """All of it in one browser: from the product's login route to the product."""
    product = globex.products[house]
    names_himself(person, product, account.email)
    gives_password(person, product, account.password)
    opens_link(person.context.new_page(), product, account, confirms_address(person, globex, account.email))
    goes_on_by_itself(person)
    is_in(person, product, account)


def is_in(person: Person, product: ProductServer, account: Account) -> None:
    expect(person.page).to_have_url(re.compile(re.escape(product.url) + r"/(?!\.linkmw/)"))
    person.is_signed_in_as(account.username, product.url)


def at_keycloak(person: Person, email: str) -> None:
    """At Keycloak's page, the address filled in."""
    expect(person.page).to_have_url(re.compile(r"http://keycloak\.localhost"))
    expect(person.page.locator("#username")).to_have_value(email)


def sees_who_to_ask(page: Page, globex: Globex) -> str:
    """AKE-29: the tenant's contact, a way on, and a reference that is in the hub's log; the reference."""
    expect(page.get_by_role("link", name=globex.contact)).to_be_visible()
    reference = page.locator(".reference").inner_text()
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", reference)
    assert page.locator("main .button").count(), page.url
    assert globex.logged(reference), reference
    return reference


def starts_again(page: Page) -> None:
    """From an error page of the hub, another site to the product: in `replace` it leads on by itself (FC17)."""
    page.get_by_role("link", name="Start again").click()
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
