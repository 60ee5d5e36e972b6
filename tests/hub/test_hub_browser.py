"""What ties a browser to the hub: cookies as we made them, and forms of our own pages (SC02-SC05, XS01)."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

import pytest

from linkmw.errors import NoCookie, RequestRefused
from linkmw.http import Request
from linkmw.hub import browser
from linkmw.secret import Secret

HUB = "https://hub.example"
VALUE = "A1-_" * 10 + "xyz"
OWN = {"origin": HUB, "sec-fetch-site": "same-origin"}


def holding(cookies: str) -> Request:
    return Request("GET", "/", "", {"cookie": cookies})


@pytest.mark.parametrize(
    ("cookies", "known"),
    [
        (f"{browser.BROWSER}={VALUE}", True),
        (f"{browser.BROWSER}={VALUE}; {browser.SESSION}={'x' * 43}", True),
        ("", False),
        (f"{browser.BROWSER}=", False),
        (f"{browser.BROWSER}={VALUE[:-1]}", False),
        (f"{browser.BROWSER}={VALUE}A", False),
        (f"{browser.BROWSER}={VALUE[:-1]}!", False),
        (f"{browser.SESSION}={VALUE}", False),
        (f"{browser.BROWSER}={VALUE}; {browser.BROWSER}={'x' * 43}", False),
    ],
)
def test_sc02_sc04_fc03_a_browser_is_known_by_a_cookie_of_ours_alone(cookies: str, known: bool) -> None:
    new = "n" * 43
    found = browser.browser_or_new(holding(cookies), lambda: new)
    assert found == (browser.Browser(Secret(VALUE)) if known else browser.Browser(Secret(new), is_new=True))
    assert [name for name, _ in found.cookies] == ([] if known else ["Set-Cookie"])
    if known:
        assert browser.browser_of(holding(cookies)).key == hashlib.sha256(VALUE.encode()).hexdigest()
    else:
        with pytest.raises(NoCookie):
            browser.browser_of(holding(cookies))


def test_sc05_a_new_browser_gets_a_cookie_that_scripts_and_other_hosts_cannot_have() -> None:
    assert browser.Browser(Secret(VALUE), is_new=True).cookies == (
        ("Set-Cookie", f"__Host-linkmw-hub={VALUE}; Path=/; Secure; HttpOnly; SameSite=Lax"),
    )


def test_sc07_neither_the_key_nor_the_form_token_tells_the_cookie() -> None:
    one, other = browser.Browser(Secret(VALUE)), browser.Browser(Secret("x" * 43))
    assert len({one.key, one.csrf, other.key, other.csrf, VALUE}) == 5
    assert VALUE not in repr(one)


@pytest.mark.parametrize(
    ("csrf", "headers", "is_own"),
    [
        (browser.form_token(VALUE), OWN, True),
        (browser.form_token("x" * 43), OWN, False),
        (browser.form_token(VALUE)[:-1], OWN, False),
        (VALUE, OWN, False),
        ("", OWN, False),
        ("\u00e9", OWN, False),
        (browser.form_token(VALUE), {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, False),
        (browser.form_token(VALUE), {}, False),
    ],
)
def test_xs01_a_form_counts_with_its_token_and_from_a_page_of_ours(
    csrf: str, headers: dict[str, str], is_own: bool
) -> None:
    body = urlencode({"csrf": csrf, "name": "ada"}).encode()
    request = Request("POST", "/", "", {**headers, "content-type": "application/x-www-form-urlencoded"}, body)
    if is_own:
        assert browser.read_own_form(request, HUB, browser.form_token(VALUE)).get("name") == "ada"
        return
    with pytest.raises(RequestRefused) as refused:
        browser.read_own_form(request, HUB, browser.form_token(VALUE))
    assert (refused.value.code, refused.value.status) == ("csrf", 403)
