"""`make demo CHECK=1`: people link accounts, sign out and in again, and a tenant moves over, all of it over HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from linkmw.demo.catalogue import CASES, Case
from linkmw.demo.hub import BRAND
from linkmw.demo.parts.inbox import STEP_SECONDS, code_at
from linkmw.demo.parts.realm import ACME
from linkmw.demo.parts.realm import Person as Identity
from linkmw.demo.product import ProductServer
from linkmw.demo.products.people import Person as Account
from linkmw.demo.stage import Stage
from linkmw.demo.web import Browser, Page, Stuck

_MAIL_SECONDS = 30
_BUTTON = f"Sign in with {BRAND}"


def journeys(stage: Stage, say: Callable[[str], None]) -> None:
    """An account without and one with a second factor, each linked, signed out of, and opened again; and the three
    cases of a first sign-in in a tenant that moves over. Raises Stuck.

    The second one's own code is asked for then too: this identity has no second factor at Keycloak (MIM-5).
    """
    identity = stage.identities[-1]
    products = stage.products_of(ACME)
    plain = next(account for account in products[0].accounts if account.email == identity.email)
    guarded = next(account for account in products[-1].accounts if account.totp_secret)
    with Browser() as browser:
        _first_time(stage, browser, products[0], identity, plain, say)
        _next_time(browser, products[0], identity, plain, say)
    with Browser() as browser:
        _first_time(stage, browser, products[-1], identity, guarded, say)
        _next_time(browser, products[-1], identity, guarded, say)
    for play in (_moves_over, _joins, _is_unknown):
        with Browser() as browser:
            play(stage, browser, say)


def _first_time(
    stage: Stage,
    browser: Browser,
    product: ProductServer,
    identity: Identity,
    account: Account,
    say: Callable[[str], None],
) -> None:
    say(f"{product.name}: open {product.protected_url} and press “{_BUTTON}”")
    browser.open(product.protected_url)
    browser.press(_BUTTON)
    say(f"Keycloak: sign in as {identity.email}")
    browser.submit(browser.page.form_with("username"), username=identity.email, password=identity.password)
    _expect(browser.page, "Link your account")
    say(f"{product.name}: prove the account {account.username} with its password")
    browser.submit(browser.page.form_with("password"), username=account.username, password=account.password)
    if account.totp_secret:
        _expect(browser.page, "Two-factor authentication")
        say(f"{product.name}: and with its verification code")
        browser.submit(browser.page.form_with("code"), code=code_at(account.totp_secret, int(time.time())))
    _expect(browser.page, "Your accounts are linked")
    say(f"Hub: “{browser.page.headings[0]}”; Continue")
    browser.submit(browser.page.form_of("Continue"))
    _expect_signed_in(browser, product, account)
    mail = _mail(stage, product, account)
    say(f"Inbox: “{mail}” for {account.email}, with its Remove Link")


def _next_time(
    browser: Browser, product: ProductServer, identity: Identity, account: Account, say: Callable[[str], None]
) -> None:
    say(f"{product.name}: sign out, which signs out of {BRAND} too")
    browser.open(product.url + "/")
    browser.submit(browser.page.form_of("Sign out"))
    _expect(browser.page, "You are signed out")
    say(f"{product.name}: press “{_BUTTON}” once more, and sign in at Keycloak")
    browser.open(product.protected_url)
    browser.press(_BUTTON)
    before = len(browser.visited)
    browser.submit(browser.page.form_with("username"), username=identity.email, password=identity.password)
    if account.totp_secret:
        _expect(browser.page, "Two-factor authentication")
        say(f"{product.name}: and its next verification code")
        code = code_at(account.totp_secret, int(time.time()) + STEP_SECONDS)  # this one's is used up
        browser.submit(browser.page.form_with("code"), code=code)
    elif len(browser.visited) != before + 1:
        raise Stuck(f"there was a page in between: {', '.join(map(str, browser.visited[before:]))}")
    _expect_signed_in(browser, product, account)


def _moves_over(stage: Stage, browser: Browser, say: Callable[[str], None]) -> None:
    """AKE-5: one account becomes an identity with the product's own password."""
    product, account = _confirms_address(stage, browser, CASES[0], say)
    _expect_signed_in(browser, product, account)


