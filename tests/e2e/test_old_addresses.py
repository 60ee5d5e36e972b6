"""What came too late, from elsewhere, or from a bookmark, and what Keycloak refuses: each is a page with a way on."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect
from tests.e2e.houses import one_of
from tests.e2e.later import Later
from tests.e2e.person import Person

from linkmw.demo.parts.realm import CLIENT_ID, REALM

HOUSES = one_of("wiki", "orders-wsgi")
SIGN_IN_SECONDS = 1800  # the hub's and the products' own default
MARKUP = "<img src=x onerror=alert(1)><h1>Hello</h1>" * 240  # 10 KB


def _is_a_page_with_a_way_on(page: Page) -> None:
    """Who, what, what next, and a reference to name."""
    expect(page.locator("h1")).to_be_visible()
    assert page.locator("main .lead").inner_text().strip()
    assert page.locator("main a.button").count(), page.url
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", page.locator(".reference").inner_text())


def _goes_to_keycloak(world, person: Person, product) -> dict[str, str]:
    """At Keycloak's page; the parameters of the hub's request."""

    def is_offered() -> bool:  # the hub may have been away a moment ago
        person.opens(product.protected_url)
        return person.sees_button()

    world.until(is_offered)
    person.presses_sign_in()
    expect(person.page.locator("#kc-login")).to_be_visible()
    return {name: values[0] for name, values in parse_qs(urlsplit(person.page.url).query).items()}


def _wait_until(world, moment: float) -> None:
    world.until(lambda: time.time() >= moment)


# --- too late -----------------------------------------------------------------------------------


@pytest.mark.parametrize("house", HOUSES)
def test_pr22_a_sign_in_that_the_product_has_forgotten_starts_again(world, new_browser, house) -> None:
    identity, account = world.new_identity(), world.new_account(house)
    person = Person.sits_down(new_browser())
    person.links(world.products[house], identity, account)
    world.end_identity_sessions(identity)
    person.context.clear_cookies(domain=world.products[house].host)
    with world.settings(house, LINKMW_SIGN_IN_SECONDS="1") as product:
        _goes_to_keycloak(world, person, product)
        _wait_until(world, time.time() + 1.1)
        person.signs_in_at_keycloak(identity.email, identity.password)
        expect(person.page.get_by_role("heading", name="This sign-in can’t go on")).to_be_visible()
        _is_a_page_with_a_way_on(person.page)
        person.is_nobody_at(product.url)
    person.page.get_by_role("link", name="Start again").click()
    expect(person.page).to_have_url(f"{product.url}/")
    person.is_signed_in_as(account.username, product.url)


@pytest.mark.parametrize("house", HOUSES)
def test_pr22_a_proof_that_took_too_long_starts_again(world, new_browser, house) -> None:
    identity, account = world.new_identity(), world.new_account(house)
    person = Person.sits_down(new_browser())
    with world.settings(house, LINKMW_PROOF_SECONDS="1") as product:
        _goes_to_keycloak(world, person, product)
        person.signs_in_at_keycloak(identity.email, identity.password)
        expect(person.page).to_have_url(re.compile(r"/\.linkmw/prove\?record="))
        _wait_until(world, time.time() + 1.1)
        person.page.reload()
        expect(person.page.get_by_role("heading", name="This sign-in has expired")).to_be_visible()
        _is_a_page_with_a_way_on(person.page)
        person.is_nobody_at(product.url)
    person.page.get_by_role("link", name="Start again").click()
    person.proves(account.username, account.password)
    person.sees_linked()


@pytest.mark.parametrize("house", HOUSES)
def test_pr22_when_the_hub_has_closed_the_attempt_the_person_is_signed_in_and_not_linked_yet(
    world, new_browser, tmp_path, house
) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house)
    person, later = Person.sits_down(new_browser()), Later(tmp_path / "seconds")

    def it_is_too_late() -> None:
        later.passes(SIGN_IN_SECONDS + 1, world.hub.redis.url)

    with world.hub_settings(**later.settings):
        _goes_to_keycloak(world, person, product)
        person.signs_in_at_keycloak(identity.email, identity.password)
        expect(person.page.get_by_role("heading", name="Link your account")).to_be_visible()
        it_is_too_late()
        person.proves(account.username, account.password)
        expect(person.page.get_by_role("heading", name="Your account is not linked yet")).to_be_visible()
        _is_a_page_with_a_way_on(person.page)
        person.is_signed_in_as(account.username, product.url)
        later.now()

        # And at Keycloak's page, before it knew the person.
        person.context.clear_cookies()
        _goes_to_keycloak(world, person, product)
        it_is_too_late()
        person.signs_in_at_keycloak(identity.email, identity.password)
        expect(person.page.get_by_role("heading", name="This sign-in has expired")).to_be_visible()
        _is_a_page_with_a_way_on(person.page)
        assert person.page.get_by_role("link", name=f"Sign in with your {product.name} password").count() == 1
    person.page.get_by_role("link", name="Start again").click()
    person.presses_sign_in()
    person.proves(account.username, account.password)
    person.sees_linked()


# --- no -----------------------------------------------------------------------------------------


@contextmanager
def _consent_is_asked_for(world) -> Iterator[None]:
    def put(required: bool) -> None:
        with world._admin() as admin:
            clients = f"/admin/realms/{REALM}/clients"
            (client,) = admin.get(clients, params={"clientId": CLIENT_ID}).raise_for_status().json()
            admin.put(f"{clients}/{client['id']}", json={**client, "consentRequired": required}).raise_for_status()

    put(True)
    try:
        yield
    finally:
        put(False)


@pytest.mark.parametrize("house", HOUSES)
def test_fc11_no_at_keycloak_leads_back_to_the_products_own_login(world, new_browser, house) -> None:
    product, identity = world.products[house], world.new_identity()
    person = Person.sits_down(new_browser())
    with _consent_is_asked_for(world):
        _goes_to_keycloak(world, person, product)
        person.signs_in_at_keycloak(identity.email, identity.password)
        person.page.get_by_role("button", name="No").click()
        expect(person.page.get_by_role("heading", name="You are not signed in")).to_be_visible()
        _is_a_page_with_a_way_on(person.page)
        person.page.reload()  # the same answer twice: over, and said so
        _is_a_page_with_a_way_on(person.page)
        person.page.get_by_role("link", name=f"Sign in with your {product.name} password").click()
        expect(person.page.locator("input[name=password]")).to_be_visible()
        person.waits_for_button()


@pytest.mark.parametrize("house", HOUSES)
def test_fc11_whatever_comes_with_a_refusal_is_text_ends_the_attempt_and_opens_nothing(
    world, new_browser, house
) -> None:
    product = world.products[house]
    person = Person.sits_down(new_browser())
    callback = f"{world.hub_url}/t/{world.hub.organization_id}/callback"
    no = {"error": "access_denied", "error_description": MARKUP, "iss": world.keycloak.issuer}

    # Without a state nobody knows whose attempt it was; the way on is the tenant's.
    _goes_to_keycloak(world, person, product)
    person.opens(f"{callback}?{urlencode(no)}")
    expect(person.page.get_by_role("heading", name="This address is not complete")).to_be_visible()
    _is_a_page_with_a_way_on(person.page)

    for more in ({}, {"code": "a-code"}):
        state = _goes_to_keycloak(world, person, product)["state"]
        person.opens(f"{callback}?{urlencode({**no, **more, 'state': state})}")
        expect(person.page.get_by_role("heading", name="You are not signed in")).to_be_visible()
        _is_a_page_with_a_way_on(person.page)
        assert person.page.locator("h1").count() == 1
        assert "onerror" not in person.page.content()
        person.opens(f"{callback}?{urlencode({'code': 'a-code', 'state': state, 'iss': world.keycloak.issuer})}")
        expect(person.page.get_by_role("heading", name="This sign-in can’t go on")).to_be_visible()
        _is_a_page_with_a_way_on(person.page)
    person.is_nobody_at(product.url)


@pytest.mark.parametrize("house", HOUSES)
def test_fc07_anothers_code_with_ones_own_state_is_refused_by_keycloak_itself(world, new_browser, house) -> None:
    product, victim = world.products[house], world.new_identity()
    theirs = Person.sits_down(new_browser())
    _goes_to_keycloak(world, theirs, product)
    with world.hub_away():  # the code never reaches it: it is good, and in somebody's history
        with theirs.page.expect_request(re.compile(r"/callback\?")) as asked:
            theirs.signs_in_at_keycloak(victim.email, victim.password)
        code = parse_qs(urlsplit(asked.value.url).query)["code"][0]

    thief = Person.sits_down(new_browser())
    state = _goes_to_keycloak(world, thief, product)["state"]
    query = urlencode({"code": code, "state": state, "iss": world.keycloak.issuer})
    thief.opens(f"{world.hub_url}/t/{world.hub.organization_id}/callback?{query}")
    _is_a_page_with_a_way_on(thief.page)
    assert victim.email not in thief.page.content()
    thief.opens(f"{world.hub_url}/")
    expect(thief.page.locator("#kc-login")).to_be_visible()  # nobody is signed in at the hub
    thief.is_nobody_at(product.url)


@pytest.mark.parametrize("house", HOUSES)
def test_fc13_an_answer_in_another_shape_is_no_answer(world, new_browser, house) -> None:
    product = world.products[house]
    person = Person.sits_down(new_browser())
    state = _goes_to_keycloak(world, person, product)["state"]
    callback = f"{world.hub_url}/t/{world.hub.organization_id}/callback"
    answer = {"state": state, "iss": world.keycloak.issuer, "id_token": "eyJ.eyJ.x", "access_token": "x"}
    person.opens(f"{callback}#{urlencode({**answer, 'code': 'x'})}")
    _is_a_page_with_a_way_on(person.page)
    person.opens(f"{callback}?{urlencode(answer)}")
    _is_a_page_with_a_way_on(person.page)
    person.is_nobody_at(product.url)


# --- bookmarks ----------------------------------------------------------------------------------

AT_HUB = (
    "/",
    "/o/{client_id}/authorize",
    "/o/{client_id}/authorize?client_id={client_id}&response_type=code",
    "/o/nobody/authorize",
    "/t/{organization_id}/callback",
    "/t/{organization_id}/callback?code=c&state={old}&iss=https%3A%2F%2Felsewhere.example",
    "/t/{organization_id}/callback?error=access_denied&state={old}",
    "/t/nobody/callback?code=c&state={old}",
    "/proved",
    "/proved?code={old}",
    "/linked",
    "/linked?flow={old}",
    "/continue",
    "/switch-identity",
    "/switch-identity?handle={old}",
    "/t/{organization_id}",
    "/t/{organization_id}/",
    "/t/{organization_id}/sign-in",
    "/t/{organization_id}/sign-out",
    "/t/{organization_id}/signed-out",
    "/t/nobody/",
    "/unlink/{old}",
    "/unlink",
    "/unlinked",
    "/unlinked?client_id={client_id}",
    "/unlinked?client_id=nobody",
    "/assets/look.000000000000.css",
    "/nothing",
)
AT_PRODUCT = (
    "login",
    "login?next=https://evil.example/",
    "callback",
    "callback?code=c&state={old}&iss=https%3A%2F%2Felsewhere.example",
    "callback?error=access_denied&state={old}",
    "prove",
    "prove?handle={old}",
    "prove?record={old}",
    "second-factor",
    "second-factor?record={old}",
    "go",
    "go?record={old}",
)
THE_PRODUCTS_OWN = ("switch", "accounts", "logout", "assets/look.000000000000.css", "nothing")


def _opens(page: Page, url: str) -> None:
    """Wherever it leads: Keycloak's sign-in, a page of ours that is fine, or one with a reason and a way on."""
    answer = page.goto(url)
    assert answer is not None
    assert answer.status < 500, f"{answer.status} {url}"
    if "keycloak" in page.url:
        expect(page.locator("#kc-login")).to_be_visible()
    elif answer.status >= 400:
        _is_a_page_with_a_way_on(page)
    else:
        expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("cookies", ["none", "stale"])
