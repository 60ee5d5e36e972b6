"""The support page with the real Keycloak: the role comes from there, and what is done there is felt in a product."""

from __future__ import annotations

from playwright.sync_api import expect
from tests.e2e.person import Person

from linkmw.demo.catalogue import IDENTITIES

JOAN = next(person for person in IDENTITIES if person.roles)


def test_pr27_ops2_the_support_finds_somebody_and_removes_a_link_but_not_staffs(world, new_browser) -> None:
    product, identity, account = world.products["wiki"], world.new_identity(), world.new_account("wiki")
    person = Person.sits_down(new_browser())
    person.links(product, identity, account)
    person.is_signed_in_as(account.username, product.protected_url)

    # Who has no role gets no page, signed in or not.
    desk = f"{world.hub_url}/t/{world.hub.organization_id}/support"
    person.opens(desk)
    expect(person.page.get_by_role("heading", name="There is no such page")).to_be_visible()

    # Joan has the role at Keycloak. Without JavaScript, as with.
    helper = Person.sits_down(new_browser(java_script_enabled=False))
    helper.opens(desk)
    helper.signs_in_at_keycloak(JOAN.email, JOAN.password)
    page = helper.page
    page.get_by_role("textbox", name="E-mail, username, account id or reference").fill(identity.email)
    page.get_by_role("button", name="Find", exact=True).click()
    expect(page.get_by_role("heading", name=identity.email, level=1)).to_be_visible()
    expect(page.get_by_text("Can sign in; the e-mail address is verified.")).to_be_visible()
    expect(page.get_by_role("button", name=f"Remove {account.username}", exact=True)).to_be_visible()

    # The link goes, its owner is told, and the product's session ends.
    page.get_by_role("button", name=f"Remove {account.username}", exact=True).click()
    page.get_by_role("button", name="Yes - Delete").click()
    expect(page.get_by_role("status")).to_contain_text("The link was removed")
    expect(page.get_by_text("No account is linked.")).to_be_visible()
    mail = world.inbox.wait_for(to=account.email, subject="no longer")
    assert "By: ACME ID support" in mail["text"]
    person.opens(product.protected_url)
    world.until(lambda: person.page.reload() and person.page.get_by_text("Signed in as").count() == 0)

    # An administrator's account is left alone.
    admin, boss = world.new_account("orders-wsgi", staff=True), world.new_identity()
    Person.sits_down(new_browser()).links(world.products["orders-wsgi"], boss, admin)
    page.get_by_role("link", name="People").click()
    page.get_by_role("textbox").fill(boss.email)
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("button", name=f"Remove {admin.username}", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("That account belongs to staff of its product.")

    page.get_by_role("link", name="Roll-out").click()
    expect(page.get_by_role("img", name="Linked accounts over time")).to_be_visible()
