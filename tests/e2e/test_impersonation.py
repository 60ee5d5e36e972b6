"""An administrator of Keycloak who takes on somebody's session there has not shown who the person is."""

from __future__ import annotations

from http.cookies import SimpleCookie
from urllib.parse import urlsplit

from playwright.sync_api import expect
from tests.e2e.person import Person
from tests.secrets_in_logs import used

from linkmw.demo.parts.realm import REALM


def impersonates(world, person: Person, identity) -> None:
    """What Keycloak's console does for `Impersonate`: this browser has a session of that person's at Keycloak."""
    with world._admin() as admin:
        users = f"/admin/realms/{REALM}/users"
        (found,) = admin.get(users, params={"email": identity.email, "exact": "true"}).raise_for_status().json()
        answer = admin.post(f"{users}/{found['id']}/impersonation").raise_for_status()
    host = urlsplit(world.keycloak.url).hostname
    for line in answer.headers.get_list("set-cookie"):
        for name, cookie in SimpleCookie(line).items():
            if not cookie.value:
                continue
            used("a cookie of Keycloak's", cookie.value)
            person.context.add_cookies(
                [{"name": name, "value": cookie.value, "domain": host, "path": cookie["path"], "httpOnly": True}]
            )


def test_lt20_an_impersonated_session_opens_neither_product_nor_manager(world, new_browser) -> None:
    product, identity, account = world.products["wiki"], world.new_identity(), world.new_account("wiki")
    owner = Person.sits_down(new_browser())
    owner.links(product, identity, account)

    administrator = Person.sits_down(new_browser())
    impersonates(world, administrator, identity)
    administrator.opens(product.login_url)
    administrator.presses_sign_in()
    _is_refused(administrator, world)
    for page in ("", "remove/1"):
        administrator.opens(f"{world.hub_url}/t/{REALM}/{page}")
        _is_refused(administrator, world)
    administrator.is_nobody_at(product.url)


def _is_refused(person: Person, world) -> None:
    expect(person.page.locator(".reference")).to_be_visible()
    assert person.page.url.startswith(f"{world.hub_url}/t/{REALM}/callback?")
