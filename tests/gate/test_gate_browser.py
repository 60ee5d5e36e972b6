"""Who is at the other end, and what is written down about it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from tests.gate.world import ADA, SETTINGS, Browser, World, location

from linkmw.errors import RequestRefused
from linkmw.gate import browser as browsers
from linkmw.gate import button
from linkmw.gate.browser import address, cookie_name
from linkmw.http import Request
from linkmw.secret import Secret


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "found"),
    [
        ((), "10.0.0.1", "198.51.100.7", "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", "198.51.100.7", "198.51.100.7"),
        (("10.0.0.0/8",), "10.0.0.1", "6.6.6.6, 198.51.100.7", "198.51.100.7"),
        (("10.0.0.0/8",), "10.0.0.1", "6.6.6.6, 198.51.100.7, 10.0.0.9", "198.51.100.7"),
        (("10.0.0.0/8",), "10.0.0.1", "", "10.0.0.1"),
        (("10.0.0.0/8",), "203.0.113.5", "198.51.100.7", "203.0.113.5"),
        (("10.0.0.0/8",), "10.0.0.1", "not an address", "not an address"),
        (("::1/128",), "::1", "2001:db8::7", "2001:db8::7"),
    ],
)
def test_bf09_ht11_only_what_a_trusted_proxy_wrote_is_believed(
    trusted: tuple[str, ...], peer: str, forwarded: str, found: str
) -> None:
    request = Request("GET", "/", "", {"x-forwarded-for": forwarded}, client=peer)
    assert address(replace(SETTINGS, trusted_proxies=trusted), request) == found


def test_pr16_two_products_on_one_host_have_cookies_of_their_own() -> None:
    assert cookie_name("orders") != cookie_name("wiki")
    assert len(cookie_name("orders")) == len("__Host-linkmw-") + 8


VALUE = "A1-_" * 10 + "xyz"
NAME = cookie_name(SETTINGS.client_id)


@pytest.mark.parametrize(
    ("cookies", "is_known"),
    [
        (f"{NAME}={VALUE}", True),
        ("", False),
        (f"{NAME}=", False),
        (f"{NAME}={VALUE[:-1]}", False),
        (f"{NAME}={VALUE}A", False),
        (f"{NAME}={VALUE[:-1]}!", False),
        (f"{NAME}={VALUE}; {NAME}={'x' * 43}", False),
        (f"{cookie_name('wiki')}={VALUE}", False),
    ],
)
def test_sc02_sc04_a_browser_is_known_by_a_cookie_of_ours_alone(cookies: str, is_known: bool) -> None:
    request = Request("GET", "/", "", {"cookie": cookies})
    found = browsers.known_or_new(SETTINGS, request, lambda: "n" * 43)
    assert found.is_new is not is_known
    assert found.key == hashlib.sha256((VALUE if is_known else "n" * 43).encode()).hexdigest()
    assert found.headers == (
        () if is_known else (("Set-Cookie", f"{NAME}={'n' * 43}; Path=/; Secure; HttpOnly; SameSite=Lax"),)
    )
    assert browsers.known(SETTINGS, request) == (found if is_known else None)
    assert "n" * 43 not in repr(found)  # nor what sets the cookie of a new one (CF09)


@pytest.mark.parametrize(
    ("key", "percent", "inside"),
    [
        ("00000000" + "f" * 56, 0, False),
        ("00000000" + "f" * 56, 1, True),
        ("00000063" + "0" * 56, 1, False),
        ("00000063" + "0" * 56, 99, False),
        ("00000063" + "0" * 56, 100, True),
        ("00000064" + "f" * 56, 1, True),  # 100 of the next hundred
        ("000000c7" + "f" * 56, 99, False),
    ],
)
def test_p04_pr15_a_browser_is_drawn_by_its_key(key: str, percent: int, inside: bool) -> None:
    assert browsers.in_share(browsers.Browser(key), percent) is inside


@pytest.mark.parametrize(
    ("headers", "wants"),
    [
        ({}, True),
        ({"accept": "text/html,application/xhtml+xml"}, True),
        ({"accept": "Text/HTML"}, True),
        ({"accept": "*/*"}, True),
        ({"accept": "application/json"}, False),
        ({"accept": ""}, False),
        ({"accept": "text/html", "x-requested-with": "XMLHttpRequest"}, False),
        ({"accept": "text/html", "x-requested-with": "com.example.app"}, True),  # a web view says whose it is
        ({"accept": "text/html", "x-requested-with": "xyz.example.app"}, True),
        ({"accept": "text/html", "sec-fetch-dest": "iframe"}, False),
        ({"accept": "text/html", "sec-purpose": "prefetch"}, False),
    ],
)
def test_p06_a_page_is_for_whoever_shows_pages(headers: dict[str, str], wants: bool) -> None:
    assert browsers.wants_page(Request("GET", "/login", "", headers)) is wants


KNOWN = browsers.Browser("b" * 64)
FORM_OF_OURS = {"origin": "https://orders.example", "sec-fetch-site": "same-origin"}


@pytest.mark.parametrize(
    ("csrf", "headers", "is_own"),
    [
        (browsers.form_token(SETTINGS, KNOWN, "record"), FORM_OF_OURS, True),
        (browsers.form_token(SETTINGS, KNOWN, "another"), FORM_OF_OURS, False),
        (browsers.form_token(SETTINGS, browsers.Browser("c" * 64), "record"), FORM_OF_OURS, False),
        (browsers.form_token(replace(SETTINGS, client_secret=Secret("x")), KNOWN, "record"), FORM_OF_OURS, False),
        ("", FORM_OF_OURS, False),
        ("\u00e9", FORM_OF_OURS, False),
        (browsers.form_token(SETTINGS, KNOWN, "record"), {"origin": "https://evil.example"}, False),
        (browsers.form_token(SETTINGS, KNOWN, "record"), {}, False),
    ],
)
def test_xs01_a_form_counts_with_its_token_and_from_a_page_of_ours(
    csrf: str, headers: dict[str, str], is_own: bool
) -> None:
    body = urlencode({"csrf": csrf}).encode()
    request = Request("POST", "/", "", {**headers, "content-type": "application/x-www-form-urlencoded"}, body)
    if is_own:
        browsers.check_form(SETTINGS, request, KNOWN, "record")
        return
    with pytest.raises(RequestRefused) as refused:
        browsers.check_form(SETTINGS, request, KNOWN, "record")
    assert (refused.value.code, refused.value.status) == ("csrf", 403)


def test_fc17_a_prefetched_proof_request_is_not_used_up(person: Browser, world: World) -> None:
    world.proof_arrives()
    assert person.get("/.linkmw/prove?handle=handle", sec_purpose="prefetch").status == 204
    assert person.get("/.linkmw/prove?handle=handle").status == 303


def test_the_proof_page_after_the_proof_leads_on(person: Browser) -> None:
    person.arrives()
    asked = person.page
    person.submit(username="ada", password="correct horse")
    record = asked.split('name="record" value="')[1].split('"')[0]
    assert location(person.get(f"/.linkmw/prove?record={record}")) == f"/.linkmw/go?record={record}"
    person.page = asked
    assert location(person.submit(username="bob", password="b0b")) == f"/.linkmw/prove?record={record}"
    assert person.account == ADA.account_id


def test_a_choice_without_a_browser_of_ours_is_refused(person: Browser) -> None:
    assert person.post("/.linkmw/switch", {"record": "x", "csrf": "y", "choice": "switch"}).status == 400


def test_a_fault_while_decorating_costs_the_button_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from linkmw.gate.held import WsgiPage
    from linkmw.http import Decorate

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(button, "decorate", broken)
    started: list[object] = []
    page = WsgiPage(lambda *args: started.append(args), Decorate("", "", "", ""))
    page.start_response("200 OK", [("Content-Type", "text/html")])
    assert list(page.finish([b"<html>", b"</html>"])) == [b"<html></html>"]
    assert started == [("200 OK", [("Content-Type", "text/html")])]
