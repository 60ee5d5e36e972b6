"""The mail that confirms an address: sent again, opened by a scanner, twice, too late (AKE-12, 13, 24 to 26)."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page, expect
from tests.e2e.first_steps import (
    CONFIRM,
    asks_for_mail,
    confirms_address,
    gives_password,
    goes_on,
    goes_on_by_itself,
    is_in,
    links_in_mails,
    names_himself,
    opens_link,
    sees_question,
    sees_who_to_ask,
    starts_again,
)
from tests.e2e.moving import Globex
from tests.e2e.person import Person

from linkmw.demo.products.people import Person as Account

MINUTE, LINK_SECONDS, FLOW_SECONDS = 60, 600, 1800


def comes_to_inbox(person: Person, globex: Globex, house: str, account: Account) -> None:
    names_himself(person, globex.products[house], account.username)
    gives_password(person, globex.products[house], account.password)
    asks_for_mail(person, account.email)


def presses_resend(person: Person) -> None:
    person.page.get_by_role("button", name="Resend").press("Enter")  # a click would wait until it is ready
    expect(person.page.get_by_role("heading", name="Check your inbox")).to_be_visible()


def test_ake12_ake25_um10_um11_rc16_three_more_mails_a_minute_apart_and_no_more(globex, new_browser) -> None:
    product, account = globex.products["shop"], globex.new_account("shop")
    # Without scripts the button can be pressed too early.
    person = Person.sits_down(new_browser(java_script_enabled=False))
    comes_to_inbox(person, globex, "shop", account)
    again = person.page.get_by_role("region", name="Didn’t receive the link?")
    for left in (3, 2, 1):
        links_in_mails(globex, account.email, 4 - left)
        expect(again).to_contain_text(f"Look in your spam folder first. {left} of 3 resends left, the next in")
        presses_resend(person)
        expect(again).to_contain_text(f"{left} of 3 resends left, the next in")
        globex.waits(MINUTE)
        person.page.reload()
        expect(again).to_contain_text(f"{left} of 3 resends left.")
        presses_resend(person)
    links = links_in_mails(globex, account.email, 4)
    expect(again).to_contain_text("There are no resends left: start again in a minute.")
    expect(again.get_by_role("button", name="Resend")).to_have_count(0)
    expect(person.page.get_by_role("link", name="Start again")).to_be_visible()

    # The address has had four mails within the hour: whoever gives it too, under whatever spelling, gets one more, and
    # then is told the same and sends nothing (UM11).
    name, _, domain = account.email.partition("@")
    spellings = [f"{name}+{number}@{domain}" for number in (1, 2)]
    for spelling in spellings:
        stranger = Person.sits_down(new_browser())
        comes_to_inbox(stranger, globex, "shop", globex.new_account("shop", spelling))

    # Of the mails that were sent each is as good as the last (RC16).
    opens_link(new_browser().new_page(), product, account, links[0])
    opens_link(person.context.new_page(), product, account, links[3])
    goes_on(person)
    is_in(person, product, account)
    globex.inbox.wait_for(to=account.email, subject="has been linked")
    assert [len(globex.inbox.messages(spelling)) for spelling in spellings] == [1, 0]


def test_ake13_ake24_ake26_ake29_um12_rc16_a_link_looked_at_too_late_and_pressed_twice(globex, new_browser) -> None:
    product, account = globex.products["notes"], globex.new_account("notes")
    person = Person.sits_down(new_browser())
    comes_to_inbox(person, globex, "notes", account)
    (link,) = links_in_mails(globex, account.email)
    mail = globex.inbox.wait_for(to=account.email, subject=CONFIRM)
    for part in (mail["text"], mail["html"]):
        text = " ".join(part.split())
        assert "Don’t confirm, and tell your administrator. It may be a colleague’s typing mistake." in text
        assert "As long as you don’t confirm, nothing changes." in text

    # A scanner with scripts opens it as often as it likes. Nothing changes, and the token goes nowhere (UM01, UM12).
    scanner, sent = new_browser().new_page(), []
    scanner.on("request", lambda request: sent.append((request.url, request.headers.get("referer", ""))))
    for _ in range(3):
        sees_question(scanner, product, account, link)
    token = link.rpartition("/")[2]
    assert scanner.url == f"{globex.hub_url}/confirm-email"
    assert token not in scanner.content()
    assert {urlsplit(url).netloc for url, _ in sent} == {urlsplit(globex.hub_url).netloc}
    assert not [referer for _, referer in sent if token in referer]
    expect(scanner.get_by_text("Don’t confirm. Close this window and tell your administrator")).to_be_visible()
    goes_on(person)
    expect(person.page.get_by_role("alert")).to_contain_text("Not confirmed yet")
    assert globex.users_of(account.email) == []
    assert globex.links_of("notes", account) == []

    # Too late, also on the page that was open in time: it says so, and where to start again (AKE-26).
    globex.waits(LINK_SECONDS)
    scanner.get_by_role("button", name="Confirm this email").click()
    _is_too_late(scanner, globex)
    reader = Person.sits_down(new_browser())
    reader.opens(link)
    _is_too_late(reader.page, globex)
    starts_again(reader.page)

    # Who waits asks for another mail; its link may be opened and pressed any number of times (RC16).
    person.page.reload()
    presses_resend(person)
    later = links_in_mails(globex, account.email, 2)[1]
    for _ in range(2):
        opens_link(person.context.new_page(), product, account, later)
    goes_on_by_itself(person)
    is_in(person, product, account)
    elsewhere = new_browser().new_page()
    opens_link(elsewhere, product, account, later)
    expect(elsewhere.locator(".shown.code")).to_have_count(0)
    assert len(globex.users_of(account.email)) == len(globex.links_of("notes", account)) == 1


def _is_too_late(page: Page, globex: Globex) -> None:
    expect(page.get_by_role("heading", name="This link has expired")).to_be_visible()
    expect(page.get_by_text("It worked for 10 minutes. Nothing was changed.")).to_be_visible()
    # The native login is closed, so it is nothing to offer.
    assert page.get_by_role("link", name="Sign in with your").count() == 0
    sees_who_to_ask(page, globex)


def test_ake26_ake29_pr22_a_first_sign_in_that_took_too_long_starts_again(globex, new_browser) -> None:
    product, account = globex.products["shop"], globex.new_account("shop")
    person = Person.sits_down(new_browser())
    names_himself(person, product, account.username)
    gives_password(person, product, account.password)
    expect(person.page.get_by_role("heading", name=CONFIRM)).to_be_visible()
    globex.waits(FLOW_SECONDS)
    person.page.get_by_role("button", name="Confirm & Continue").click()
    expect(person.page.get_by_role("heading", name="This sign-in has expired")).to_be_visible()
    assert person.page.get_by_role("link", name="Sign in with your").count() == 0
    sees_who_to_ask(person.page, globex)
    starts_again(person.page)
    assert globex.inbox.messages(account.email) == []


def test_ake13_lt07_another_browser_shows_a_code_for_the_waiting_one(globex, new_browser) -> None:
    product, account = globex.products["notes"], globex.new_account("notes")
    person, phone = Person.sits_down(new_browser()), Person.sits_down(new_browser())
    names_himself(person, product, account.username)
    gives_password(person, product, account.password)
    link = confirms_address(person, globex, account.email)
    opens_link(phone.page, product, account, link)
    shown = phone.page.locator(".shown.code").inner_text()
    assert phone.page.get_by_role("link", name="Continue").count() == 0

    # A stranger who waits does not see it, and does not get on without it (LT07).
    goes_on_by_itself(person)
    expect(person.page.get_by_role("heading", name="Enter the code")).to_be_visible()
    person.page.get_by_role("textbox", name="Code").fill("AAAA AAAA")
    goes_on(person)
    expect(person.page.get_by_text("That is not the code")).to_be_visible()
    assert globex.users_of(account.email) == []
    person.page.get_by_role("textbox", name="Code").fill(shown)
    goes_on(person)
    is_in(person, product, account)
    phone.is_nobody_at(product.url)
