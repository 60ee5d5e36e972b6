"""Cookie headers as no browser should send them, through real servers (SC04, SC05)."""

from __future__ import annotations

import pytest
from tests.houses.conftest import Street
from tests.houses.test_houses_parity import ALL
from tests.houses.wire import Answer, ask

from linkmw.gate.browser import cookie_name

NAME = cookie_name("product")
FIRST, SECOND = "A" * 43, "B" * 43


def set_cookies(answer: Answer) -> list[str]:
    return [value for name, value in answer.headers if name == "set-cookie" and value.startswith(NAME)]


def starts(street: Street, house: str, *cookies: str) -> Answer:
    """A sign-in begun with these Cookie headers."""
    answer = ask(street.port(house), "/.linkmw/login", headers=[("Cookie", cookie) for cookie in cookies])
    assert answer.status == 303, answer
    assert answer.header("location").startswith("http://hub.localhost/o/product/authorize?")
    return answer


@pytest.mark.parametrize("house", sorted(ALL))
def test_sc04_sc05_our_cookie_is_one_small_and_for_this_host_alone(street: Street, house: str) -> None:
    [cookie] = set_cookies(starts(street, house))
    assert len(cookie) < 300
    assert cookie.startswith("__Host-linkmw-")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert parts == {"path=/", "secure", "httponly", "samesite=lax"}


@pytest.mark.parametrize("house", sorted(ALL))
def test_sc05_a_browser_that_is_known_gets_no_other_cookie(street: Street, house: str) -> None:
    assert set_cookies(starts(street, house, f"{NAME}={FIRST}")) == []
    assert set_cookies(starts(street, house, f"a=b; {NAME}={FIRST}; c=d")) == []


@pytest.mark.parametrize("house", sorted(ALL))
@pytest.mark.parametrize(
    "cookies",
    [
        # Two headers, which gunicorn joins with "," and uvicorn hands on apart: never half of each.
        ("a=b", f"{NAME}={FIRST}"),
        (f"{NAME}={FIRST}", "a=b"),
        (f"{NAME}={FIRST}", f"{NAME}={SECOND}"),
    ],
    ids=["ours is second", "ours is first", "ours twice"],
)
def test_sc04_sc02_two_cookie_headers_begin_anew_or_are_read_right(
    street: Street, house: str, cookies: tuple[str, ...]
) -> None:
    anew = set_cookies(starts(street, house, *cookies))
    joined_by_server = house.startswith("wsgi/")
    ambiguous = sum(cookie.startswith(NAME) for cookie in cookies) > 1
    assert len(anew) == (1 if joined_by_server or ambiguous else 0)


@pytest.mark.parametrize("house", sorted(ALL))
@pytest.mark.parametrize(
    "cookie",
    [
        FIRST,
        f"={FIRST}",
        f"=__Host-linkmw={FIRST}",
        f"=; {NAME}",
        f'$Version=1; {NAME}="{FIRST}"; $Path=/',
        f"{NAME}={FIRST[:-1]}",
        f"{NAME}={FIRST}x",
        f"{NAME}={FIRST}; {NAME}={SECOND}",
        f"{NAME}={FIRST[:-1]}\xe9",
        f"{NAME.lower().replace('__host', '__HOST')}={FIRST}",
        f"{NAME}={'x' * 8100}",
        "; ".join(f"c{number}=v" for number in range(200)),
        ";;;;  ;, ,=;==",
    ],
    ids=lambda cookie: repr(cookie[:24]),
)
def test_sc05_a_cookie_that_is_not_as_we_made_it_is_none(street: Street, house: str, cookie: str) -> None:
    [made] = set_cookies(starts(street, house, cookie))
    assert FIRST not in made
    refused = ask(street.port(house), "/.linkmw/prove?record=x", headers=[("Cookie", cookie)])
    assert refused.status == 400
    assert b"<h1" in refused.body


@pytest.mark.parametrize("house", sorted(ALL))
def test_sc05_ours_is_found_among_two_hundred(street: Street, house: str) -> None:
    others = [f"c{number}=v" for number in range(200)]
    assert set_cookies(starts(street, house, "; ".join([*others[:100], f"{NAME}={FIRST}", *others[100:]]))) == []
