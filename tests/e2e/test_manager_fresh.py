"""Removing a link wants a sign-in of just now, and the real Keycloak asks for one (MIM-20, MIM-28)."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from tests.e2e.person import Person

SKEW = 60  # seconds that two clocks may differ by: no sign-in counts as too old any sooner


def test_mim28_mim20_what_is_removed_after_a_while_asks_keycloak_for_the_password_again(world, new_browser) -> None:
    identity = world.new_identity()
    houses = {house: world.new_account(house) for house in ("orders-wsgi", "wiki")}
    person = Person.sits_down(new_browser())
    page = person.page
    with world.hub_settings(LINKMW_HUB_FRESH_SECONDS="1"):
        for house, account in houses.items():
            product = world.products[house]
            person.opens(product.login_url)
            person.presses_sign_in()
            if house == "orders-wsgi":  # the second time Keycloak knows who it is
                person.signs_in_at_keycloak(identity.email, identity.password)
            person.proves(account.username, account.password)
            person.sees_linked()

        def asked_afresh(username: str) -> bool:
            page.goto(world.hub_url)
            page.get_by_role("button", name=f"Remove {username}", exact=True).click()
            return page.url.startswith("http://keycloak.localhost")

        orders, wiki = (account.username for account in houses.values())
        world.until(lambda: asked_afresh(orders), seconds=SKEW + 30)
        page.locator("#password").fill(identity.password)  # whose it is, Keycloak knows
        page.locator("#kc-login").click()
        for username in (orders, wiki):
            if username == wiki:  # signed in just now
                assert not asked_afresh(wiki)
            expect(page.get_by_role("alertdialog")).to_contain_text(f"Remove {username} from ACME ID?")
            page.get_by_role("button", name="Yes - Delete", exact=True).click()
            expect(page.get_by_role("status").filter(has_text=f"no longer opens {username}")).to_be_visible()
        expect(page).to_have_url(re.compile(r"done=removed"))
        expect(page.get_by_role("table")).to_have_count(0)
