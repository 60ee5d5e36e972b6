"""Logout tokens (OpenID Connect Back-Channel Logout 1.0, 2.6), with the conformance suite's eight hostile ones."""

from __future__ import annotations

from typing import Any

import pytest

from linkmw.errors import TokenRejected
from linkmw.oidc import logout_token
from linkmw.oidc.jose import sign

NOW = 1_800_000_000
ISSUER = "https://hub.example/o/shop"
CLIENT = "shop"
GONE = ...


def verify(forge, change: dict[str, Any] | None = None, now: int = NOW, **header: Any):
    claims = logout_token.claims_for(issuer=ISSUER, audience=CLIENT, now=NOW, jti="j1", subject="7", sid="s1")
    claims = {name: value for name, value in {**claims, **(change or {})}.items() if value is not GONE}
    token = forge.token(claims, **{"typ": "logout+jwt", **header})
    return logout_token.verify(token, forge.keys, issuer=ISSUER, audience=CLIENT, now=now)


def code_of(forge, change: dict[str, Any] | None = None, now: int = NOW, **header: Any) -> str:
    with pytest.raises(TokenRejected) as caught:
        verify(forge, change, now, **header)
    return caught.value.code


def test_what_the_hub_signs_the_gate_takes(forge, rsa_key):
    claims = logout_token.claims_for(issuer=ISSUER, audience=CLIENT, now=NOW, jti="j", sid="s1")
    token = sign(claims, rsa_key, typ=logout_token.TYP)
    assert logout_token.verify(token, forge.keys, issuer=ISSUER, audience=CLIENT, now=NOW) == claims
    assert "sub" not in claims


@pytest.mark.parametrize("typ", ["logout+jwt", "JWT", None])
def test_typed_and_untyped_providers(forge, typ):
    assert verify(forge, typ=typ)["sid"] == "s1"


def test_keycloak_says_logout_inside(forge):
    assert verify(forge, {"typ": "Logout"}, typ="JWT")["sub"] == "7"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"iss": "https://hub.example/o/blog"}, "token_issuer"),
        ({"iss": GONE}, "token_issuer"),
        ({"aud": "blog"}, "token_audience"),
        ({"aud": GONE}, "token_audience"),
        ({"aud": [CLIENT, "blog"]}, "token_azp"),
        ({"iat": GONE}, "token_iat"),
        ({"exp": GONE}, "token_exp"),
        ({"exp": NOW + 181}, "token_exp"),
        ({"exp": 2 * NOW + 60}, "token_exp"),
        ({"exp": NOW - 60}, "token_expired"),
        ({"iat": NOW - 181}, "token_too_old"),
        ({"sub": GONE, "sid": GONE}, "token_subject"),
        ({"sub": ""}, "token_subject"),
        ({"sid": 1}, "token_sid"),
        ({"events": GONE}, "token_events"),
        ({"events": {}}, "token_events"),
        ({"events": [logout_token.EVENT]}, "token_events"),
        ({"events": {logout_token.EVENT: True}}, "token_events"),
        ({"events": {"http://schemas.openid.net/event/other": {}}}, "token_events"),
        ({"nonce": "n"}, "token_nonce"),
        ({"nonce": None}, "token_nonce"),
        ({"jti": GONE}, "token_jti"),
        ({"jti": ""}, "token_jti"),
        ({"typ": "ID"}, "token_purpose"),
        ({"typ": "Refresh"}, "token_purpose"),
    ],
    ids=str,
)
def test_tv25_a_logout_token_that_is_wrong(forge, change, code):
    assert code_of(forge, change) == code


@pytest.mark.parametrize("alg", ["none", "HS256", "ES256"])
def test_tv25_a_logout_token_signed_otherwise(forge, alg):
    assert code_of(forge, alg=alg) == "token_algorithm"


def test_tv21_a_call_is_no_logout(forge):
    assert code_of(forge, typ="linkmw-call+jwt") == "token_type"


@pytest.mark.parametrize("change", [{"sub": GONE}, {"sid": GONE}])
def test_tv25_one_of_sub_and_sid_is_enough(forge, change):
    assert verify(forge, change)["jti"] == "j1"


def test_bc02_no_logout_token_outlives_the_memory_of_its_jti(forge):
    latest, first, last = {"iat": NOW + 60, "exp": NOW + 240}, NOW, NOW + 240
    for now in (first, last):
        assert verify(forge, latest, now=now)
    assert code_of(forge, latest, now=first - 1) == "token_issued_ahead"
    assert code_of(forge, latest, now=last + 1) == "token_too_old"
    assert last - first < logout_token.REMEMBER_SECONDS <= 241  # nor is anything kept for long


def test_tv25_an_old_token_that_is_not_too_old(forge):
    assert verify(forge, {"iat": NOW - 180, "exp": NOW})


@pytest.mark.parametrize("now", [NOW, NOW + 7, NOW + 127])
def test_bc02_a_logout_token_lives_two_minutes(now):
    claims = logout_token.claims_for(issuer=ISSUER, audience=CLIENT, now=now, jti="j1", sid="s1")
    assert (claims["iat"], claims["exp"]) == (now, now + 120)


def test_when_the_logout_happened_is_told_where_it_is_known():
    told = {"issuer": ISSUER, "audience": CLIENT, "now": NOW, "jti": "j", "sid": "s1"}
    assert logout_token.claims_for(**told, happened=NOW - 600)["toe"] == NOW - 600
    assert "toe" not in logout_token.claims_for(**told)
