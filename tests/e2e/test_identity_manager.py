"""The identity manager as people use it: what it lists, adds, offers, removes and says (MIM-8 to 13, 15 to 28).

One WSGI and one ASGI product, with the real Keycloak, hub, Redis and SMTP. Moving accounts by mouse and finger is in
test_manager_order.py, signing out in test_sign_out.py, the first sign-ins (MIM-1 to 7, 14) in test_main_job.py.
"""

from __future__ import annotations

import html
import re
import secrets

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.e2e.houses import one_of
from tests.e2e.later import Later
from tests.e2e.person import BRAND, Person, remove_link_url
from tests.e2e.world import World
from tests.secrets_in_logs import used

from linkmw.demo.parts.realm import Person as Identity
from linkmw.demo.product import ProductServer
from linkmw.demo.products.people import Person as Account

BOTH = ("orders-wsgi", "wiki")
HOUSES = one_of("wiki", "orders-wsgi")
EVERY_KIND_OF_SESSION = one_of("helpdesk", "orders-wsgi", "wiki")  # at the server; in a signed cookie, WSGI and ASGI
OTHER = {"orders-wsgi": "wiki", "wiki": "orders-wsgi"}
BRAND_PRIMARY = "#0f5c4d"
SECONDS = 3.0  # one (OPS-8, MIM-27), and two for pages to load on a machine with much else to do
SKEW = 60  # seconds that two clocks may differ by: no sign-in counts as too old any sooner


# --- an identity --------------------------------------------------------------------------------


@pytest.mark.parametrize("house", HOUSES)
def test_mim02_who_has_no_identity_yet_makes_one_on_the_way_and_goes_on_to_the_product(
    world, new_browser, house
) -> None:
    """MIM-2: from the button to Keycloak's own registration, its mail, and on where one was going."""
    product, account = world.products[house], world.new_account(house)
    email, password = f"new-{account.username}@acme.example", secrets.token_urlsafe(12)
    used("a password", password)
    person = Person.sits_down(new_browser())
    page = person.page
    person.opens(product.protected_url)
    person.presses_sign_in()
    page.get_by_role("link", name="Register").click()
    for field, value in {"firstName": "Kim", "lastName": "Example", "email": email}.items():
        page.locator(f"#{field}").fill(value)
    page.get_by_role("button", name="Register").click()
    mail = world.inbox.wait_for(to=email, subject="Verify email")
    person.opens(re.search(r"http://keycloak\S+", mail["text"])[0])
    for field in ("password-new", "password-confirm"):
        page.locator(f"#{field}").fill(password)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="Link your account")).to_be_visible()
    expect(page.get_by_text(email)).to_be_visible()
    expect(page.get_by_role("link", name="Help")).to_be_visible()
    person.proves_whole(account)
    person.sees_linked()
    person.continues()
    expect(page).to_have_url(product.protected_url)


# --- the manager --------------------------------------------------------------------------------


@pytest.mark.parametrize("house", HOUSES)
def test_mim09_mim10_the_manager_is_at_its_own_address_and_asks_keycloak_only_without_a_session(
    world, new_browser, house
) -> None:
    """MIM-9, MIM-10: every product with its button, without links nothing but that."""
    product = world.products[house]
    person = Person.sits_down(new_browser())
    person.opens_manager(f"{world.hub_url}/t/acme/", world.new_identity())
    expect(person.page).to_have_url(f"{world.hub_url}/t/acme/")
    for offered in world.products.values():
        panel = person.panel(offered)
        expect(panel.get_by_role("heading", name=offered.name, exact=True)).to_be_visible()
        expect(panel.get_by_role("button")).to_have_count(1)
        expect(panel.get_by_role("button", name=f"Add an account of {offered.name}", exact=True)).to_have_text("+ Add")
        expect(panel.get_by_role("table")).to_have_count(0)

    asked: list[str] = []
    person.context.on("request", lambda request: asked.append(request.url))
    tab = Person(person.context, person.context.new_page())
    tab.opens_manager(world.hub_url)
    assert not [url for url in asked if "keycloak" in url]
    expect(tab.panel(product)).to_be_visible()


