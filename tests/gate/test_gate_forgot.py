"""A forgotten product password on the way to a link (AKE-19 to AKE-22), and that nobody learns whose address it is."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.gate.world import ADA, NOW, Browser, World, heading, location

from linkmw.gate.names import is_address


@pytest.fixture
def world() -> World:
    world = World(mode="replace")
    world.hub.mode = "replace"
    return world


@pytest.fixture
def browser(world: World) -> Browser:
    return world.browser()


def link(browser: Browser, words: str) -> str:
    found = re.search(rf'href="([^"]+)"[^>]*>[^<]*{words}', browser.page)
    assert found, browser.page
    return unescape(found[1])


def asks(browser: Browser, email: str = ADA.email, **changes: Any) -> Any:
    """From "Link your account." to the answer of "SEND RESET LINK"."""
    browser.arrives(**changes)
    browser.get(link(browser, "Forgot your Orders password"))
    return browser.submit(email=email)


def test_ake19_the_form_asks_for_an_address(browser: Browser) -> None:
    browser.arrives()
    answer = browser.get(link(browser, "Forgot your Orders password"))
    assert answer.status == 200
    assert re.search(r"<label[^>]*>Email</label>", browser.page)
    assert re.search(r"<button[^>]*>SEND RESET LINK</button>", browser.page)
    assert 'value="ada@acme.example"' in browser.page


def test_ake20_the_product_sends_its_own_mail_and_the_page_says_so(world: World, browser: Browser) -> None:
    browser.follow(asks(browser))
    assert world.product.resets == [ADA.email]
    assert heading(browser.page) == "Check your inbox"
    assert "A password reset email has been sent. Reset your password, then click below to link your account." in (
        unescape(browser.page)
    )


def test_ake20_looking_again_sends_nothing(world: World, browser: Browser) -> None:
    answer = asks(browser)
    for _ in range(3):
        browser.follow(answer)
    assert world.product.resets == [ADA.email]


def test_ake22_back_leads_to_the_form_with_the_address_filled_in(browser: Browser) -> None:
    browser.follow(asks(browser))
    browser.get(link(browser, "Back"))
    assert heading(browser.page) == "Link your account."
    assert f'value="{ADA.email}"' in browser.page


def test_ake22_the_new_password_is_taken_there(world: World, browser: Browser) -> None:
    browser.follow(asks(browser))
    world.product.passwords["ada"] = "another horse"
    browser.get(link(browser, "Back"))
    browser.submit(username=ADA.email, password="another horse")
    assert [proof.account for proof in world.hub.pushed] == [ADA]


def test_ake22_back_when_the_flow_has_expired_begins_again_with_the_address(world: World, browser: Browser) -> None:
    browser.follow(asks(browser))
    back = link(browser, "Back")
    world.clock.time = NOW + 3 * 3600
    to_hub = urlsplit(location(browser.get(back)))
    assert to_hub.path.endswith("/authorize")
    assert parse_qs(to_hub.query)["login_hint"] == ["ada@acme.example"]  # the identity that is signed in there
    browser.arrives(handle="anew", expires=world.clock.time + 300)
    assert heading(browser.page) == "Link your account."
    assert f'value="{ADA.email}"' in browser.page


def test_ake22_back_from_a_first_sign_in_that_has_expired_names_no_identity(world: World, browser: Browser) -> None:
    browser.follow(asks(browser, purpose="first_sign_in", hint="ada", identity_email=""))
    back = link(browser, "Back")
    world.clock.time = NOW + 3 * 3600
    assert "login_hint" not in parse_qs(urlsplit(location(browser.get(back))).query)


def test_ake22_nobody_else_is_shown_the_address(world: World, browser: Browser) -> None:
    asks(browser)
    other = world.browser()
    other.arrives(handle="other", email="bob@acme.example")
    assert ADA.email not in other.page


def test_ake22_once_it_is_linked_the_address_is_forgotten(world: World, browser: Browser) -> None:
    browser.follow(asks(browser))
    browser.get(link(browser, "Back"))
    browser.submit(username="ada", password="correct horse")
    browser.arrives(handle="anew", email="bob@acme.example")
    assert ADA.email not in browser.page


def test_ake22_and_after_a_day(world: World, browser: Browser) -> None:
    browser.follow(asks(browser))
    back = link(browser, "Back")
    world.clock.time = NOW + 86_400
    assert browser.get(back).status == 400


def test_bf08_known_and_unknown_addresses_get_the_same_answer(world: World) -> None:
    answers = []
    for number, email in enumerate((ADA.email, "nobody@orders.example")):
        browser = world.browser()
        answer = asks(browser, email, handle=f"handle{number}")
        record = re.sub("record=[^&]+", "", location(answer))
        browser.follow(answer)
        answers.append((answer.status, record, re.sub('record=[^"&]+', "", browser.page)))
    assert answers[0] == answers[1]
    assert world.product.resets == [ADA.email, "nobody@orders.example"]


def test_bf08_a_mail_that_fails_is_not_told_of(world: World, browser: Browser) -> None:
    from linkmw.errors import Unavailable

    def fails(*_: Any) -> bool:
        raise Unavailable("the product's send_reset failed")

    world.product.send_reset = fails  # type: ignore[method-assign]
    browser.follow(asks(browser))
    assert heading(browser.page) == "Check your inbox"


def test_bf08_an_address_gets_five_mails_an_hour_whoever_asks(world: World) -> None:
    for email in (ADA.email, "nobody@orders.example"):
        answers = [asks(world.browser(), email, handle=f"{email}{number}") for number in range(6)]
        assert [answer.status for answer in answers] == [303] * 5 + [429]
        assert dict(answers[5].headers)["Retry-After"]
    assert len(world.product.resets) == 10


def test_lt15_other_spellings_of_an_address_count_as_the_same(world: World) -> None:
    for number in range(5):
        asks(world.browser(), ADA.email, handle=str(number))
    assert asks(world.browser(), ADA.email.upper(), handle="other").status == 429


def test_bf08_a_network_asks_for_twenty_an_hour(world: World) -> None:
    answers = [asks(world.browser(), f"person{number}@x.example", handle=str(number)).status for number in range(21)]
    assert answers == [303] * 20 + [429]


@pytest.mark.parametrize("email", ["", "ada", "a@b@c", "a b@c.example", "a@b\0.example", "x" * 400 + "@x.example"])
def test_lt15_what_is_no_address_is_said_and_asked_of_nobody(world: World, browser: Browser, email: str) -> None:
    assert asks(browser, email).status == 422
    assert world.product.resets == []


def test_lt15_one_at_and_nothing_unseen() -> None:
    assert is_address("ada+tag@orders.example")
    for text in ("a@b@c", "a@", "@b", "a", "", "a@b\u200b", "a@b\n", " a@b", "\u202ea@b"):
        assert not is_address(text), text


def test_xs01_a_form_from_elsewhere_sends_nothing(world: World, browser: Browser) -> None:
    browser.arrives()
    url = link(browser, "Forgot your Orders password")
    browser.get(url)
    record = url.partition("record=")[2]
    assert browser.post("/.linkmw/forgot", {"record": record, "csrf": "0" * 64, "email": ADA.email}).status == 403
    assert world.product.resets == []


def test_another_browser_has_no_such_record(world: World, browser: Browser) -> None:
    browser.arrives()
    url = link(browser, "Forgot your Orders password")
    assert location(world.browser().get(url)) == "/.linkmw/login"
    assert world.browser().post("/.linkmw/forgot", {"record": url.partition("record=")[2]}).status == 400


def test_a_product_without_such_a_mail_shows_its_own_page(world: World, browser: Browser) -> None:
    world.product.sends_resets = False
    assert location(asks(browser)) == "/forgot"


def test_and_without_such_a_page_the_contact(world: World) -> None:
    world.settings = World(mode="replace", forgot_password="").settings
    world.product.sends_resets = False
    browser = world.browser()
    assert asks(browser).status == 503
    assert "help@acme.example" in browser.page


def test_in_beside_the_products_page_is_linked_as_ever(world: World, browser: Browser) -> None:
    world.hub.mode = "beside"
    browser.arrives()
    assert link(browser, "Forgot") == "/forgot"
    record = re.search(r'name="record" value="([^"]+)"', browser.page)
    assert record
    assert location(browser.get(f"/.linkmw/forgot?record={record[1]}")) == "/forgot"


def test_ake29_at_the_first_sign_in_too(world: World, browser: Browser) -> None:
    answer = asks(browser, purpose="first_sign_in", hint=ADA.email)
    browser.follow(answer)
    assert world.product.resets == [ADA.email]
    browser.get(link(browser, "Back"))
    assert heading(browser.page) == "Sign in"


def test_lt10_what_is_remembered_is_no_proof_that_a_form_can_name(world: World, browser: Browser) -> None:
    asks(browser)
    world.clock.time = NOW + 3600
    for record in ("forgotten", ADA.email):
        assert "/authorize?" in location(browser.get(f"/.linkmw/prove?record={record}"))
        assert browser.post("/.linkmw/prove", {"record": record}).status == 400
