"""The account API: signed calls are answered, everything else is the product's own 404."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from tests.gate.world import ADA, BOB, NOW, SECRET_160, SETTINGS, SITE, World, streamed

from linkmw.errors import Unavailable
from linkmw.gate.hub_client import HubClient
from linkmw.gate.ports import Joining, Totp
from linkmw.gate.wire import BlockingWire
from linkmw.http import PASS, Request
from linkmw.oidc import call_token
from linkmw.oidc.jose import PrivateKey, sign
from linkmw.run import run_now

KEY = PrivateKey.generate("RS256")
URL = f"{SITE}/.linkmw/accounts"
LOOK_UP = json.dumps({"v": 1, "do": "look_up", "account_id": ADA.account_id}).encode()


@pytest.fixture
def world(world: World) -> World:
    """With the real client, whose hub has one key."""
    keys = httpx2.MockTransport(lambda _: streamed(httpx2.Response(200, json={"keys": [KEY.public_jwk()]})))
    world.having(hub=HubClient(SETTINGS, BlockingWire(keys), clock=lambda: 0.0, now=world.clock, token=world.token))
    return world


def signed(world: World, body: bytes = LOOK_UP, key: PrivateKey = KEY, **changes: Any) -> str:
    claims = call_token.claims_for(
        issuer=SETTINGS.issuer,
        audience="orders",
        method="POST",
        url=URL,
        body=body,
        now=world.clock(),
        jti=world.token(),
    )
    return sign({**claims, **changes}, key, typ=call_token.TYP)


def call(world: World, token: str, body: bytes = LOOK_UP, **request: Any) -> Any:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return world.answer(
        Request(**{"method": "POST", "path": "/.linkmw/accounts", "headers": headers, "body": body, **request})
    )


def test_a_signed_call_is_answered_and_the_answer_bound_to_it(world: World) -> None:
    answer = call(world, signed(world, jti="j" * 43))
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "v": 1,
        "jti": "j" * 43,
        "found": True,
        "username": "ada",
        "email": "ada@orders.example",
        "email_verified": False,
        "active": True,
        "usable_password": True,
    }


@pytest.mark.parametrize("staff", [True, False, None])
def test_pr27_who_is_staff_is_said_where_the_product_knows(world: World, staff: bool | None) -> None:
    world.product.staff = staff
    said = json.loads(call(world, signed(world)).body)
    assert said.get("staff", "nothing") == ("nothing" if staff is None else staff)


def test_an_account_that_is_gone_is_not_found(world: World) -> None:
    body = json.dumps({"v": 1, "do": "look_up", "account_id": "99"}).encode()
    assert json.loads(call(world, signed(world, body), body).body)["found"] is False


def test_bc01_unsigned_or_signed_by_another_key_is_the_products_own_404(world: World) -> None:
    other = PrivateKey.generate("RS256")
    for token in ("", "x", "a.b.c", signed(world, key=other), signed(world)[:-8]):
        assert call(world, token) is PASS
    headers = {"authorization": f"Basic {signed(world)}", "content-type": "application/json"}
    assert call(world, "", headers=headers) is PASS


def test_bc01_a_token_of_another_kind_client_or_issuer_is_no_call(world: World) -> None:
    assert call(world, signed(world, aud="wiki")) is PASS
    assert call(world, signed(world, iss="https://id.example/o/wiki")) is PASS
    claims = {"iss": SETTINGS.issuer, "aud": "orders", "iat": world.clock(), "exp": world.clock() + 60, "jti": "j"}
    assert call(world, sign(claims, KEY, typ="JWT")) is PASS


def test_bc02_a_call_counts_once(world: World) -> None:
    token = signed(world)
    assert call(world, token).status == 200
    assert call(world, token) is PASS
    world.clock.time += 59
    assert call(world, token) is PASS


def test_bc02_when_redis_cannot_say_the_call_does_not_count(world: World) -> None:
    class Silent:
        async def first_use(self, purpose: str, value: str, seconds: int) -> bool:
            raise Unavailable("Redis: TimeoutError")

    world.having(marks=Silent())
    assert call(world, signed(world)) is PASS


def test_bc03_body_path_query_and_method_are_under_the_signature(world: World) -> None:
    other = LOOK_UP.replace(b"17", b"23")
    assert call(world, signed(world), other) is PASS
    assert call(world, signed(world), LOOK_UP + b" ") is PASS
    assert call(world, signed(world, htu=f"{SITE}/.linkmw/logout")) is PASS
    assert call(world, signed(world, htu="https://evil.example/.linkmw/accounts")) is PASS
    assert call(world, signed(world, htm="GET")) is PASS
    assert call(world, signed(world), query_string="a=b") is PASS
    headers = {"authorization": f"Bearer {signed(world)}", "content-type": "text/plain"}
    assert call(world, "", headers=headers) is PASS


@pytest.mark.parametrize(("skew", "answered"), [(-61, False), (-59, True), (0, True), (59, True), (61, False)])
def test_bc04_a_minute_of_skew_is_forgiven_and_more_is_told_the_operator(
    world: World, caplog: pytest.LogCaptureFixture, skew: int, answered: bool
) -> None:
    now = world.clock()
    answer = call(world, signed(world, iat=now + skew, exp=now + skew + 60))
    assert (answer is not PASS) is answered
    assert ("token_clock" in caplog.text) is not answered


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"v":2,"do":"look_up","account_id":"17"}', b'{"v":1,"do":"delete","account_id":"17"}']
)
def test_a_call_that_asks_for_nothing_we_know_is_the_products_own_404(world: World, body: bytes) -> None:
    assert call(world, signed(world, body), body) is PASS


@pytest.mark.parametrize(
    "do", ["verify_password", "check_password", "verify_second_factor", "start_session", "set_password", "LOOK_UP", ""]
)
def test_bc09_the_hubs_own_key_opens_no_way_to_try_a_password(world: World, do: str) -> None:
    body = {"v": 1, "do": do, "account_id": ADA.account_id, "username": "ada", "password": "correct horse"}
    raw = json.dumps(body).encode()
    assert call(world, signed(world, raw), raw) is PASS
    looked_up = json.dumps({**body, "do": "look_up"}).encode()
    answer = json.loads(call(world, signed(world, looked_up), looked_up).body)
    assert answer.keys() == {
        *("v", "jti", "found", "username", "email", "email_verified", "active", "usable_password"),
    }
    assert (world.product.asked, world.product.sessions) == ([], {})


def test_bc08_no_other_method_finds_anything(world: World) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "PUT"):
        assert call(world, signed(world), method=method) is PASS


def test_bc08_a_refused_call_names_no_secret_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = signed(world, aud="wiki")
    call(world, token)
    assert "token_audience" in caplog.text
    assert token not in caplog.text


def asked(world: World, **question: Any) -> dict[str, Any]:
    """The answer to a signed question, without what binds it."""
    body = json.dumps({"v": 1, **question}).encode()
    answer = call(world, signed(world, body, jti="q" * 42 + str(len(world.token.made) % 10)), body)
    assert answer.status == 200, answer
    found = json.loads(answer.body)
    assert (found.pop("v"), found.pop("jti")[:42]) == (1, "q" * 42)
    return dict(found)


def test_ake09_an_account_is_found_by_exactly_its_name_or_address(world: World) -> None:
    for name in ("ada", "ada@orders.example"):
        found = asked(world, do="find", name=name)
        assert (found["found"], found["account_id"], found["username"]) == (True, "17", "ada")


def test_pr08_whoever_is_not_found_is_told_nothing_of(world: World) -> None:
    for name in ("", "Ada", "ada ", "ada\0", "nobody", "ADA@orders.example", "x" * 321):
        assert asked(world, do="find", name=name) == {"found": False}, name


def test_ake09_of_two_accounts_with_one_address_neither_is_found(world: World) -> None:
    world.product.accounts["ada2"] = replace(ADA, account_id="99", username="ada2")
    assert asked(world, do="find", name=ADA.email) == {"found": False}


def test_pr06_who_may_join_by_an_address(world: World) -> None:
    row = {"account_id": "17", "username": "ada", "allowed": True, "last_used": NOW - 86_400}
    assert asked(world, do="may_join", email=ADA.email) == {"accounts": [row]}


def test_pr06_the_products_no_is_a_no(world: World) -> None:
    world.product.unjoinable.add("17")
    assert [row["allowed"] for row in asked(world, do="may_join", email=ADA.email)["accounts"]] == [False]


def test_pr06_of_two_accounts_with_one_address_neither_may(world: World) -> None:
    world.product.accounts["ada2"] = replace(ADA, account_id="99", username="ada2")
    rows = asked(world, do="may_join", email=ADA.email)["accounts"]
    assert [(row["account_id"], row["allowed"]) for row in rows] == [("17", False), ("99", False)]


def test_pr06_nobody_past_a_second_factor_or_a_closed_account(world: World) -> None:
    world.product.factors["17"] = Totp(SECRET_160)
    world.product.inactive.add("23")
    for account in (ADA, BOB):
        rows = asked(world, do="may_join", email=account.email)["accounts"]
        assert [row["allowed"] for row in rows] == [False], account


def test_lt15_an_address_is_compared_exactly(world: World) -> None:
    for email in ("ADA@orders.example", "ada@orders.example.", " ada@orders.example", "ada@x@orders.example", ""):
        assert asked(world, do="may_join", email=email) == {"accounts": []}, email


def test_lt15_an_adapter_that_compares_loosely_is_not_believed(world: World) -> None:
    world.product.joining = lambda _email: [Joining(ADA, True)]  # type: ignore[method-assign]
    assert asked(world, do="may_join", email="Ada@orders.example") == {"accounts": []}


def test_pr10_a_hash_is_handed_out_once_by_its_transaction(world: World) -> None:
    run_now(world.ports.password_hashes.put("t" * 43, "$argon2id$v=19$…", 1800))
    assert asked(world, do="password_hash", transaction="u" * 43) == {"password_hash": ""}
    assert asked(world, do="password_hash", transaction="t" * 43) == {"password_hash": "$argon2id$v=19$…"}
    assert asked(world, do="password_hash", transaction="t" * 43) == {"password_hash": ""}


def test_pr10_an_unsigned_call_takes_none(world: World) -> None:
    run_now(world.ports.password_hashes.put("t" * 43, "$argon2id$v=19$…", 1800))
    body = json.dumps({"v": 1, "do": "password_hash", "transaction": "t" * 43}).encode()
    assert call(world, "", body) is PASS
    assert asked(world, do="password_hash", transaction="t" * 43)["password_hash"]


@pytest.mark.parametrize(
    "question", [{"do": "find"}, {"do": "may_join", "email": 1}, {"do": "password_hash"}, {"do": []}]
)
def test_bc08_half_a_question_is_the_products_own_404(world: World, question: dict[str, Any]) -> None:
    body = json.dumps({"v": 1, **question}).encode()
    assert call(world, signed(world, body), body) is PASS
