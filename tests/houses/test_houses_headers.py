"""Headers that look like others, and requests that are not quite HTTP, on four servers that read them in their ways.

Whatever a server makes of them, linkmw takes no identity and no leave from a header, and its routes do nothing for a
request that two readers could read in two ways (HT10, HT12, HT15).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.gate.world import World
from tests.houses.conftest import Street
from tests.houses.test_houses_parity import both
from tests.houses.wire import HOST, Answer, ask, exchange, read

from linkmw.gate.browser import cookie_name
from linkmw.http import Request, Response

ALL = ("wsgi/django", "wsgi/flask", "asgi/django", "asgi/starlette")
SIDE = ("waitress/django", "waitress/flask", "hypercorn/django", "hypercorn/starlette")
FORM = "application/x-www-form-urlencoded"
CHANCE = re.compile(rb"(state|nonce|code_challenge)=[\w-]+|[0-9A-Z]{4}-[0-9A-Z]{4}|__Host-linkmw-[0-9a-f]{8}=[\w-]{43}")


@pytest.fixture(params=(*ALL, *SIDE))
def at(request: pytest.FixtureRequest) -> tuple[Street, str]:
    """A house, and the street it is in."""
    name = "street" if request.param in ALL else "side_street"
    return request.getfixturevalue(name), request.param


def without_chance(answer: Answer) -> tuple[object, ...]:
    """`answer` without what is another each time: one-time values, references."""
    status, headers, body = answer.plain
    kept = [(name, CHANCE.sub(b"", value.encode())) for name, value in headers if name != "content-length"]  # type: ignore[attr-defined]
    return status, kept, CHANCE.sub(b"", body)  # type: ignore[call-overload]


# ---- HT10

# As a proxy in front might say who somebody is, in both spellings, and as our own notes in environ or scope are named.
IDENTITIES = (
    ("X-Linkmw-User", "real"),
    ("X_Linkmw_User", "evil"),
    ("X-LINKMW_User", "evil"),
    ("Linkmw.Seen", "1"),
    ("linkmw.ours", "1"),
    ("Linkmw-Seen", "1"),
    ("Remote-User", "evil"),
    ("REMOTE_USER", "evil"),
    ("X-Remote-User", "evil"),
    ("X_Forwarded_User", "evil"),
    ("X-Forwarded-User", "evil"),
    ("X-Forwarded-Uri", "/static/x.css"),
    ("X-Original-URL", "/static/x.css"),
    ("X-Rewrite-URL", "/static/x.css"),
)
OURS = ("/.linkmw/login", "/.linkmw/sign-in", "/.linkmw/callback?state=x&code=y", "/.linkmw/prove?record=x", "/login")


def test_ht10_no_header_says_who_somebody_is_nor_keeps_linkmw_out(at: tuple[Street, str]) -> None:
    street, house = at
    for target in OURS:
        plain = ask(street.port(house), target)
        dressed_up = ask(street.port(house), target, headers=IDENTITIES)
        assert without_chance(dressed_up) == without_chance(plain), target
    assert b"Sign in with ACME ID" in dressed_up.body


@pytest.mark.parametrize("second", ["Sec_Fetch_Site", "SEC_FETCH_SITE", "Sec-Fetch_Site"])
def test_ht10_a_look_alike_does_not_stand_for_the_header_that_protects_our_forms(
    at: tuple[Street, str], second: str
) -> None:
    """Servers that put both into one variable join them, the rest keep them apart: never is it the look-alike alone."""
    street, house = at
    body, content_type = b"lang=de&next=/", ("Content-Type", FORM)

    def switches(*headers: tuple[str, str]) -> int:
        return ask(street.port(house), "/.linkmw/language", "POST", body, (content_type, *headers)).status

    assert switches(("Sec-Fetch-Site", "same-origin")) == 303
    assert switches(("Sec-Fetch-Site", "cross-site")) == 403
    assert switches(("Sec-Fetch-Site", "cross-site"), (second, "same-origin")) == 403
    assert switches((second, "same-origin"), ("Sec-Fetch-Site", "cross-site")) == 403


def test_ht10_a_look_alike_of_cookie_or_authorization_is_neither(at: tuple[Street, str]) -> None:
    street, house = at
    cookie = f"{cookie_name('product')}={'A' * 43}"
    for name in ("Cookie_", "_Cookie", "X_Cookie", "HTTP_COOKIE", "Http-Cookie"):
        assert "set-cookie" in dict(ask(street.port(house), "/.linkmw/login", headers=((name, cookie),)).headers), name
    assert "set-cookie" not in dict(ask(street.port(house), "/.linkmw/login", headers=(("Cookie", cookie),)).headers)
    for name in ("Authorization", "Authorization_", "X_Authorization", "HTTP_AUTHORIZATION"):
        bare, wrapped = both(street, house, "/.linkmw/health", headers=((name, f"Bearer {'s' * 43}"),))
        assert wrapped.plain == bare.plain, name  # without `monitor_token` there is no such route


# ---- HT12

CHECKERS = ("ELB-HealthChecker/2.0", "kube-probe/1.31", "GoogleHC/1.0", "Mozilla/5.0 (compatible; Googlebot/2.1)", "")
QUERIES = ("?health", "?/.linkmw/health", "?x=/static/", "?/../static/x.css", "?next=%2Fping&path=/healthz")


def test_ht12_neither_who_asks_nor_what_follows_the_path_skips_anything(at: tuple[Street, str]) -> None:
    street, house = at
    for checker in CHECKERS:
        assert b"Sign in with ACME ID" in ask(street.port(house), "/login", headers=(("User-Agent", checker),)).body
    for query in QUERIES:
        assert b"Sign in with ACME ID" in ask(street.port(house), f"/login{query}").body, query
        bare, wrapped = both(street, house, f"/echo{query}")  # and a path that is not ours does not become so
        assert wrapped.plain == bare.plain, query


def test_ht12_a_closed_door_is_closed_to_health_checks_too(tmp_path: Path) -> None:
    world = World(mode="replace", break_glass=str(tmp_path / "permits.json"))
    world.hub.mode = "replace"
    for checker in CHECKERS:
        for query in ("", *(query[1:] for query in QUERIES)):
            for method in ("GET", "POST"):
                headers = {"accept": "text/html", "user-agent": checker}
                answer = world.answer(Request(method, "/login", query, headers, b"username=ada&password=x"))
                assert isinstance(answer, Response), (method, query)
                assert answer.status == (303 if method == "GET" else 403), (method, query)


# ---- HT15

HEAD = f"Host: {HOST}\r\nConnection: close\r\nContent-Type: {FORM}\r\nSec-Fetch-Site: same-origin\r\n"
BODY = "lang=de&next=/"
ODD = {
    "a folded header": f"{HEAD}X-Folded: a\r\n b: c\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}",
    "a folded length": f"{HEAD}Content-Length:\r\n {len(BODY)}\r\n\r\n{BODY}",
    "a space before the colon": f"{HEAD}Content-Length : {len(BODY)}\r\n\r\n{BODY}",
    "a space before the colon of the host": f"Host : {HOST}\r\n{HEAD}Content-Length: {len(BODY)}\r\n\r\n{BODY}",
    "a negative length": f"{HEAD}Content-Length: -1\r\n\r\n{BODY}",
    "a length with a sign": f"{HEAD}Content-Length: +{len(BODY)}\r\n\r\n{BODY}",
    "a length in other digits": f"{HEAD}Content-Length: 0x{len(BODY):x}\r\n\r\n{BODY}",
    "two lengths": f"{HEAD}Content-Length: {len(BODY)}\r\nContent-Length: {len(BODY) + 1}\r\n\r\n{BODY}x",
    "two lengths in one": f"{HEAD}Content-Length: {len(BODY)}, {len(BODY) + 1}\r\n\r\n{BODY}x",
    "no name": f"{HEAD}: x\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}",
}
# A server may also take a folded header for one that goes on, a length given twice for one, and hand on a whole form.
HARMLESS = {
    "a folded header": "the header that nobody reads goes on",
    "a folded length": "it is this one",
}


@pytest.mark.parametrize("kind", ODD)
def test_ht15_our_forms_do_nothing_for_what_two_readers_read_in_two_ways(at: tuple[Street, str], kind: str) -> None:
    street, house = at
    raw = exchange(street.port(house), f"POST /.linkmw/language HTTP/1.1\r\n{ODD[kind]}".encode())
    assert raw.count(b"HTTP/1.1 ") <= 1, raw  # one request, one answer at most: nothing was smuggled
    status = read(raw).status if raw else 0
    assert status in ((303, 400) if kind in HARMLESS else (0, 400, 403, 411, 413, 415, 431, 501)), raw
    assert b"Sign in with ACME ID" in ask(street.port(house)).body  # and nobody waits for bytes that never come


@pytest.mark.parametrize("kind", ODD)
def test_ht15_at_the_login_it_is_the_products_as_ever(at: tuple[Street, str], kind: str) -> None:
    street, house = at
    sent = f"POST /login HTTP/1.1\r\n{ODD[kind]}".encode()
    bare, wrapped = exchange(street.port(f"{house}-bare"), sent), exchange(street.port(house), sent)
    assert bool(wrapped) == bool(bare)
    assert not bare or read(wrapped).plain == read(bare).plain
