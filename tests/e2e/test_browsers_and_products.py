"""Browsers that allow little, and products that are strict, mounted somewhere, or have a service worker."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect
from tests.docs import blocks
from tests.e2e.houses import one_of
from tests.e2e.mounted import MOUNT, House, running
from tests.e2e.person import BRAND, Person

from linkmw.demo.parts import browser

HOUSES = one_of("wiki", "helpdesk")


@pytest.fixture
def new_profile(chromium: Browser, tmp_path: Path) -> Iterator[Callable[[dict[str, object]], BrowserContext]]:
    """Starts a Chromium with a person's own preferences, as its settings page would write them."""
    started: list[BrowserContext] = []

    def new(preferences: dict[str, object]) -> BrowserContext:
        folder = tmp_path / f"profile-{len(started)}"
        (folder / "Default").mkdir(parents=True)
        (folder / "Default" / "Preferences").write_text(json.dumps({"profile": preferences}), "utf-8")
        context = chromium.browser_type.launch_persistent_context(
            folder, executable_path=browser.find(), args=list(browser.ARGUMENTS), locale="en-GB", timezone_id="UTC"
        )
        context.set_default_timeout(15_000)
        started.append(context)
        return context

    yield new
    for context in started:
        context.close()


@pytest.fixture(scope="module", params=HOUSES)
def mounted(world, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running(world, request.param, tmp_path_factory.mktemp(f"{request.param}-mounted")) as house:
        yield house


def _complaints(page: Page) -> list[str]:
    """What the console says is wrong, and files of ours that are not there; the products name theirs from the root."""
    said: list[str] = []

    def hears(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            said.append(f"{page.url}: {message.text}")

    def sees(answer: Response) -> None:
        if answer.status >= 400 and re.search(r"/\.linkmw/|/assets/", answer.url):
            said.append(f"{answer.status} {answer.url}")

    page.on("console", hears)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("response", sees)
    return said


# --- what a browser may forbid ------------------------------------------------------------------


@pytest.mark.parametrize("house", HOUSES)
def test_the_whole_main_job_works_without_javascript(world, new_browser, house) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house, totp=True)
    person = Person.sits_down(new_browser(java_script_enabled=False))
    person.links(product, identity, account)
    expect(person.page).to_have_url(re.compile(re.escape(product.url)))
    person.is_signed_in_as(account.username, product.url)


@pytest.mark.parametrize("house", HOUSES)
def test_pr28_without_third_party_cookies_everything_goes_on(world, new_profile, house) -> None:
    product, identity, account = world.products[house], world.new_identity(), world.new_account(house)
    person = Person.sits_down(new_profile({"block_third_party_cookies": True, "cookie_controls_mode": 1}))
    person.links(product, identity, account)
    expect(person.page).to_have_url(re.compile(re.escape(product.url)))
    person.comes_back_later(product)
    person.opens(product.protected_url)
    person.presses_sign_in()
    expect(person.page).to_have_url(product.protected_url)


@pytest.mark.parametrize("house", HOUSES)
@pytest.mark.parametrize("site", ["product", "hub"])
def test_fc03_with_cookies_blocked_a_page_says_so_and_the_native_login_is_there(
    world, new_profile, house, site
) -> None:
    product, identity = world.products[house], world.new_identity()
    blocked = {"product": product.host, "hub": "hub.localhost"}[site]
    exceptions = {"cookies": {f"[*.]{blocked},*": {"setting": 2}}}
    person = Person.sits_down(new_profile({"content_settings": {"exceptions": exceptions}}))
    person.opens(product.login_url)
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    expect(person.page.get_by_role("heading", name="A cookie is missing")).to_be_visible()
    assert blocked in person.page.url
    expect(person.page.get_by_role("link", name="Start again")).to_be_visible()
    expect(person.page.locator(".reference")).to_be_visible()
    person.page.get_by_role("link", name=f"Sign in with your {product.name} password").click()
    expect(person.page).to_have_url(product.login_url)
    expect(person.page.locator("input[name=password]")).to_be_visible()


@pytest.mark.parametrize("house", HOUSES)
def test_with_all_cookies_blocked_keycloak_says_so_and_the_way_back_leads_to_the_native_login(
    world, new_profile, house
) -> None:
    product, identity = world.products[house], world.new_identity()
    person = Person.sits_down(new_profile({"default_content_setting_values": {"cookies": 2}}))
    person.opens(product.login_url)
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    expect(person.page.get_by_text("cookies are disabled in your browser")).to_be_visible()
    person.page.go_back()
    person.page.go_back()
    expect(person.page).to_have_url(product.login_url)
    expect(person.page.locator("input[name=password]")).to_be_visible()


# --- what a product may demand ------------------------------------------------------------------


@pytest.mark.parametrize("house", one_of("orders-wsgi", "helpdesk", "wiki"))
def test_pr19_strict_session_cookies_are_seen_and_kept(world, new_browser, house) -> None:
    identity, account = world.new_identity(), world.new_account(house)
    with world.settings(house, DEMO_SAME_SITE="strict") as product:
        person = Person.sits_down(new_browser())
        person.links(product, identity, account)
        expect(person.page).to_have_url(f"{product.url}/")
        person.is_signed_in_as(account.username, product.url)
        cookies = {cookie["name"]: cookie["sameSite"] for cookie in person.context.cookies(product.url)}
        assert "Strict" in [same_site for name, same_site in cookies.items() if name.endswith("_session")], cookies
        person.comes_back_later(product)
        person.opens(product.protected_url)
        person.presses_sign_in()
        expect(person.page).to_have_url(product.protected_url)

        # Signed in as another account: seen although the answer comes from another site (MIM-14, LT12).
        other = world.new_account(house)
        person.comes_back_later(product)
        person.signs_in_natively(product.login_url, other.username, other.password)
        person.is_signed_in_as(other.username, product.url)
        person.opens(f"{product.url}/.linkmw/login")
        expect(person.page.get_by_role("heading", name="You are signed in as somebody else")).to_be_visible()
        person.page.get_by_role("button", name=f"Switch to {account.username}").click()
        expect(person.page).to_have_url(f"{product.url}/")
        person.is_signed_in_as(account.username, product.url)


def test_xs05_under_a_strict_policy_the_button_works_and_the_console_is_silent(world, new_browser, mounted) -> None:
    identity, account = world.new_identity(), world.new_account(mounted.key)
    person = Person.sits_down(new_browser())
    complaints = _complaints(person.page)
    answer = person.page.goto(mounted.login_url)
    assert "default-src" in answer.headers["content-security-policy"]
    person.waits_for_button()
    button = person.page.get_by_role("link", name=f"Sign in with {BRAND}", exact=True)
    assert button.evaluate("(link) => getComputedStyle(link).minHeight") == "44px"  # styled, by a file of ours
    assert person.page.locator(".lm-signin, .lm-signin *").evaluate_all(
        "(all) => all.every((one) => !one.hasAttribute('style') && !one.hasAttribute('onclick'))"
    )
    assert complaints == []
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    person.proves(account.username, account.password)
    person.sees_linked()
    person.continues()
    expect(person.page).to_have_url(f"{mounted.url}/")
    assert [said for said in complaints if "keycloak" not in said] == []


def test_ht08_a_product_under_a_path_is_signed_in_to_there(world, new_browser, mounted) -> None:
    identity, account = world.new_identity(), world.new_account(mounted.key, totp=True)
    person = Person.sits_down(new_browser())
    strayed: list[str] = []
    person.page.on(
        "request",
        lambda request: (
            strayed.append(request.url)
            if "-mounted.localhost" in request.url
            and "/.linkmw/" in request.url
            and f"{MOUNT}/.linkmw/" not in request.url
            else None
        ),
    )
    person.opens(f"{mounted.login_url}?next={MOUNT}/")
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    person.proves(account.username, "wrong")
    expect(person.page.get_by_role("alert")).to_contain_text("don’t match")
    person.proves(account.username, account.password)
    person.enters_fresh_code(account.totp_secret)
    person.sees_linked()
    person.continues()
    expect(person.page).to_have_url(f"{mounted.url}/")
    person.is_signed_in_as(account.username, f"{mounted.url}/")
    mail = world.inbox.wait_for(to=account.email, subject="linked")
    assert account.username in mail["text"]
    person.context.clear_cookies(domain=re.compile("mounted"))
    person.opens(mounted.login_url)
    person.presses_sign_in()
    person.enters_fresh_code(account.totp_secret)
    expect(person.page).to_have_url(f"{mounted.url}/")
    person.is_signed_in_as(account.username, f"{mounted.url}/")
    assert strayed == []


@pytest.mark.parametrize("mounted", ["wiki"], indirect=True)
def test_pr24_a_service_worker_that_leaves_our_paths_alone_disturbs_nothing(world, new_browser, mounted) -> None:
    identity, account = world.new_identity(), world.new_account("wiki")
    person = Person.sits_down(new_browser())
    _gets_a_worker(person, mounted, leaves=f"{MOUNT}/.linkmw/")
    person.opens(f"{mounted.url}/.linkmw/login")
    person.signs_in_at_keycloak(identity.email, identity.password)
    person.proves(account.username, account.password)
    person.sees_linked()


def test_pr24_the_service_worker_of_adapters_md_lets_ours_pass(new_browser) -> None:
    (block,) = blocks.of("docs/adapters.md", "js")
    asked = (
        new_browser()
        .new_page()
        .evaluate(
            """(code) => {
                const heard = {}, asked = [];
                new Function("self", code)({addEventListener: (name, listener) => { heard[name] = listener; }});
                const request = {get url() { asked.push(1); return "https://p.example/.linkmw/callback?code=1"; }};
                heard.fetch({request, respondWith: () => asked.push("answered")});
                return asked;
            }""",
            block.text,
        )
    )
    assert asked == [1]


@pytest.mark.parametrize("mounted", ["wiki"], indirect=True)
def test_pr24_who_comes_back_from_a_product_that_took_the_answer_is_offered_its_own_login(
    world, new_browser, mounted
) -> None:
    identity, account = world.new_identity(), world.new_account("wiki")
    person = Person.sits_down(new_browser())
    person.opens(mounted.login_url)
    person.presses_sign_in()
    person.signs_in_at_keycloak(identity.email, identity.password)
    person.proves(account.username, account.password)
    person.sees_linked()
    native = person.page.get_by_role("link", name=f"Sign in with your {mounted.name} password")
    expect(native).to_have_count(0)
    tab = Person(person.context, person.context.new_page())
    tab.opens(mounted.login_url)
    _gets_a_worker(tab, mounted)
    person.continues()
    expect(person.page.get_by_role("heading", name="From the worker")).to_be_visible()
    person.page.go_back()
    person.sees_linked()
    expect(native).to_have_attribute("href", mounted.login_url)


def _gets_a_worker(person: Person, house: House, leaves: str = "") -> None:
    person.opens(house.login_url)
    person.page.evaluate(
        """async (url) => {
            await navigator.serviceWorker.register(url);
            await navigator.serviceWorker.ready;
            if (!navigator.serviceWorker.controller)
                await new Promise((taken) => navigator.serviceWorker.addEventListener("controllerchange", taken));
        }""",
        f"{MOUNT}/worker.js?leaves={leaves}",
    )
    person.opens(house.login_url)
    expect(person.page.get_by_role("heading", name="From the worker")).to_be_visible()