@pytest.mark.parametrize("house", HOUSES)
def test_mim08_mim11_mim12_mim13_mim15_mim16_accounts_are_added_of_one_product_and_of_several(
    world, new_browser, house
) -> None:
    product, other = world.products[house], world.products[OTHER[house]]
    present, second, elsewhere = (
        world.new_account(house),
        world.new_account(house, totp=True),
        world.new_account(other.key),
    )
    person = Person.sits_down(new_browser())
    page = person.page
    person.signs_in_natively(product.login_url, present.username, present.password)
    person.is_signed_in_as(present.username, product.url)
    person.opens_manager(world.hub_url, world.new_identity())

    # What happens next, and a way back from it (MIM-11).
    person.presses_add(product)
    expect(page.get_by_text(f"Sign out of {product.name} first")).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    person.sees_manager()
    person.sees_accounts(product)

    # Still signed in there: said, as whom, and nobody is signed out unasked (MIM-12).
    person.presses_add(product)
    person.continues()
    expect(page.get_by_role("heading", name=f"You are still signed in to {product.name}")).to_be_visible()
    expect(page.get_by_text(present.username)).to_be_visible()
    person.is_signed_in_as(present.username, product.url)
    page.get_by_role("button", name=f"Sign out of {product.name} and go on", exact=True).click()
    person.proves_whole(second)
    _sees_added(person, product, second)
    world.inbox.wait_for(to=second.email, subject=f"Your {product.name} account has been linked")

    # Another one of this product, and one of another product, where nobody is signed in (MIM-15).
    person.presses_add(product)
    person.continues()
    page.get_by_role("button", name=f"Sign out of {product.name} and go on", exact=True).click()
    person.proves_whole(present)
    _sees_added(person, product, present)
    person.presses_add(other)
    person.continues()
    person.proves_whole(elsewhere)
    _sees_added(person, other, elsewhere)

    person.sees_accounts(product, second, present)
    person.sees_accounts(other, elsewhere)
    for column in ("Username", "Actions"):
        expect(person.panel(product).get_by_role("columnheader", name=column, exact=True)).to_be_visible()

    # Whoever else proves one of them gets neither the account nor a name (MIM-8, MIM-16).
    stranger = Person.sits_down(new_browser())
    stranger.opens_manager(world.hub_url, world.new_identity("Lou"))
    stranger.presses_add(product)
    stranger.continues()
    stranger.proves_whole(present)
    stranger.sees_manager()
    expect(stranger.page.get_by_role("alert")).to_contain_text(
        f"That {product.name} account belongs to another {BRAND}"
    )
    stranger.sees_accounts(product)
    stranger.is_signed_in_as(present.username, product.url)
    page.reload()
    person.sees_accounts(product, second, present)


def _sees_added(person: Person, product: ProductServer, account: Account) -> None:
    person.sees_manager()
    said = person.page.get_by_role("status").filter(has_text=f"{account.username} in {product.name} is linked.")
    expect(said).to_contain_text(f"A confirmation is on its way to {account.email}")
    expect(person.panel(product).get_by_role("cell").filter(has_text=account.username)).to_be_visible()


# --- several accounts ---------------------------------------------------------------------------


@pytest.mark.parametrize("house", HOUSES)
def test_mim17_mim18_mim19_mim26_which_account_is_asked_in_the_owners_order_and_another_one_is_added(
    world, new_browser, house
) -> None:
    product, identity = world.products[house], world.new_identity()
    first, second, third = (world.new_account(house, totp=totp) for totp in (False, False, True))
    person = Person.sits_down(new_browser())
    page = person.page
    person.links(product, identity, first)
    person.opens_manager(world.hub_url)
    person.presses_add(product)
    person.continues()
    page.get_by_role("button", name=f"Sign out of {product.name} and go on", exact=True).click()
    person.proves_whole(second)
    _sees_added(person, product, second)

    # By keyboard alone (MIM-17).
    person.comes_back_later(product)
    person.opens(product.protected_url)
    person.presses_sign_in()
    choice = _choice(page)
    assert _options(choice) == [f"{first.username} – last used", second.username, "Add another account"]
    _wears_the_look_of(page, product)
    expect(choice).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Continue", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(product.protected_url)
    person.is_signed_in_as(second.username, product.url)

    # Without a script: the order by button, said of the account that moved (MIM-19), and the drop-down that follows.
    plain = Person.sits_down(new_browser(java_script_enabled=False))
    plain.opens_manager(world.hub_url, identity)
    plain.panel(product).get_by_role("button", name=f"Move {second.username} up", exact=True).click()
    said = plain.panel(product).get_by_role("status")
    expect(said).to_have_text(f"{second.username} is now first of 2")
    plain.sees_accounts(product, second, first)
    plain.opens(product.protected_url)
    plain.presses_sign_in()
    choice = _choice(plain.page)
    assert _options(choice) == [f"{second.username} – last used", first.username, "Add another account"]
    choice.select_option(label=first.username)
    plain.continues()
    expect(plain.page).to_have_url(product.protected_url)
    plain.is_signed_in_as(first.username, product.url)

    # One more, on the way in: proven, linked, mailed, and signed in to (MIM-18).
    person.comes_back_later(product)
    person.opens(product.protected_url)
    person.presses_sign_in()
    _choice(page).select_option(label="Add another account")
    person.continues()
    _wears_the_look_of(page, product)
    person.proves_whole(third)
    person.sees_linked()
    person.continues()
    expect(page).to_have_url(product.protected_url)
    person.is_signed_in_as(third.username, product.url)
    world.inbox.wait_for(to=third.email, subject="linked")
    person.opens_manager(world.hub_url)
    person.sees_accounts(product, second, first, third)


