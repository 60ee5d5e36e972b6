"""The product's login route: when there is a button, when there is none, and where it leads."""

from __future__ import annotations

import pytest
from tests.gate.world import ADA, Browser, World, header, heading, location

from linkmw.http import PASS, Decorate, Request


def shown(person: Browser, url: str = "/login") -> Decorate:
    answer = person.get(url)
    assert isinstance(answer, Decorate)
    return answer


def test_mim01_p02_the_login_page_gets_a_link_named_for_the_brand(person: Browser) -> None:
    answer = shown(person)
    for html in (answer.button, answer.marked_button, answer.fixed_button):
        assert '<a class="lm-link" href="/.linkmw/login">' in html
        assert "Sign in with ACME ID" in html
        assert "<script" not in html
        assert "style=" not in html
    assert answer.stylesheet.startswith("/.linkmw/assets/button.")
    assert "lm-fixed" in answer.fixed_button


def test_the_stylesheet_and_logo_of_the_button_are_served(person: Browser) -> None:
    answer = shown(person)
    sheet = person.get(answer.stylesheet)
    assert sheet.status == 200
    assert ("Content-Type", "text/css; charset=utf-8") in sheet.headers
    logo = answer.button.split('src="')[1].split('"')[0]
    assert b"<svg" in person.get(logo).body


@pytest.mark.parametrize(
    ("query", "link"),
    [
        ("next=/orders", "/.linkmw/login?next=%2Forders"),
        ("next=%2Forders%3Fopen%3D1", "/.linkmw/login?next=%2Forders%3Fopen%3D1"),
        ("next=https://evil.example", "/.linkmw/login"),
        ("next=//evil.example", "/.linkmw/login"),
        ("next=/a&next=/b", "/.linkmw/login"),
        ("", "/.linkmw/login"),
    ],
)
def test_xs06_the_button_leads_to_the_page_the_login_was_for_if_it_is_of_this_site(
    person: Browser, query: str, link: str
) -> None:
    assert f'href="{link}"' in shown(person, f"/login?{query}").button


def test_p05_the_button_is_gone_while_hub_redis_or_keycloak_is_away_and_back_by_itself(
    person: Browser, world: World
) -> None:
    shown(person)
    world.hub.away = True
    assert person.get("/login") is PASS
    world.hub.away = False
    world.hub.healthy = False  # the hub says that its Redis, SQL or Keycloak is silent
    assert person.get("/login") is PASS
    world.hub.healthy = True
    world.redis_away = True  # the product's own
    assert person.get("/login") is PASS
    world.redis_away = False
    shown(person)


def test_a_tenant_that_is_off_has_no_button(person: Browser, world: World) -> None:
    world.hub.mode = "off"
    assert person.get("/login") is PASS
    world.hub.mode, world.hub.percent = "beside", 0
    assert person.get("/login") is PASS


@pytest.mark.parametrize(
    "headers",
    [
        {"accept": "application/json"},
        {"x_requested_with": "XMLHttpRequest"},
        {"dest": "empty"},
        {"dest": "iframe"},
        {"purpose": "prefetch"},
    ],
)
def test_p06_scripts_and_json_clients_get_what_the_product_gives(person: Browser, headers: dict[str, str]) -> None:
    assert person.get("/login", **headers) is PASS


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "TRACE", "FOO"])
def test_p06_mim25_the_native_login_is_not_touched(world: World, method: str) -> None:
    assert world.answer(Request(method, "/login", "", {"accept": "text/html"})) is PASS
    assert world.hub.asked == 0


def test_ht07_head_is_decorated_as_get_is(person: Browser, world: World) -> None:
    head = world.answer(Request("HEAD", "/login", "", {"accept": "text/html"}))
    assert isinstance(head, Decorate)
    assert head.head
    assert not shown(person).head


@pytest.mark.parametrize("path", ["/login/", "/LOGIN", "/login;x", "/loginx", "/x/login", "/", "/.linkmw"])
def test_ht05_what_the_product_does_not_route_to_its_login_is_not_ours(world: World, path: str) -> None:
    assert world.answer(Request("GET", path, "", {"accept": "text/html"})) is PASS


