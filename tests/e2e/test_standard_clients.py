"""Clients that know nothing of linkmw sign in through the hub, by the code of docs/standard-clients.md."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from playwright.sync_api import expect
from tests.e2e.person import Person
from tests.e2e.standard_clients import ACCOUNT_ID, CALLBACK, EXAMPLE, PAGE, SIGNED_OUT, Site, address, running
from tests.e2e.world import World
from tests.secrets_in_logs import used

from linkmw.cli import main
from linkmw.demo.parts.realm import REALM
from linkmw.demo.parts.realm import Person as KeycloakUser
from linkmw.hub.ports import AuditEvent, NewLink
from linkmw.model import Account, Identity
from linkmw.stores.sql import SqlStores

AUTHLIB, MOZILLA = "reports", "ledger"
USERS = {AUTHLIB: "rita", MOZILLA: "lena"}


def command(name: str, url: str) -> list[str]:
    """The registration command of the page, for this product."""
    found = re.search(r"```sh\nlinkmw (hub product add .*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    text = found.group(1).replace("\\\n", " ").replace("--name Reports", f"--name {name.title()}")
    assert f"{EXAMPLE}{CALLBACK}" in text
    assert f"{EXAMPLE}{SIGNED_OUT}" in text
    return text.replace(EXAMPLE, url).split()


def registered(world: World, name: str, url: str, *more: str) -> dict[str, str]:
    """The environment lines that the command prints."""
    done = CliRunner().invoke(main, [*command(name, url), *more], env=world.hub.settings)
    assert done.exit_code == 0, done.output
    lines = dict(re.findall(r"^(OIDC_[A-Z_]+)=(.*)$", done.stdout, re.MULTILINE))
    used("a client secret", lines["OIDC_CLIENT_SECRET"])
    return lines


@pytest.fixture(scope="module")
def sites(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """Starts a product, once to a module for each way of registering it."""
    started: dict[tuple[str, ...], Site] = {}
    with ExitStack() as stack:

        def site(name: str, *more: str, **settings: str) -> Site:
            which = (name, *more, *settings.values())
            if which not in started:
                url, folder = address(f"{name}-{len(started)}"), tmp_path_factory.mktemp(name)
                client = registered(world, name, url, *more)
                started[which] = stack.enter_context(running(name, url, client, folder, **settings))
            return started[which]

        yield site


def subject(world: World, person: KeycloakUser) -> Identity:
    with world._admin() as admin:
        asked = {"email": person.email, "exact": "true"}
        (found,) = admin.get(f"/admin/realms/{REALM}/users", params=asked).raise_for_status().json()
    return Identity(world.keycloak.issuer, found["id"])


def link(world: World, site: Site, person: KeycloakUser) -> None:
    """The account 7 of the product is this person's: a row as an import makes it, since there is nobody to prove it."""
    new = NewLink(
        client_id=site.client["OIDC_CLIENT_ID"],
        account=Account(ACCOUNT_ID, USERS[site.name]),
        identity=subject(world, person),
        identity_email=person.email,
        flow=secrets.token_urlsafe(32),
        unlink_token_hash=secrets.token_hex(32),
        proof="none",
        amr=(),
        created=int(time.time()),
    )
    with ThreadPoolExecutor(1) as pool:  # Playwright's loop counts as running in this thread
        pool.submit(asyncio.run, _imported(world, new)).result()


async def _imported(world: World, new: NewLink) -> None:
    """`new` stands in the hub's database, whoever had the account before."""
    stores = SqlStores.open(world.hub.settings["LINKMW_HUB_DATABASE_URL"], world.hub.settings["LINKMW_HUB_KEY"])
    before = await stores.links.of_account(new.client_id, new.account.account_id)
    if before is not None:
        await stores.links.remove(before.link_id, [], AuditEvent("unlinked", "ok", new.created, actor="import"))
    await stores.links.add(new, [], AuditEvent("linked", "ok", new.created, actor="import"))
    stores.close()


def signs_in(person: Person, site: Site, who: KeycloakUser | None) -> None:
    """From the product's login page; `who` is asked for at Keycloak, None for somebody who is signed in there."""
    person.opens(site.login_url)
    person.page.get_by_role("link", name="Sign in with ACME ID").click()
    if who is not None:
        person.signs_in_at_keycloak(who.email, who.password)


def addresses_of(person: Person) -> list[str]:
    """Grows by each address that this tab opens."""
    visited: list[str] = []
    person.page.on("request", lambda sent: visited.append(sent.url))
    return visited


def is_in(person: Person, site: Site) -> None:
    expect(person.page).to_have_url(f"{site.url}/")
    expect(person.page.get_by_text(f"Signed in as {USERS[site.name]}")).to_be_visible()


def said(person: Person, site: Site) -> dict[str, dict[str, object]]:
    """What the hub told Authlib: the ID token's claims and userinfo."""
    person.opens(f"{site.url}/said")
    return dict(json.loads(person.page.locator("body").inner_text()))


