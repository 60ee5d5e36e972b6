"""Signed calls, hub to product (docs/protocol.md, 5), attacked."""

from __future__ import annotations

from typing import Any

import pytest

from linkmw.errors import TokenRejected
from linkmw.oidc import call_token
from linkmw.oidc.jose import KeySet, sign

NOW = 1_800_000_000
CALL: dict[str, Any] = {
    "issuer": "https://hub.example/o/shop",
    "audience": "shop",
    "method": "POST",
    "url": "https://shop.example/.linkmw/accounts",
    "body": b'{"v":1,"do":"look_up","account_id":"7"}',
    "now": NOW,
}
GONE = ...


def code_of(token: str, keys: KeySet, **change: Any) -> str:
    with pytest.raises(TokenRejected) as caught:
        call_token.verify(token, keys, **{**CALL, **change})
    return caught.value.code


def forged(forge, change: dict[str, Any] | None = None, **header: Any) -> str:
    claims = {**call_token.claims_for(**CALL, jti="j1"), **(change or {})}
    claims = {name: value for name, value in claims.items() if value is not GONE}
    return forge.token(claims, **{"typ": call_token.TYP, **header})


@pytest.mark.parametrize("which", ["forge", "ec_forge"])
def test_what_the_hub_signs_the_product_takes(request, which):
    forge = request.getfixturevalue(which)
    claims = call_token.claims_for(**CALL, jti="j1")
    token = sign(claims, forge.key, typ=call_token.TYP)
    assert call_token.verify(token, forge.keys, **CALL) == claims


def test_bc01_no_signature_a_short_one_or_a_stranger_s(forge, stranger):
    good = forged(forge)
    head, payload, signature = good.split(".")
    assert code_of("", forge.keys) == "token_parts"
    assert code_of(f"{head}.{payload}.", forge.keys) == "token_encoding"
    assert code_of(f"{head}.{payload}.{signature[:64]}", forge.keys) == "token_signature"
    assert code_of(forged(stranger, kid=forge.key.kid), forge.keys) == "token_signature"
    assert code_of(forged(stranger), forge.keys) == "token_unknown_key"
    assert code_of(good, KeySet(())) == "token_unknown_key"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"iss": "https://hub.example/o/blog"}, "token_issuer"),  # another product's
        ({"iss": "https://shop.example"}, "token_issuer"),  # the other direction, reflected
        ({"aud": "blog"}, "token_audience"),
        ({"aud": ["shop", "blog"]}, "token_azp"),
        ({"jti": GONE}, "token_jti"),
        ({"jti": 1}, "token_jti"),
        ({"htm": GONE}, "token_htm"),
        ({"htu": GONE}, "token_htu"),
        ({"digest": GONE}, "token_digest"),
        ({"digest": ""}, "token_digest"),
        ({"iat": GONE}, "token_iat"),
        ({"exp": GONE}, "token_exp"),
        ({"exp": NOW + 61}, "token_exp"),
        ({"exp": NOW}, "token_exp"),
        ({"exp": NOW - 1}, "token_exp"),
        ({"exp": 2 * NOW + 30}, "token_exp"),
        ({"nbf": NOW + 61}, "token_not_yet"),
        ({"nbf": "0"}, "token_nbf"),
        ({"sub": ["17"]}, "token_subject"),
    ],
    ids=str,
)
def test_bc01_a_call_for_somebody_else_or_for_nothing(forge, change, code):
    assert code_of(forged(forge, change), forge.keys) == code


@pytest.mark.parametrize("typ", ["JWT", "logout+jwt", None, "at+jwt"])
def test_bc01_tv21_another_token_is_no_call(forge, typ):
    assert code_of(forged(forge, typ=typ), forge.keys) == "token_type"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"body": b""}, "token_digest"),
        ({"body": CALL["body"] + b" "}, "token_digest"),
        ({"body": b'{"do":"look_up","v":1,"account_id":"7"}'}, "token_digest"),  # reordered
        ({"body": CALL["body"].replace(b"7", b"8")}, "token_digest"),
        ({"method": "GET"}, "token_htm"),
        ({"method": "post"}, "token_htm"),
        ({"url": CALL["url"] + "?a=1"}, "token_htu"),
        ({"url": CALL["url"] + "/"}, "token_htu"),
        ({"url": "https://shop.example/.linkmw/logout"}, "token_htu"),
        ({"url": "http://shop.example/.linkmw/accounts"}, "token_htu"),
        ({"url": "https://blog.example/.linkmw/accounts"}, "token_htu"),
        ({"url": CALL["url"].replace("shop.example", "SHOP.example")}, "token_htu"),
    ],
    ids=str,
)
def test_bc03_what_arrives_is_what_was_signed(forge, change, code):
    assert code_of(forged(forge), forge.keys, **change) == code


@pytest.mark.parametrize("skew", [-60, -59, 0, 59, 60])
def test_bc04_a_minute_of_skew_is_forgiven(forge, skew):
    assert call_token.verify(forged(forge), forge.keys, **{**CALL, "now": NOW + skew})["jti"] == "j1"


@pytest.mark.parametrize("skew", [-3600, -61, 61, 3600])
def test_bc04_more_skew_is_refused_with_a_code_of_its_own(forge, skew):
    with pytest.raises(TokenRejected, match="clocks") as caught:
        call_token.verify(forged(forge), forge.keys, **{**CALL, "now": NOW + skew})
    assert caught.value.code == "token_clock"


def test_bc02_no_call_outlives_the_memory_of_its_jti(forge):
    ahead, first, last = forged(forge, {"iat": NOW + 60, "exp": NOW + 120}), NOW, NOW + 120
    for now in (first, last):
        assert call_token.verify(ahead, forge.keys, **{**CALL, "now": now})
    for now in (first - 1, last + 1):
        assert code_of(ahead, forge.keys, now=now) == "token_clock"
    assert last - first < call_token.REMEMBER_SECONDS <= 180  # nor is anything kept for long


@pytest.mark.parametrize("now", [NOW, NOW + 7, NOW + 63])
def test_bc02_a_call_lives_a_minute(now):
    claims = call_token.claims_for(**{**CALL, "now": now}, jti="j1")
    assert (claims["iat"], claims["exp"]) == (now, now + 60)


def test_bc04_a_call_may_live_a_second(forge):
    assert call_token.verify(forged(forge, {"exp": NOW + 1}), forge.keys, **CALL)["exp"] == NOW + 1