def test_a_defect_of_ours_leaves_the_products_page(person: Browser, world: World) -> None:
    world.having(hub=None)
    assert person.get("/login") is PASS


@pytest.mark.parametrize("path", ["nothing", "", "login/", "assets/nothing.css", "assets/../login", "callback/x"])
def test_bc08_nothing_else_under_the_prefix_is_ours(world: World, path: str) -> None:
    for method in ("GET", "POST", "HEAD", "OPTIONS"):
        assert world.answer(Request(method, f"/.linkmw/{path}")) is PASS


# ---- a page of ours before the login page (`button = "interstitial"`)


@pytest.fixture
def interstitial() -> World:
    return World(button="interstitial")


def test_xs09_by_choice_a_page_of_ours_stands_before_the_login_page(interstitial: World) -> None:
    person = interstitial.browser()
    answer = person.get("/login?next=/orders")
    assert (answer.status, location(answer)) == (303, "/.linkmw/sign-in?next=%2Forders")
    person.follow(answer)
    assert heading(person.page) == "Sign in to Orders"
    assert 'href="/.linkmw/login?next=%2Forders"' in person.page
    assert 'href="/.linkmw/native?next=%2Forders"' in person.page


def test_xs09_who_chose_the_native_login_is_shown_it_as_it_is_after_a_wrong_password_too(interstitial: World) -> None:
    person = interstitial.browser()
    answer = person.get("/.linkmw/native?next=/orders")
    assert (answer.status, location(answer)) == (303, "/login?next=%2Forders")
    assert header(answer, "Set-Cookie").endswith(f"; Max-Age={interstitial.settings.sign_in_seconds}")
    for url in ("/login?next=/orders", "/login", "/login?error=1"):
        assert person.get(url) is PASS
    assert interstitial.browser().get("/login").status == 303  # another browser has not chosen


@pytest.mark.parametrize("following", ["//evil.example", "https://evil.example", "/a&next=/b", ""])
def test_xs06_the_page_before_leads_nowhere_else(interstitial: World, following: str) -> None:
    person = interstitial.browser()
    assert location(person.get(f"/login?next={following}")) == "/.linkmw/sign-in"
    assert location(person.get(f"/.linkmw/native?next={following}")) == "/login"


def test_p02_who_is_signed_in_already_and_scripts_do_not_meet_it(interstitial: World) -> None:
    person = interstitial.browser()
    assert person.get("/login", accept="application/json") is PASS
    assert interstitial.answer(Request("POST", "/login", "", {"accept": "text/html"})) is PASS
    person.signs_in_natively(ADA)
    assert person.get("/login") is PASS


def test_p05_it_is_gone_while_anything_is_away(interstitial: World) -> None:
    interstitial.hub.away = True
    assert interstitial.browser().get("/login") is PASS
    interstitial.hub.away, interstitial.redis_away = False, True
    assert interstitial.browser().get("/login") is PASS
    interstitial.redis_away, interstitial.hub.mode = False, "off"
    assert interstitial.browser().get("/login") is PASS
    interstitial.hub.mode, interstitial.product.broken = "beside", True
    assert interstitial.browser().get("/login") is PASS


def test_ht07_head_is_led_there_as_get_is(interstitial: World) -> None:
    head = interstitial.answer(Request("HEAD", "/login", "next=/orders", {"accept": "text/html"}))
    assert (head.status, location(head)) == (303, "/.linkmw/sign-in?next=%2Forders")


def test_p04_only_browsers_of_the_share_meet_it(interstitial: World) -> None:
    interstitial.hub.percent = 50
    seen = [interstitial.browser().get("/login") for _ in range(40)]
    assert {isinstance(answer, Decorate) for answer in seen} == {True, False}
    assert all(isinstance(answer, Decorate) or location(answer) == "/.linkmw/sign-in" for answer in seen)
