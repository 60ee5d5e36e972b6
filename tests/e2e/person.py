"""A person at a browser: each verb is one thing a person does, by the names a person sees."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import pyotp
from playwright.sync_api import BrowserContext, Locator, Page, expect

from linkmw.demo.parts.realm import Person as Identity
from linkmw.demo.product import ProductServer
from linkmw.demo.products.people import Person as Account

BRAND = "ACME ID"
BUTTON_SECONDS = 15


@dataclass
class Person:
    """One browser (its own cookies) with one tab to begin with."""

    context: BrowserContext
    page: Page

    @classmethod
    def sits_down(cls, context: BrowserContext) -> Person:
        return cls(context, context.new_page())

    # --- at the product -------------------------------------------------------------------------

    def opens(self, url: str) -> None:
        self.page.goto(url)

    def presses_sign_in(self, brand: str = BRAND) -> None:
        self.waits_for_button(brand)
        self.page.get_by_role("link", name=f"Sign in with {brand}", exact=True).click()

    def sees_button(self, brand: str = BRAND) -> bool:
        return self.page.get_by_role("link", name=f"Sign in with {brand}", exact=True).count() == 1

    def waits_for_button(self, brand: str = BRAND) -> None:
        """The button is there. A gate whose hub was silent for half a second shows it at the next look."""
        deadline = time.monotonic() + BUTTON_SECONDS
        while not self.sees_button(brand):
            assert time.monotonic() < deadline, f"no button at {self.page.url}"
            self.page.reload()

    def is_signed_in_as(self, username: str, url: str) -> None:
        """In a second tab: the product itself says who this is."""
        tab = self.context.new_page()
        tab.goto(url)
        expect(tab.get_by_text(f"Signed in as {username}")).to_be_visible()
        tab.close()

    def is_nobody_at(self, url: str) -> None:
        tab = self.context.new_page()
        tab.goto(url)
        expect(tab.get_by_text("Signed in as")).to_have_count(0)
        tab.close()

    def signs_out_of_product(self, url: str) -> None:
        self.page.goto(url)
        self.page.get_by_role("button", name="Sign out").click()
        expect(self.page.get_by_text("Signed in as")).to_have_count(0)

    def comes_back_later(self, product: ProductServer) -> None:
        """Days have passed: the product's session and what it kept here are over, Keycloak's session is not."""
        self.context.clear_cookies(domain=product.host)

    def signs_in_natively(self, login_url: str, username: str, password: str) -> None:
        self.page.goto(login_url)
        self.page.locator("input[name=username]").fill(username)
        self.page.locator("input[name=password]").fill(password)
        self.page.locator("input[name=password]").press("Enter")

    # --- at Keycloak ----------------------------------------------------------------------------

    def signs_in_at_keycloak(self, email: str, password: str) -> None:
        expect(self.page).to_have_url(re.compile(r"http://keycloak\.localhost"))
        self.page.locator("#username").fill(email)
        self.page.locator("#password").fill(password)
        self.page.locator("#kc-login").click()

    # --- at the manager -------------------------------------------------------------------------

    def opens_manager(self, hub_url: str, identity: Identity | None = None) -> None:
        """identity: who signs in at Keycloak on the way; None: somebody is signed in already."""
        self.page.goto(hub_url)
        if identity is not None:
            self.signs_in_at_keycloak(identity.email, identity.password)
        self.sees_manager()

    def sees_manager(self) -> None:
        expect(self.page.get_by_role("heading", name=f"{BRAND} manager", exact=True)).to_be_visible()

    def panel(self, product: ProductServer) -> Locator:
        """The product's part of the manager: by its own address, for two products may have one name."""
        add = self.page.locator(f"form[action$='/add/{product.client_id}']")
        return self.page.get_by_role("region", name=product.name, exact=True).filter(has=add)

    def presses_add(self, product: ProductServer) -> None:
        self.panel(product).get_by_role("button", name=f"Add an account of {product.name}", exact=True).click()
        expect(self.page.get_by_role("heading", name=f"Add an account of {product.name}")).to_be_visible()

    def sees_accounts(self, product: ProductServer, *accounts: Account) -> None:
        """These are the identity's accounts of the product, in this order; with none there is no table."""
        rows = self.panel(product).get_by_role("row").filter(has=self.page.get_by_role("cell"))
        expect(rows).to_have_count(len(accounts))
        for row, account in zip(rows.all(), accounts, strict=True):
            expect(row).to_contain_text(account.username)

    def removes(self, product: ProductServer, username: str) -> None:
        """The account's link is removed, after a Yes."""
        self.panel(product).get_by_role("button", name=f"Remove {username}", exact=True).click()
        dialog = self.page.get_by_role("alertdialog", name=f"Remove {username} from {BRAND}?")
        dialog.get_by_role("button", name="Yes - Delete", exact=True).click()
        expect(dialog).to_have_count(0)

    # --- the proof ------------------------------------------------------------------------------

    def proves(self, username: str, password: str) -> None:
        expect(self.page.get_by_role("heading", name="Link your account")).to_be_visible()
        self.page.get_by_role("textbox", name="Username").fill(username)
        self.page.get_by_role("textbox", name="Password").fill(password)
        self.page.get_by_role("button", name="Continue").click()

    def enters_code(self, code: str) -> None:
        expect(self.page.get_by_role("heading", name="Two-factor authentication")).to_be_visible()
        self.page.get_by_role("textbox", name="Verification code").fill(code)
        self.page.get_by_role("button", name="Submit").click()

    def enters_fresh_code(self, secret: str) -> None:
        """A code that was not used before: one that was is refused, and the next one tried."""
        for step in (-1, 0, 1):
            self.enters_code(pyotp.TOTP(secret).at(int(time.time()) + 30 * step))
            self.page.wait_for_load_state()
            if self.page.get_by_role("heading", name="Two-factor authentication").count() == 0:
                return
        raise AssertionError("no code was taken")

    def sees_linked(self) -> None:
        expect(self.page.get_by_role("heading", name="Your accounts are linked")).to_be_visible()

    def continues(self) -> None:
        self.page.get_by_role("button", name="Continue").click()

    def proves_whole(self, account: Account) -> None:
        """Username and password, and the verification code where the account has one."""
        self.proves(account.username, account.password)
        if account.totp_secret:
            self.enters_code(code_now(account.totp_secret))

    def links(self, product: ProductServer, identity: Identity, account: Account) -> None:
        """The whole main job, from the product's login page to the product."""
        self.opens(product.login_url)
        self.presses_sign_in()
        self.signs_in_at_keycloak(identity.email, identity.password)
        self.proves_whole(account)
        self.sees_linked()
        self.continues()
        expect(self.page).to_have_url(re.compile(re.escape(product.url) + r"/(?!\.linkmw/)"))


def code_now(secret: str) -> str:
    """The authenticator app's code, as it shows it now; the product forgives one step of 30 seconds."""
    return pyotp.TOTP(secret).at(int(time.time()))


def wrong_code(secret: str) -> str:
    """Six digits that are none of the codes that could be right around now."""
    totp = pyotp.TOTP(secret)
    now = int(time.time())
    near = {totp.at(now + 30 * step) for step in range(-3, 4)}
    return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555") if code not in near)


def remove_link_url(text: str) -> str:
    """The address that stands alone on a line of the mail's text part."""
    found = re.search(r"^(https?://\S+/unlink/\S+)$", text, re.MULTILINE)
    assert found, text
    return found.group(1)