@pytest.mark.parametrize(
    ("name", "more"), [(AUTHLIB, ()), (MOZILLA, ()), (AUTHLIB, ("--without-pkce",)), (MOZILLA, ("--without-pkce",))]
)
def test_pr09_an_unmodified_client_signs_a_linked_identity_in_by_sub(world, new_browser, sites, name, more) -> None:
    site = sites(name, *more, PKCE="no" if more else "yes")
    identity = world.new_identity()
    link(world, site, identity)
    person = Person.sits_down(new_browser())
    visited = addresses_of(person)
    signs_in(person, site, identity)
    is_in(person, site)
    (asked,) = (url for url in visited if url.startswith(site.client["OIDC_ISSUER"] + "/authorize"))
    assert ("code_challenge_method=S256" in asked) is (not more)


@pytest.mark.parametrize("name", [AUTHLIB, MOZILLA])
def test_pr09_a_client_without_pkce_is_refused_where_the_registration_asks_for_it(
    world, new_browser, sites, name
) -> None:
    site = sites(name, PKCE="yes")
    parts = dict(site.client)
    query = f"response_type=code&client_id={parts['OIDC_CLIENT_ID']}&scope=openid&state=s&nonce=n"
    person = Person.sits_down(new_browser())
    person.opens(f"{parts['OIDC_ISSUER']}/authorize?{query}&redirect_uri={parts['OIDC_REDIRECT_URI']}")
    expect(person.page).to_have_url(
        f"{site.url}/login/?not-linked" if name == MOZILLA else f"{site.url}/login?not-linked"
    )


@pytest.mark.parametrize("name", [AUTHLIB, MOZILLA])
def test_pr09_an_identity_without_a_link_is_told_so_and_finds_the_password_form(
    world, new_browser, sites, name
) -> None:
    site, identity = sites(name, PKCE="yes"), world.new_identity()
    person = Person.sits_down(new_browser())
    visited = addresses_of(person)
    signs_in(person, site, identity)
    expect(person.page.get_by_role("alert")).to_contain_text("Your ACME ID opens no account here")
    expect(person.page.locator("input[name=password]")).to_be_visible()
    (told,) = (url for url in visited if url.startswith(site.url + CALLBACK))
    assert "error=access_denied" in told
    assert "error_description=No%20account%20of%20this%20product%20is%20linked" in told.replace("+", "%20")


@pytest.mark.parametrize("name", [AUTHLIB, MOZILLA])
def test_p07_pr09_a_client_signs_its_person_out_everywhere_and_gets_them_back(world, new_browser, sites, name) -> None:
    site, identity = sites(name, PKCE="yes"), world.new_identity()
    link(world, site, identity)
    person = Person.sits_down(new_browser())
    signs_in(person, site, identity)
    is_in(person, site)
    person.page.get_by_role("button", name="Sign out").click()
    expect(person.page.get_by_role("heading", name=f"You are signed out of {site.name.title()}")).to_be_visible()
    assert person.page.url.partition("?")[0] == site.url + SIGNED_OUT
    person.is_nobody_at(site.url)
    signs_in(person, site, identity)  # Keycloak asks again, and so does the hub
    is_in(person, site)


def test_fc22_an_address_that_was_not_registered_is_not_led_to_and_signs_nobody_out(world, new_browser, sites) -> None:
    site, identity = sites(AUTHLIB, PKCE="yes"), world.new_identity()
    link(world, site, identity)
    person = Person.sits_down(new_browser())
    signs_in(person, site, identity)
    is_in(person, site)
    for after in ("https://evil.example/", f"{site.url}{SIGNED_OUT}/", f"{site.url}/"):
        person.opens(f"{site.client['OIDC_ISSUER']}/end_session?{urlencode({'post_logout_redirect_uri': after})}")
        expect(person.page.locator(".reference")).to_be_visible()
    signs_in(person, site, None)
    is_in(person, site)


def test_pr09_equal_account_ids_of_two_products_are_two_people(world, new_browser, sites) -> None:
    """Account 7 of Reports is Kim's, account 7 of Ledger is Noa's: neither opens the other's."""
    reports, ledger = sites(AUTHLIB, PKCE="yes"), sites(MOZILLA, PKCE="yes")
    kim, noa = world.new_identity("Kim"), world.new_identity("Noa")
    link(world, reports, kim)
    link(world, ledger, noa)
    for identity, hers, other in ((kim, reports, ledger), (noa, ledger, reports)):
        person = Person.sits_down(new_browser())
        signs_in(person, hers, identity)
        is_in(person, hers)
        signs_in(person, other, None)
        expect(person.page.get_by_role("alert")).to_be_visible()
    assert reports.client["OIDC_ISSUER"] != ledger.client["OIDC_ISSUER"]


def test_pr09_fc21_email_only_when_asked_for_and_userinfo_is_about_the_same_person(world, new_browser, sites) -> None:
    for asked, told in (({}, False), ({"SCOPE": "openid email"}, True)):
        site, identity = sites(AUTHLIB, PKCE="yes", **asked), world.new_identity()
        link(world, site, identity)
        person = Person.sits_down(new_browser())
        signs_in(person, site, identity)
        is_in(person, site)
        told_by = said(person, site)
        claims, userinfo = told_by["claims"], told_by["userinfo"]
        assert claims["sub"] == userinfo["sub"] == ACCOUNT_ID
        assert (claims["iss"], claims["aud"]) == (site.client["OIDC_ISSUER"], site.client["OIDC_CLIENT_ID"])
        expected = (identity.email, True) if told else (None, None)
        for source in (claims, userinfo):
            assert (source.get("email"), source.get("email_verified")) == expected