def _joins(stage: Stage, browser: Browser, say: Callable[[str], None]) -> None:
    """AKE-6: another account of the address joins, and opens with the first one's password."""
    product, account = _confirms_address(stage, browser, CASES[1], say)
    _expect(browser.page, "We found more accounts of yours")
    other = stage.products["support"]
    joined = next(one for one in other.accounts if one.email == account.email)
    say(f"Hub: {joined.username} in {other.name} is listed, and joins; Continue")
    if joined.username not in browser.page.text:
        raise Stuck(f"{joined.username} is not on {browser.page}")
    browser.submit(browser.page.form_of("Continue"))
    _expect_signed_in(browser, product, account)
    say(f"{other.name}: Keycloak asks once, for {product.name}'s password")
    browser.open(other.url + "/")
    browser.open(other.protected_url)  # from its own page: not sent by the Shop
    browser.submit(browser.page.form_with("username"), username=account.email, password=account.password)
    _expect_signed_in(browser, other, joined)


def _is_unknown(stage: Stage, browser: Browser, say: Callable[[str], None]) -> None:
    """AKE-7."""
    case = CASES[2]
    say(f"{stage.products[case.key].name}: {case.name} is nobody")
    _names(stage, browser, case)
    _expect(browser.page, "User not found")


def _names(stage: Stage, browser: Browser, case: Case) -> None:
    browser.open(stage.products[case.key].protected_url)
    browser.submit(browser.page.form_with("email"), email=case.name)


def _confirms_address(
    stage: Stage, browser: Browser, case: Case, say: Callable[[str], None]
) -> tuple[ProductServer, Account]:
    """From the product's login route to the confirmed address: what follows depends on whose it is."""
    product = stage.products[case.key]
    account = next(one for one in product.accounts if one.email == case.name)
    say(f"{product.name}: open {product.protected_url}, which leads to the hub; type {case.name}")
    _names(stage, browser, case)
    say(f"{product.name}: its password, once")
    browser.submit(browser.page.form_with("password"), password=account.password)
    _expect(browser.page, "Confirm your email address")
    browser.submit(browser.page.form_of("Confirm & Continue"))
    say("Inbox: open the mail's link and press “Confirm this email”; Continue")
    browser.open(_confirmation(stage, case.name))
    browser.submit(browser.page.form_of("Confirm this email"))
    browser.press("Continue")
    browser.submit(browser.page.form_of("Continue"))
    return product, account


def _confirmation(stage: Stage, email: str) -> str:
    try:
        mail = stage.mailbox.wait_for(
            lambda message: message.to == email and "Confirm your email" in message.subject, _MAIL_SECONDS
        )
    except TimeoutError as error:
        raise Stuck(str(error)) from None
    found = re.search(rf"{re.escape(stage.hub.url)}/confirm-email/\S+", mail.text)
    if not found:
        raise Stuck(f"the mail “{mail.subject}” has no link to confirm the address")
    return found[0]


def _expect(page: Page, heading: str) -> None:
    if heading not in page.headings:
        raise Stuck(f"expected the page “{heading}”, but this is {page}")


def _expect_signed_in(browser: Browser, product: ProductServer, account: Account) -> None:
    if browser.page.url != product.protected_url:
        raise Stuck(f"expected {product.protected_url}, but this is {browser.page}")
    home = browser.open(product.url + "/")
    if account.username not in home.text or "Sign out" not in home.text:
        raise Stuck(f"nobody is signed in as {account.username} on {home}")


def _mail(stage: Stage, product: ProductServer, account: Account) -> str:
    try:
        mail = stage.mailbox.wait_for(
            lambda message: message.to == account.email and product.name in message.subject, _MAIL_SECONDS
        )
    except TimeoutError as error:
        raise Stuck(str(error)) from None
    if "Remove Link" not in mail.html or f"{stage.hub.url}/unlink/" not in mail.text:
        raise Stuck(f"the mail “{mail.subject}” has no Remove Link")
    return mail.subject
