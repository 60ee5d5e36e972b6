"""Who is at the other end, and what is written down about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.gate.world import ADA, SETTINGS, Browser, World, location

from linkmw.gate import button
from linkmw.gate.browser import address, cookie_name
from linkmw.http import Request


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