def test_old_bookmarks_of_the_hub_lead_somewhere(world, new_browser, cookies) -> None:
    product = world.products["wiki"]
    person = Person.sits_down(new_browser())
    if cookies == "stale":
        _has_stale_cookies(world, person, "wiki")
    for path in AT_HUB:
        names = {"client_id": product.client_id, "organization_id": world.hub.organization_id, "old": "o" * 43}
        if cookies == "none":
            person.context.clear_cookies()
        _opens(person.page, world.hub_url + path.format(**names))


@pytest.mark.parametrize("house", HOUSES)
@pytest.mark.parametrize("cookies", ["none", "stale"])
def test_old_bookmarks_of_a_product_lead_somewhere(world, new_browser, house, cookies) -> None:
    product = world.products[house]
    person = Person.sits_down(new_browser())
    if cookies == "stale":
        _has_stale_cookies(world, person, house)
    for path in AT_PRODUCT:
        if cookies == "none":
            person.context.clear_cookies()
        _opens(person.page, f"{product.url}/.linkmw/{path.format(old='o' * 43)}")
    for path in THE_PRODUCTS_OWN:  # posted to, or nothing of ours: as without linkmw (BC08)
        answer = person.page.goto(f"{product.url}/.linkmw/{path}")
        assert answer.status == 404
        assert "linkmw" not in person.page.locator("body").inner_text()


def _has_stale_cookies(world, person: Person, house: str) -> None:
    """A whole sign-in was made in this browser, and nothing is kept of it any more."""
    product = world.products[house]
    person.links(product, world.new_identity(), world.new_account(house))
    expect(person.page).to_have_url(re.compile(re.escape(product.url)))
    for redis in (product.redis, world.hub.redis):
        redis.stop()
        redis.start()
    world.until(lambda: (person.opens(product.login_url), person.sees_button())[1])


def test_the_reference_of_a_page_is_in_the_log(world, new_browser) -> None:
    person = Person.sits_down(new_browser())
    logs = world.hub.process.log.parent.parent
    for url in (f"{world.hub_url}/linked?flow=x", f"{world.products['wiki'].url}/.linkmw/prove?record=x"):
        person.opens(url)
        reference = person.page.locator(".reference").inner_text()
        lines = [line for log in logs.glob("*/*.log") for line in log.read_text("utf-8").splitlines()]
        assert len([line for line in lines if reference in line]) == 1, url
