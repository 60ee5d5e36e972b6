"""The switch, and what happens when a part is away: the native login is always there (P-1, P-2, P-5, DIS-12)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.e2e.houses import one_of
from tests.e2e.person import BRAND, Person
from tests.e2e.world import World

BOTH = one_of("orders-wsgi", "wiki")
# Within a second (P-5); the rest is for a page to load on a busy machine, several times.
AWAY_SECONDS = 3.0


def _waits_for_button(world: World, person: Person, url: str, *, there: bool) -> None:
    def looked() -> bool:
        person.opens(url)
        return person.sees_button() is there

    world.until(looked, seconds=AWAY_SECONDS)


@pytest.mark.parametrize("house", one_of("orders-wsgi", "wiki"))
@pytest.mark.parametrize("part", ["hub", "hub redis", "product redis", "keycloak"])
def test_p05_the_button_goes_and_comes_back_with_each_part(world, new_browser, house, part) -> None:
    product, account = world.products[house], world.new_account(house)
    parts = {"hub": world.hub, "hub redis": world.hub.redis, "product redis": product.redis, "keycloak": world.keycloak}
    person = Person.sits_down(new_browser())
    person.opens(product.login_url)
    person.waits_for_button()
    with world.away(parts[part]):
        _waits_for_button(world, person, product.login_url, there=False)
        person.signs_in_natively(product.login_url, account.username, account.password)
        person.is_signed_in_as(account.username, product.url)
        person.signs_out_of_product(product.url)
    _waits_for_button(world, person, product.login_url, there=True)


@pytest.mark.parametrize("house", BOTH)
def test_dis12_dis08_p01_off_by_one_variable_and_the_native_login_is_all_there_is(world, new_browser, house) -> None:
    account = world.new_account(house)
    person = Person.sits_down(new_browser())
    with world.settings(house, LINKMW_ENABLED="off") as product:
        person.opens(product.login_url)
        assert not person.sees_button()
        assert "linkmw" not in person.page.content().lower()
        assert person.page.goto(f"{product.url}/.linkmw/login").status == 404
        person.signs_in_natively(product.login_url, account.username, "")
        person.is_nobody_at(product.url)
        person.signs_in_natively(product.login_url, account.username, account.password)
        person.is_signed_in_as(account.username, product.url)
    person.context.clear_cookies()
    person.opens(product.login_url)
    person.waits_for_button()


@pytest.mark.parametrize("house", BOTH)
def test_p02_mim26_the_button_is_a_link_beside_the_native_form(world, new_browser, house) -> None:
    product = world.products[house]
    person = Person.sits_down(new_browser())
    refused: list[str] = []
    person.page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    person.opens(product.login_url)
    button = person.page.get_by_role("link", name=f"Sign in with {BRAND}", exact=True)
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    expect(person.page.get_by_role("button").first).to_be_visible()
    assert refused == []
