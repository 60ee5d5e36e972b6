"""Signing out: of the product alone or everywhere, told as it is, and nobody is thrown straight back in (P-7)."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.gate.world import ADA, SITE, Browser, World, heading, location

from linkmw.errors import Unavailable
from linkmw.gate import sign_out
from linkmw.http import Request, Response
from linkmw.model import Marker

PAGE = {"sec-fetch-dest": "document", "sec-fetch-site": "same-origin", "accept": "text/html"}
SCRIPTS = (
    {"sec-fetch-dest": "empty", "accept": "*/*"},
    {"accept": "application/json"},
    {"x-requested-with": "XMLHttpRequest", "accept": "*/*"},
)


def signs_in(world: World, person: Browser) -> Marker:
    world.hub.claims = {"sub": ADA.account_id, "sid": "hub-sid", "iat": world.clock()}
    person.returns(person.starts()["state"])
    marker = world.product.sessions[person.cookies["session"]][1]
    assert marker is not None
    return marker


def signs_out(world: World, person: Browser, marker: Marker, **headers: str) -> Response | None:
    """The product's own sign-out, and what a shell asks the core afterwards."""
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    world.product.sessions.pop(person.cookies.pop("session", ""), None)
    request = Request("POST", "/logout", headers={**(headers or PAGE), "cookie": cookies})
    return world.run(sign_out.ended(world.ports, world.settings, request, marker))


def is_open(world: World, marker: Marker) -> bool:
    return world.run(world.ports.sessions.get(marker.sid)) is not None


def leads_to(page: str) -> str:
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
    assert found, page
    return unescape(found[1])


def test_p7_who_signs_out_goes_on_to_the_hub_and_comes_back_signed_out_everywhere(
    world: World, person: Browser
) -> None:
    marker = signs_in(world, person)
    answer = signs_out(world, person, marker)
    assert answer is not None
    assert answer.status == 303
    assert not is_open(world, marker)
    person.get(location(answer))
    url = urlsplit(leads_to(person.page))
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{world.settings.issuer}/end_session"
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert query == {
        "client_id": "orders",
        "logout_hint": "hub-sid",
        "post_logout_redirect_uri": f"{SITE}/.linkmw/signed-out",
        "state": query["state"],
    }
    arrival = person.get(f"/.linkmw/signed-out?state={query['state']}", site="cross-site")
    person.follow(arrival)
    assert heading(person.page) == "You are signed out"
    assert "of Orders and ACME ID on this browser." in person.page
    assert '"/.linkmw/login"' in person.page


def test_p7_the_state_of_another_browser_says_nothing_about_this_one(
    world: World, person: Browser, attacker: Browser
) -> None:
    answer = signs_out(world, person, signs_in(world, person))
    assert answer is not None
    record = urlsplit(location(answer)).query.removeprefix("record=")
    attacker.starts()
    for url in (f"/.linkmw/signed-out?state={record}", "/.linkmw/signed-out?state=forged", "/.linkmw/signed-out"):
        attacker.get(url)
        assert "of Orders on this browser." in attacker.page
    assert location(attacker.get(f"/.linkmw/sign-out?record={record}")) == "/.linkmw/signed-out"


@pytest.mark.parametrize("headers", SCRIPTS)
def test_p6_scripts_get_what_the_product_gives(world: World, person: Browser, headers: dict[str, str]) -> None:
    marker = signs_in(world, person)
    assert signs_out(world, person, marker, **headers) is None
    assert not is_open(world, marker)


def test_p7_out_of_the_product_alone_the_products_own_answer_stands(person: Browser) -> None:
    world = World(sign_out="product")
    person = world.browser()
    marker = signs_in(world, person)
    assert signs_out(world, person, marker) is None
    assert not is_open(world, marker)


def test_p7_a_session_that_ended_elsewhere_leads_nowhere(world: World, person: Browser) -> None:
    marker = signs_in(world, person)
    world.run(world.ports.sessions.end(marker.sid))
    assert signs_out(world, person, marker) is None


def test_p7_while_redis_is_silent_the_products_own_answer_stands(world: World, person: Browser) -> None:
    marker = signs_in(world, person)

    async def silent(*_: Any) -> Any:
        raise Unavailable("Redis: ConnectionError")

    for store, method in ((world.store.sign_outs, "put"), (world.store.sessions, "end")):
        right = getattr(store, method)
        setattr(store, method, silent)
        assert signs_out(world, person, marker) is None
        setattr(store, method, right)


@pytest.mark.parametrize("trouble", [{"away": True}, {"healthy": False}])
def test_p7_with_the_hub_away_one_is_signed_out_of_the_product_and_told_so(
    world: World, person: Browser, trouble: dict[str, bool]
) -> None:
    answer = signs_out(world, person, signs_in(world, person))
    assert answer is not None
    for name, value in trouble.items():
        setattr(world.hub, name, value)
    assert location(person.get(location(answer))) == "/.linkmw/signed-out"
    person.get("/.linkmw/signed-out")
    assert "of Orders on this browser." in person.page


def test_p7_a_record_that_redis_does_not_tell_is_none(world: World, person: Browser) -> None:
    answer = signs_out(world, person, signs_in(world, person))
    assert answer is not None

    async def silent(*_: Any) -> Any:
        raise Unavailable("Redis: ConnectionError")

    world.store.sign_outs.get = silent  # type: ignore[method-assign]
    assert location(person.get(location(answer))) == "/.linkmw/signed-out"


def test_p7_an_old_record_is_none(world: World, person: Browser) -> None:
    answer = signs_out(world, person, signs_in(world, person))
    assert answer is not None
    world.clock.time += sign_out.SECONDS
    assert location(person.get(location(answer))) == "/.linkmw/signed-out"


def test_p7_who_is_signed_in_is_not_told_otherwise(world: World, person: Browser) -> None:
    signs_in(world, person)
    assert location(person.get("/.linkmw/signed-out")) == "/"


def test_p7_pr20_two_rounds_without_a_session_stop_on_a_page_with_the_contact(world: World, person: Browser) -> None:
    for _ in range(2):
        signs_in(world, person)
        del person.cookies["session"]  # dropped on its way
    begun = len(world.token.made)
    assert person.get("/.linkmw/login?next=/orders").status == 400
    assert heading(person.page) == "You don’t stay signed in"
    assert "help@acme.example" in person.page
    assert 'href="/login"' in person.page
    assert "/.linkmw/login" not in person.page
    assert len(world.token.made) == begun
    world.clock.time += 30
    assert person.get("/.linkmw/login?next=/orders").status == 303


def test_pr20_rounds_that_left_a_session_and_rounds_that_were_never_finished_do_not_count(
    world: World, person: Browser
) -> None:
    for _ in range(4):
        person.starts()
    for _ in range(4):
        signs_in(world, person)
    assert person.get("/.linkmw/login").status == 303


def test_pr20_signing_out_and_in_again_is_no_loop(world: World, person: Browser) -> None:
    for _ in range(5):
        signs_out(world, person, signs_in(world, person))
    assert person.get("/.linkmw/login").status == 303


def test_pr20_another_browser_has_its_own_rounds(world: World, person: Browser, attacker: Browser) -> None:
    for _ in range(2):
        signs_in(world, attacker)
        del attacker.cookies["session"]
    assert person.get("/.linkmw/login").status == 303