def _choice(page: Page) -> Locator:
    choice = page.get_by_role("combobox", name="Select an option", exact=True)
    expect(choice).to_be_visible()
    return choice


def _options(choice: Locator) -> list[str]:
    return choice.get_by_role("option").all_inner_texts()


def _wears_the_look_of(page: Page, product: ProductServer) -> None:
    """MIM-26: the product's name and its logo; its colour, where its own password is asked for."""
    expect(page.get_by_role("main").get_by_text(product.name, exact=True).first).to_be_visible()
    assert page.locator("main img.logo").first.evaluate("image => image.complete && image.naturalWidth > 0")
    primary = product.plan.primary if page.url.startswith(product.url) else BRAND_PRIMARY
    red, green, blue = bytes.fromhex(primary.removeprefix("#"))
    button = page.get_by_role("button", name="Continue", exact=True)
    expect(button).to_have_css("background-color", f"rgb({red}, {green}, {blue})")


# --- removing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("house", EVERY_KIND_OF_SESSION)
def test_mim20_mim21_mim22_mim23_mim24_mim25_mim27_a_link_is_removed_by_mail_and_on_the_dashboard(
    world, new_browser, house
) -> None:
    """What the link opened ends with it, within a second; the native login and what it opened go on all along."""
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house)
    native = Person.sits_down(new_browser())
    native.signs_in_natively(product.login_url, account.username, account.password)
    person = Person.sits_down(new_browser())
    person.links(product, identity, account)
    mail = world.inbox.wait_for(to=account.email, subject="linked")
    _says_what_happened(mail, product, identity, account)

    # By the mail's button, by whoever reads the mail (MIM-23).
    reader = Person.sits_down(new_browser())
    reader.opens(remove_link_url(mail["text"]))
    expect(reader.page.get_by_text(account.username)).to_be_visible()
    person.is_signed_in_as(account.username, product.url)
    reader.page.get_by_role("button", name="Remove link", exact=True).click()
    expect(reader.page.get_by_role("heading", name="The link has been removed")).to_be_visible()
    expect(reader.page.get_by_text("You can close this window")).to_be_visible()
    _is_out_in_time(world, person, product)
    native.is_signed_in_as(account.username, product.url)
    _says_it_is_over(world, product, account, mails=2)

    # Somebody else proves it, and removes it on the dashboard, after a second thought (MIM-27, MIM-20).
    other = Person.sits_down(new_browser())
    page = other.page
    other.links(product, world.new_identity("Lou"), account)
    reader.opens(remove_link_url(mail["text"]))
    expect(reader.page.get_by_role("heading", name="This link was replaced by a newer one")).to_be_visible()
    tab = Person(other.context, other.context.new_page())
    tab.opens_manager(world.hub_url)
    dialog = tab.page.get_by_role("alertdialog", name=f"Remove {account.username} from {BRAND}?")
    for answer in ("Cancel", "Yes - Delete"):
        tab.sees_accounts(product, account)
        tab.panel(product).get_by_role("button", name=f"Remove {account.username}", exact=True).click()
        expect(dialog).to_be_visible()
        other.is_signed_in_as(account.username, product.url)
        dialog.get_by_role("button", name=answer, exact=True).click()
        expect(dialog).to_have_count(0)
    said = f"{BRAND} no longer opens {account.username} in {product.name}."
    expect(tab.page.get_by_role("status").filter(has_text=said)).to_be_visible()
    _is_out_in_time(world, other, product)
    tab.sees_accounts(product)
    expect(tab.panel(product).get_by_role("table")).to_have_count(0)
    _says_it_is_over(world, product, account, mails=4)

    # The native login was never touched (MIM-25), and the button asks for a proof again.
    native.is_signed_in_as(account.username, product.url)
    other.signs_in_natively(product.login_url, account.username, account.password)
    other.is_signed_in_as(account.username, product.url)
    other.signs_out_of_product(product.url)
    other.opens(product.protected_url)
    other.presses_sign_in()
    expect(page.get_by_role("heading", name="Link your account")).to_be_visible()


