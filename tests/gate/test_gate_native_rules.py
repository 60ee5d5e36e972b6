"""What counts as a native proof, and how an account is proven at all: the truth tables (PR04, PR05)."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from tests.gate.world import NOW, SETTINGS, SITE

from linkmw.gate import native_rules, proof_kind
from linkmw.gate.ports import Arming
from linkmw.http import Headers, Request
from linkmw.settings import Settings

SHOP = replace(SETTINGS, login_paths=("/login", "/admin/login/"), forgot_password="/login/forgot")
MOUNTED = replace(SHOP, public_url=f"{SITE}/shop")
OWN = {"origin": SITE, "sec-fetch-site": "same-origin"}
ARMING = Arming("s" * 43, "record", NOW + 600)


def post(path: str, **headers: str) -> Request:
    return Request("POST", path, "", {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("path", "page", "is_login"),
    [
        ("/login", "", True),
        ("/login/code", "", True),
        ("/login/", "", True),
        ("/admin/login/", "", True),
        ("/loginx", "", False),
        ("/authenticate", "", False),  # nobody knows where it came from: name it in login_paths
        ("/authenticate", "/login", True),
        ("/authenticate/login", "/login", True),
        ("/api/session", "/login", True),
        ("/api/session", "/login/sso", True),
        ("/api/session", "/", False),
        ("/signup", "/signup", False),
        ("/signup", "", False),
        ("/login/forgot", "", False),
        ("/login/forgot/new", "", False),
        ("/login/forgotten", "", True),
        ("/reset/token", "/login/forgot", False),
        ("/users/7/impersonate", "/users/7", False),
    ],
)
def test_pr04_a_sign_in_goes_to_a_login_route_or_comes_from_its_page(path: str, page: str, is_login: bool) -> None:
    headers = {"referer": SITE + page} if page else {}
    assert native_rules.is_of_login(SHOP, post(path, **headers)) is is_login


@pytest.mark.parametrize(
    ("path", "is_login"), [("/", True), ("/signup", False), ("/login", True), ("/login/code", True)]
)
def test_pr04_a_login_page_at_the_root_makes_no_sign_in_of_everything(path: str, is_login: bool) -> None:
    rooted = replace(SHOP, login_paths=("/", "/login/"))
    assert native_rules.is_of_login(rooted, post(path)) is (is_login and path != "/login")
    assert native_rules.is_of_login(replace(SHOP, login_paths=("/", "/login")), post(path)) is is_login


@pytest.mark.parametrize(
    ("referer", "is_login"),
    [
        (f"{SITE}/shop/login", True),
        (f"{SITE}/shop/login?next=/", True),
        (f"{SITE}/login", False),  # another application of this host
        (f"{SITE}/shoplogin", False),
        ("https://evil.example/shop/login", False),
        ("https://orders.example.evil.example/shop/login", False),
        ("https://orders.example@evil.example/shop/login", False),
        ("not a url", False),
        ("https://[/shop/login", False),
    ],
)
def test_pr05_the_page_is_one_of_this_very_application(referer: str, is_login: bool) -> None:
    assert native_rules.is_of_login(MOUNTED, post("/api/session", referer=referer)) is is_login


@pytest.mark.parametrize(
    ("headers", "counts"),
    [
        (OWN, True),
        ({"origin": SITE}, True),  # an older browser
        ({"sec-fetch-site": "same-origin"}, True),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, True),  # Referrer-Policy: no-referrer
        ({"origin": "null"}, False),
        ({"origin": "null", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "https://evil.example", "sec-fetch-site": "same-origin"}, False),
        ({"origin": "https://blog.orders.example", "sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({}, False),
    ],
)
def test_pr05_login_csrf_a_form_that_another_site_sent_never_counts(headers: dict[str, str], counts: bool) -> None:
    request = Request("POST", "/login", "", headers)
    assert native_rules.may_prove(SHOP, request, ARMING, NOW) is counts


SENT = replace(ARMING, path="/login/done?of=ada", until=NOW + 60, hops=1)


@pytest.mark.parametrize(
    ("method", "path", "query", "arming", "now", "counts"),
    [
        ("GET", "/login/done", "of=ada", SENT, NOW, True),
        ("GET", "/login/done", "of=ada", SENT, NOW + 59, True),
        ("GET", "/login/done", "of=ada", SENT, NOW + 60, False),
        ("GET", "/login/done", "of=ada", SENT, NOW + 61, False),
        ("GET", "/login/done", "of=eve", SENT, NOW, False),
        ("GET", "/login/done", "", SENT, NOW, False),
        ("GET", "/elsewhere", "of=ada", SENT, NOW, False),
        ("GET", "/login/done", "of=ada", ARMING, NOW, False),  # no POST has led here: a link in a mail
        ("HEAD", "/login/done", "of=ada", SENT, NOW, False),
        ("DELETE", "/login/done", "of=ada", SENT, NOW, False),
        ("PUT", "/login", "", SENT, NOW, False),
        ("GET", "", "", ARMING, NOW, False),
    ],
)
def test_pr05_a_get_counts_only_where_a_sign_in_has_just_sent_the_browser(
    method: str, path: str, query: str, arming: Arming, now: int, counts: bool
) -> None:
    assert native_rules.may_prove(SHOP, Request(method, path, query, OWN), arming, now) is counts


def to(location: str) -> Headers:
    return (("Location", location),)


@pytest.mark.parametrize(
    ("status", "headers", "path"),
    [
        (302, to("/login/done"), "/login/done"),
        (303, to("/login/done?of=ada#top"), "/login/done?of=ada"),
        (301, to("done"), "/login/done"),
        (307, to("?step=2"), "/login/first?step=2"),
        (308, to(f"{SITE}/home"), "/home"),
        (302, to("/gr%C3%B6%C3%9Fe"), "/größe"),
        (302, to(SITE), "/"),
        (302, (("Cache-Control", "no-store"), *to("/home"), ("Set-Cookie", "a=b")), "/home"),
        (302, to("//evil.example/home"), ""),
        (302, to("https://evil.example/home"), ""),
        (302, to("http://orders.example/home"), ""),
        (302, to("https://orders.example:444/home"), ""),
        (302, to("https://[/home"), ""),
        (200, to("/login/done"), ""),
        (304, to("/login/done"), ""),
        (302, (), ""),
        (302, (*to("/a"), *to("/b")), ""),
    ],
)
def test_where_an_answer_sends_the_browser_inside_this_site(status: int, headers: Headers, path: str) -> None:
    request = Request("POST", "/login/first", "next=/")
    assert native_rules.sent_on(SHOP, request, ARMING, status, headers) == path


def test_a_chain_has_an_end() -> None:
    request = Request("GET", "/login/hop")
    found = [
        bool(native_rules.sent_on(SHOP, request, replace(ARMING, hops=hops), 302, to("/login/hop")))
        for hops in range(8)
    ]
    assert found == [True] * 5 + [False] * 3


@pytest.mark.parametrize(
    ("location", "path"), [("/shop/home", "/home"), ("/shop", "/"), ("/home", ""), ("/shopping", ""), ("done", "/done")]
)
def test_a_chain_stays_in_its_mount(location: str, path: str) -> None:
    assert native_rules.sent_on(MOUNTED, Request("POST", "/login"), ARMING, 302, to(location)) == path


@pytest.mark.parametrize(
    ("headers", "shows"),
    [
        ({"sec-fetch-dest": "document"}, True),
        ({"sec-fetch-dest": "empty", "accept": "text/html"}, False),
        ({"sec-fetch-dest": "iframe", "accept": "text/html"}, False),
        ({"sec-fetch-dest": "audio", "accept": "text/html"}, False),
        ({"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, True),
        ({"accept": "*/*"}, False),
        ({"accept": "application/json"}, False),
        ({"accept": "text/html", "x-requested-with": "XMLHttpRequest"}, False),
        ({"accept": "text/html", "x-requested-with": "com.example.app"}, True),  # a web view says whose it is
        ({"accept": "text/html", "x-requested-with": "xyz.example.app"}, True),
        ({}, False),
    ],
)
def test_pr18_only_a_page_is_answered_by_a_page(headers: dict[str, str], shows: bool) -> None:
    assert native_rules.shows_page(Request("POST", "/login", "", headers)) is shows


class Product:
    def __init__(self, *, checks: bool = True, tells: bool = True) -> None:
        self.checks_passwords, self.tells_complete = checks, tells


@pytest.mark.parametrize(
    ("proof", "checks", "tells", "page", "kind"),
    [
        ("", True, True, "", "form"),
        ("", True, False, "", "form"),
        ("form", True, True, "", "form"),
        ("native", True, True, "", "native"),
        ("native", True, False, "", "form"),  # off, and said so
        ("native", True, False, "/account", "native"),
        ("", False, True, "", "native"),
        ("form", False, True, "", "native"),  # there is nothing to ask on a page of ours
        ("", False, False, "", None),
        ("", False, False, "/account", "native"),
    ],
)
def test_pr04_which_proof_there_is_by_settings_and_adapter(
    proof: Any, checks: bool, tells: bool, page: str, kind: str | None
) -> None:
    product: Any = Product(checks=checks, tells=tells)
    settings = replace(SETTINGS, proof=proof, signed_in_path=page)
    assert proof_kind.kind(settings, product, takes_over=False, hub_asks=True) == kind


@pytest.mark.parametrize(
    ("takes_over", "hub_asks", "with_passwords", "without"),
    [(False, True, "native", "native"), (True, True, "form", None), (False, False, "form", None)],
)
def test_pr03_pr05_where_the_native_proof_cannot_be_our_page_is_or_nothing(
    takes_over: bool, hub_asks: bool, with_passwords: str, without: str | None
) -> None:
    settings = replace(SETTINGS, proof="native")
    for checks, expected in ((True, with_passwords), (False, without)):
        product: Any = Product(checks=checks)
        assert proof_kind.kind(settings, product, takes_over=takes_over, hub_asks=hub_asks) == expected


def test_an_adapter_that_says_nothing_checks_passwords_and_tells_half_from_whole() -> None:
    product: Any = object()
    assert proof_kind.wanted(SETTINGS, product) == "form"
    assert proof_kind.is_native(replace(SETTINGS, proof="native"), product)


@pytest.mark.parametrize(
    ("settings", "product", "said", "is_watched"),
    [
        (SETTINGS, Product(), "", False),
        (replace(SETTINGS, proof="native"), Product(), "", True),
        (replace(SETTINGS, proof="native", enabled=False), Product(tells=False), "", False),
        (replace(SETTINGS, proof="native"), Product(tells=False), "OFF, linkmw's own page asks", False),
        (SETTINGS, Product(checks=False, tells=False), "OFF, no account can be linked", False),
        (replace(SETTINGS, proof="native", mode="replace"), Product(), "linkmw's own page asks", True),
        (replace(SETTINGS, mode="replace"), Product(checks=False), "no account can be linked", True),
    ],
)
def test_pr04_start_up_says_when_the_native_proof_is_off(
    settings: Settings, product: Any, said: str, is_watched: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="linkmw"):
        assert (proof_kind.watched(settings, product) is not None) is is_watched
    assert said in caplog.text
    assert bool(caplog.text) is bool(said)
