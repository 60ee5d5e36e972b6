"""Where a request comes from: the truth tables of what browsers and proxies say (XS01, FC17, BF09)."""

from __future__ import annotations

import pytest

from linkmw import whence
from linkmw.http import Request

OWN = "https://orders.example"
EVIL = "https://evil.example"


def sent(method: str = "POST", **headers: str) -> Request:
    return Request(method, "/", "", {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"origin": OWN, "sec_fetch_site": "same-origin"}, True),
        ({"origin": OWN}, True),
        ({"sec_fetch_site": "same-origin"}, True),
        ({}, False),  # every browser says one of the two
        ({"origin": "null"}, False),
        ({"origin": "null", "sec_fetch_site": "same-origin"}, False),
        ({"origin": EVIL, "sec_fetch_site": "same-origin"}, False),
        ({"origin": OWN, "sec_fetch_site": "cross-site"}, False),
        ({"origin": OWN, "sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"sec_fetch_site": "zzz"}, False),
        ({"origin": EVIL}, False),
        ({"origin": "https://zzz.example"}, False),
        ({"origin": "http://orders.example"}, False),
        ({"origin": f"{OWN}:444"}, False),
        ({"origin": f"{OWN}/"}, False),
        ({"origin": ""}, False),
    ],
)
def test_xs01_a_form_of_our_own_says_so_and_nothing_else(headers: dict[str, str], own: bool) -> None:
    assert whence.is_own_form(sent(**headers), f"{OWN}/shop") is own


@pytest.mark.parametrize(
    ("public_url", "origin", "own"),
    [
        ("https://Orders.Example:443/shop", OWN, True),
        ("https://orders.example:80", f"{OWN}:80", True),
        ("https://orders.example:80", OWN, False),
        ("http://orders.example:80", "http://orders.example", True),
        ("http://orders.example:443", "http://orders.example:443", True),
        ("http://orders.example:443", "http://orders.example", False),
    ],
)
def test_xs01_a_setting_is_compared_as_browsers_write_it(public_url: str, origin: str, own: bool) -> None:
    assert whence.is_own_form(sent(origin=origin), public_url) is own


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"origin": "null", "sec_fetch_site": "same-origin"}, True),  # Referrer-Policy: no-referrer
        ({"origin": "null", "sec_fetch_site": "same-site"}, False),
        ({"origin": "null", "sec_fetch_site": "cross-site"}, False),
        ({"origin": "null"}, False),
        ({"origin": OWN}, True),
        ({"origin": EVIL, "sec_fetch_site": "same-origin"}, False),
        ({"origin": "zzz", "sec_fetch_site": "same-origin"}, False),
        ({}, False),
    ],
)
def test_pr05_a_sign_in_of_the_products_own_may_name_no_referrer(headers: dict[str, str], own: bool) -> None:
    assert whence.is_own_sign_in(sent(**headers), OWN) is own


@pytest.mark.parametrize(
    ("headers", "navigates"),
    [
        ({}, True),  # an older browser says nothing
        ({"sec_fetch_dest": "document"}, True),
        ({"sec_fetch_dest": "audio"}, False),
        ({"sec_fetch_dest": "image"}, False),
        ({"sec_fetch_dest": "iframe"}, False),
        ({"sec_fetch_dest": ""}, False),
        ({"sec_purpose": "prefetch;prerender"}, False),
        ({"purpose": "Prefetch"}, False),
        ({"x_moz": "prefetch"}, False),
        ({"sec_fetch_dest": "document", "sec_purpose": "prefetch"}, False),
        ({"purpose": "something else"}, True),
    ],
)
def test_fc17_only_a_person_who_goes_there_navigates(headers: dict[str, str], navigates: bool) -> None:
    assert whence.is_navigation(sent("GET", **headers)) is navigates


@pytest.mark.parametrize(
    ("site", "arrives"),
    [("cross-site", True), ("same-site", True), ("same-origin", False), ("none", False), ("", False)],
)
def test_pr19_an_arrival_from_another_site_is_told_by_the_browser(site: str, arrives: bool) -> None:
    assert whence.is_cross_site_arrival(sent("GET", sec_fetch_site=site)) is arrives
    assert not whence.is_cross_site_arrival(sent("GET"))


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "found"),
    [
        ((), "10.0.0.1", "6.6.6.6", "10.0.0.1"),
        (("10.0.0.0/8",), "10.0.0.1", "6.6.6.6", "6.6.6.6"),
        (("10.0.0.0/8",), "10.0.0.1", "1.1.1.1, 6.6.6.6 ,10.0.0.2", "6.6.6.6"),  # what its right says of its left
        (("10.0.0.0/8",), "10.0.0.1", "1.1.1.1, nonsense", "nonsense"),
        (("10.0.0.0/8",), "10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        (("10.0.0.0/8",), "10.0.0.1", " , ", "10.0.0.1"),
        (("10.0.0.7/8",), "10.0.0.1", "6.6.6.6", "6.6.6.6"),  # a network as people write it
        (("192.0.2.0/24", "::1/128"), "::1", "2001:db8::1", "2001:db8::1"),
        (("192.0.2.0/24",), "", "6.6.6.6", ""),
    ],
)
def test_bf09_who_calls_is_who_the_last_trusted_proxy_saw(
    trusted: tuple[str, ...], peer: str, forwarded: str, found: str
) -> None:
    assert whence.client_address(peer, forwarded, trusted) == found


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::1", "2001:db8:0:2::/64"),
        ("ffff:ffff:ffff:ffff::", "ffff:ffff:ffff:ffff::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("nonsense", "nonsense"),
        ("", ""),
    ],
)
def test_bf09_what_one_visitor_can_move_about_in_is_one(address: str, network: str) -> None:
    assert whence.same_network(address) == network