def _says_what_happened(mail: dict[str, str], product: ProductServer, identity: Identity, account: Account) -> None:
    """MIM-21, MIM-22: what, when, from where and for whom, in both parts, and how to undo it."""
    assert mail["subject"] == f"Your {product.name} account has been linked from an {BRAND}"
    assert f"{BRAND} <id@acme.example>" in mail["from"]
    address, text, markup = remove_link_url(mail["text"]), mail["text"], html.unescape(mail["html"])
    assert f"<strong>{account.username}</strong>" in markup
    masked = re.compile(rf"{identity.email[0]}[^\w@]+@acme\.example")
    for part in (text, markup):
        assert account.username in part
        assert identity.email not in part
        assert masked.search(part)
        assert re.search(r"\d{1,2} \w+ \d{4}, \d\d:\d\d UTC", part)
        assert "Chrome on Linux" in part
        assert "127.0.0.1" in part
    button = re.search(rf'<a [^>]*href="{re.escape(address)}"[^>]*>Remove Link</a>', markup)
    assert button, markup
    assert button.start() > len(markup) / 2
    assert f">{address}</a>" in markup[button.end() :]
    assert "Remove Link:" in text[len(text) // 3 :]


def _says_it_is_over(world: World, product: ProductServer, account: Account, *, mails: int) -> None:
    """MIM-24: confirmed to the address that the account has; so many mails are there by then, and no more."""
    wanted = f"Your {product.name} account is no longer linked to an {BRAND}"
    world.until(lambda: len(world.inbox.messages(to=account.email)) >= mails)
    messages = world.inbox.messages(to=account.email)
    assert len(messages) == mails, [message["subject"] for message in messages]
    assert messages[-1]["subject"] == wanted
    assert account.username in messages[-1]["text"]


def _is_out_in_time(world: World, person: Person, product: ProductServer) -> None:
    def out() -> bool:
        person.opens(product.url)
        return person.page.get_by_text("Signed in as").count() == 0

    world.until(out, seconds=SECONDS)


# --- a fresh sign-in ----------------------------------------------------------------------------


def test_mim28_mim20_what_is_old_is_asked_for_afresh_to_remove_and_where_the_tenant_wants_it_to_link(
    world, new_browser, tmp_path
) -> None:
    identity = world.new_identity()
    accounts = {house: world.new_account(house) for house in BOTH}
    removing, adding, linking = people = [Person.sits_down(new_browser()) for _ in range(3)]
    for person in people:
        person.opens_manager(world.hub_url, identity)
    for house, account in accounts.items():
        removing.presses_add(world.products[house])
        removing.continues()
        removing.proves_whole(account)
        _sees_added(removing, world.products[house], account)

    later = Later(tmp_path / "hub.clock")
    with world.hub_settings(LINKMW_HUB_FRESH_SECONDS="1", **later.settings):
        later.passes(SKEW + 2)
        removing.opens_manager(world.hub_url)  # looking is free
        for house, account in accounts.items():
            product = world.products[house]
            removing.panel(product).get_by_role("button", name=f"Remove {account.username}", exact=True).click()
            if house == BOTH[0]:  # by the second one, Keycloak has asked just now
                _is_asked_afresh(removing)
                later.now()
                _signs_in_afresh(removing, identity)
            dialog = removing.page.get_by_role("alertdialog", name=f"Remove {account.username} from {BRAND}?")
            dialog.get_by_role("button", name="Yes - Delete", exact=True).click()
            removing.sees_manager()
            removing.sees_accounts(product)

        later.passes(SKEW + 2)
        adding.opens_manager(world.hub_url)
        adding.presses_add(world.products["wiki"])
        adding.continues()  # the account is proven anyway
        expect(adding.page.get_by_role("heading", name="Link your account")).to_be_visible()
        with world.tenant(fresh_sign_in=True):

            def asked_afresh() -> bool:
                adding.opens_manager(world.hub_url)
                adding.presses_add(world.products["wiki"])
                adding.continues()
                heading = adding.page.get_by_role("heading", name="Link your account")
                expect(heading.or_(adding.page.locator("#password")).first).to_be_visible()
                return "keycloak" in adding.page.url

            world.until(asked_afresh)
            linking.opens(world.products["orders-wsgi"].login_url)
            linking.presses_sign_in()
            _is_asked_afresh(linking)
            later.now()
            for person in (adding, linking):
                _signs_in_afresh(person, identity)
                expect(person.page.get_by_role("heading", name="Link your account")).to_be_visible()


def _is_asked_afresh(person: Person) -> None:
    """Keycloak knows who it is, and wants the password all the same."""
    expect(person.page).to_have_url(re.compile(r"http://keycloak\.localhost"))
    expect(person.page.locator("#password")).to_be_visible()


def _signs_in_afresh(person: Person, identity: Identity) -> None:
    person.page.locator("#password").fill(identity.password)
    person.page.locator("#kc-login").click()
