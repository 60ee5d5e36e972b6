"""Accounts moved by mouse, by finger and by arrow at the real hub, and the drop-down that follows (MIM-17, 19, 20)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.e2e.houses import one_of
from tests.e2e.person import Person

from linkmw.demo.products.people import Person as Account


@pytest.mark.parametrize("house", one_of("helpdesk", "wiki"))
def test_mim10_mim17_mim19_mim20_the_order_is_dragged_and_pressed_and_the_drop_down_follows(
    world, new_browser, house
) -> None:
    product, identity = world.products[house], world.new_identity()
    accounts = [world.new_account(house) for _ in range(3)]
    person = Person.sits_down(new_browser())
    person.links(product, identity, accounts[0])
    page = person.page
    for account in accounts[1:]:
        _adds(person, world.hub_url, product.name, account)
    first, second, third = (account.username for account in accounts)
    assert _order(page, product.name) == [first, second, third]

    # By mouse: saved at once, and still so after a reload.
    _drags(page, third, to=first)
    expect(_panel(page, product.name).get_by_role("status")).to_have_text(f"{third} is now first of 3")
    page.reload()
    assert _order(page, product.name) == [third, first, second]

    # By arrow: the page comes back with the focus on it.
    page.get_by_role("button", name=f"Move {second} up", exact=True).click()
    arrow = page.get_by_role("button", name=f"Move {second} up", exact=True)
    expect(arrow).to_be_focused()
    expect(arrow).to_have_accessible_description(f"{second} is now second of 3")
    assert _order(page, product.name) == [third, second, first]

    # Two windows: what the other one saved is not undone, and this one says what holds.
    other = person.context.new_page()
    other.goto(world.hub_url)
    other.get_by_role("button", name=f"Move {first} up", exact=True).click()
    expect(other.get_by_role("button", name=f"Move {first} up", exact=True)).to_be_focused()
    _drags(page, second, to=third)
    expect(page.get_by_role("alert")).to_contain_text("The list was changed in another window.")
    assert _order(page, product.name) == [third, first, second]

    # The drop-down has that order, in any browser.
    elsewhere = Person.sits_down(new_browser())
    elsewhere.opens(product.login_url)
    elsewhere.presses_sign_in()
    elsewhere.signs_in_at_keycloak(identity.email, identity.password)
    choice = elsewhere.page.get_by_role("combobox", name="Select an option")
    names = [text.partition(" – ")[0] for text in choice.locator("option").all_inner_texts()]
    assert names == [third, first, second, "Add another account"]

    # Removing asks first.
    page.goto(world.hub_url)
    page.get_by_role("button", name=f"Remove {first}", exact=True).click()
    expect(page.get_by_role("alertdialog").get_by_role("button", name="Cancel", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    page.get_by_role("button", name=f"Remove {first}", exact=True).click()
    page.get_by_role("button", name="Yes - Delete", exact=True).click()
    expect(page.get_by_role("status").filter(has_text=f"no longer opens {first}")).to_be_visible()
    assert _order(page, product.name) == [third, second]


def _adds(person: Person, hub_url: str, product: str, account: Account) -> None:
    """MIM-11 to MIM-13: "+ Add", out of the product first, the account's own password, and back."""
    page = person.page
    page.goto(hub_url)
    page.get_by_role("button", name=f"Add an account of {product}", exact=True).click()
    expect(page.get_by_role("heading", name=f"Add an account of {product}")).to_be_visible()
    person.continues()
    page.get_by_role("button", name=f"Sign out of {product} and go on", exact=True).click()
    person.proves(account.username, account.password)
    expect(page.get_by_role("status").filter(has_text=f"{account.username} in {product} is linked.")).to_be_visible()


def _panel(page: Page, product: str) -> Locator:
    return page.get_by_role("region", name=product, exact=True)


def _order(page: Page, product: str) -> list[str]:
    return _panel(page, product).locator("tbody strong").all_inner_texts()


def _drags(page: Page, account: str, to: str) -> None:
    for name in (to, account):  # a mouse reaches what is on the screen
        page.locator("tr", has_text=name).scroll_into_view_if_needed()
    from_, until = (page.locator("tr", has_text=name).locator(".grip").bounding_box() for name in (account, to))
    x = from_["x"] + from_["width"] / 2
    page.mouse.move(x, from_["y"] + from_["height"] / 2)
    page.mouse.down()
    page.mouse.move(x, until["y"] + until["height"] / 2, steps=8)
    page.mouse.up()
