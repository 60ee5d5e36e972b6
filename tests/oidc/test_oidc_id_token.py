"""ID tokens, attacked claim by claim (OpenID Connect Core 1.0, 3.1.3.7)."""

from __future__ import annotations

from typing import Any

import pytest

from linkmw.errors import TokenRejected
from linkmw.oidc import call_token, id_token, logout_token

NOW = 1_800_000_000
ISSUER = "https://kc.example/realms/acme"
CLIENT = "shop"
NONCE = "n" * 43
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "f6a1",
    "aud": CLIENT,
    "exp": NOW + 300,
    "iat": NOW - 1,
    "auth_time": NOW - 30,
    "nonce": NONCE,
    "typ": "ID",
    "azp": CLIENT,
    "sid": "s1",
}
GONE = ...
NO_TIMES = [GONE, None, [], {}, "123", str(NOW), True, False, 1.5, float(NOW), -1, 10**18, 10**12]
NO_TIMES_RAW = ["1e400", "Infinity", "-Infinity", "NaN", "1e18", "1e300", "1" * 5000]


def verify(forge, change: dict[str, Any] | None = None, header: dict[str, Any] | None = None, **arguments: Any):
    claims = {name: value for name, value in {**CLAIMS, **(change or {})}.items() if value is not GONE}
    token = forge.token(claims, **(header or {}))
    expected = {"issuer": ISSUER, "audience": CLIENT, "nonce": NONCE, "now": NOW, **arguments}
    return id_token.verify(token, forge.keys, **expected)


def code_of(forge, change: dict[str, Any] | None = None, header: dict[str, Any] | None = None, **arguments: Any) -> str:
    with pytest.raises(TokenRejected) as caught:
        verify(forge, change, header, **arguments)
    return caught.value.code


def test_a_good_id_token(forge):
    assert verify(forge) == CLAIMS
    assert "sid" not in verify(forge, {"sid": GONE})


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ("aud", "token_audience"),
        ("exp", "token_exp"),
        ("iat", "token_iat"),
        ("sub", "token_subject"),
        ("iss", "token_issuer"),
        ("nonce", "token_nonce"),
    ],
)
def test_tv04_conf_missing_claims(forge, claim, code):
    assert code_of(forge, {claim: GONE}) == code


@pytest.mark.parametrize(
    ("audience", "azp", "code"),
    [
        ([CLIENT, "evil"], GONE, "token_azp"),
        ([CLIENT, "evil"], "evil", "token_azp"),
        ([CLIENT, CLIENT], GONE, "token_azp"),
        (["api", CLIENT], GONE, "token_azp"),
        (CLIENT, "evil", "token_azp"),
        (CLIENT, [CLIENT], "token_azp"),
        (CLIENT, None, "token_azp"),
        ("evil", CLIENT, "token_audience"),
        (["evil"], CLIENT, "token_audience"),
        ([], CLIENT, "token_audience"),
        ([[CLIENT]], CLIENT, "token_audience"),
        ([CLIENT, 5], CLIENT, "token_audience"),
        ({CLIENT: 1}, CLIENT, "token_audience"),
        (f"{CLIENT} evil", CLIENT, "token_audience"),
        (CLIENT.upper(), CLIENT, "token_audience"),
        (None, CLIENT, "token_audience"),
        (1, CLIENT, "token_audience"),
    ],
)
def test_tv05_conf_invalid_aud(forge, audience, azp, code):
    assert code_of(forge, {"aud": audience, "azp": azp}) == code


@pytest.mark.parametrize(("audience", "azp"), [(CLIENT, GONE), ([CLIENT], GONE), ([CLIENT, "api"], CLIENT)])
def test_tv05_audiences_that_are_right(forge, audience, azp):
    assert verify(forge, {"aud": audience, "azp": azp})["sub"] == "f6a1"


@pytest.mark.parametrize("issuer", [ISSUER + "/", ISSUER.upper(), [ISSUER], {ISSUER: 1}, "", None, 1, ISSUER[:-1], "é"])
def test_tv06_conf_invalid_iss(forge, issuer):
    assert code_of(forge, {"iss": issuer}) == "token_issuer"


def test_tv06_an_issuer_that_was_not_configured_matches_nothing(forge):
    assert code_of(forge, {"iss": ""}, issuer="") == "token_issuer"


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf", "auth_time"])
@pytest.mark.parametrize("value", NO_TIMES[1:], ids=repr)
def test_tv07_a_time_that_is_none(forge, claim, value):
    assert code_of(forge, {claim: value}) == f"token_{claim}"


def test_tv07_the_last_time_is_the_end_of_the_year_9999(forge):
    assert verify(forge, {"exp": 253_402_300_799})
    assert code_of(forge, {"exp": 253_402_300_800}) == "token_exp"


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf", "auth_time"])
@pytest.mark.parametrize("literal", NO_TIMES_RAW, ids=lambda literal: literal[:9])
def test_tv07_a_time_only_json_readers_know(forge, claim, literal):
    payload = str({**CLAIMS, claim: 0}).replace("'", '"').replace(f'"{claim}": 0', f'"{claim}": {literal}').encode()
    with pytest.raises(TokenRejected) as caught:
        id_token.verify(
            forge.raw(forge.header, payload), forge.keys, issuer=ISSUER, audience=CLIENT, nonce=NONCE, now=NOW
        )
    assert caught.value.code in ("token_payload", f"token_{claim}")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"exp": NOW - 60}, "token_expired"),
        ({"exp": 0}, "token_expired"),
        ({"iat": NOW + 61}, "token_issued_ahead"),
        ({"iat": NOW + 11 * 24 * 3600, "exp": NOW + 12 * 24 * 3600}, "token_issued_ahead"),
        ({"iat": NOW - 601}, "token_too_old"),
        ({"nbf": NOW + 61}, "token_not_yet"),
        ({"auth_time": NOW + 61}, "token_auth_time"),
    ],
)
def test_tv08_out_of_its_time(forge, change, code):
    assert code_of(forge, change) == code


@pytest.mark.parametrize(
    "change", [{"exp": NOW - 59}, {"iat": NOW + 60}, {"iat": NOW - 600}, {"nbf": NOW + 60}, {"auth_time": NOW + 60}]
)
def test_tv08_a_minute_of_skew_is_forgiven(forge, change):
    assert verify(forge, change)["sub"] == "f6a1"


@pytest.mark.parametrize("change", [{"iat": NOW + 67}, {"nbf": NOW + 67}, {"nbf": NOW - 67}, {"auth_time": NOW + 67}])
def test_tv08_so_it_is_at_any_second(forge, change):
    assert verify(forge, change, now=NOW + 7)["sub"] == "f6a1"


@pytest.mark.parametrize("subject", ["", "x" * 256, "x" * 10_000, "a\0b", "a\nb", "a\u202eb", 1, None, ["a"], True])
def test_tv09_a_subject_that_is_none(forge, subject):
    assert code_of(forge, {"sub": subject}) == "token_subject"


def test_tv07_a_claim_that_nobody_needs_is_of_its_type(forge):
    assert code_of(forge, {"jti": None}) == "token_jti"
    assert verify(forge, {"jti": "x" * 300})["sub"] == "f6a1"


@pytest.mark.parametrize("subject", ["1", "x" * 255, "auth0|42", "Zoë"])
def test_tv09_subjects_people_have(forge, subject):
    assert verify(forge, {"sub": subject})["sub"] == subject


@pytest.mark.parametrize("sid", ["", "x" * 256, "a\0", 1, None])
def test_tv09_a_session_name_that_is_none(forge, sid):
    assert code_of(forge, {"sid": sid}) == "token_sid"


@pytest.mark.parametrize(
    ("change", "header", "code"),
    [
        # Keycloak's access token may carry our nonce and audience: its inner typ tells.
        ({"typ": "Bearer"}, {}, "token_purpose"),
        ({"typ": "Refresh"}, {}, "token_purpose"),
        ({"typ": "Logout"}, {}, "token_purpose"),
        ({"typ": ["ID"]}, {}, "token_purpose"),
        ({"typ": None}, {}, "token_purpose"),
        ({"events": {logout_token.EVENT: {}}}, {}, "token_purpose"),
        ({}, {"typ": "at+jwt"}, "token_type"),
        ({}, {"typ": "logout+jwt"}, "token_type"),
        ({}, {"typ": "linkmw-call+jwt"}, "token_type"),
    ],
)
def test_tv21_another_token_in_place_of_an_id_token(forge, change, header, code):
    assert code_of(forge, change, header) == code


def test_tv21_an_id_token_in_place_of_another(forge):
    token = forge.token(CLAIMS)
    with pytest.raises(TokenRejected) as as_logout:
        logout_token.verify(token, forge.keys, issuer=ISSUER, audience=CLIENT, now=NOW)
    with pytest.raises(TokenRejected) as as_call:
        call_token.verify(
            token, forge.keys, issuer=ISSUER, audience=CLIENT, method="POST", url="https://p/", body=b"", now=NOW
        )
    assert (as_logout.value.code, as_call.value.code) == ("token_exp", "token_type")


@pytest.mark.parametrize("nonce", ["", "n" * 42, "N" * 43, [NONCE], {NONCE: 1}, None, 1, "x" * 43, NONCE + "\0", "é"])
def test_tv22_conf_nonce_invalid(forge, nonce):
    assert code_of(forge, {"nonce": nonce}) == "token_nonce"


def test_tv22_no_nonce_was_sent_so_none_can_match(forge):
    assert code_of(forge, {"nonce": ""}, nonce="") == "token_nonce"


ACCESS_TOKEN = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"  # OpenID Connect Core 1.0, A.3
AT_HASH = "77QmUPtjPfzWtF2AnpK9RQ"


def test_at_hash_of_the_specification_s_own_example():
    assert id_token.at_hash(ACCESS_TOKEN) == AT_HASH


@pytest.mark.parametrize("at_hash", ["", AT_HASH[:-1], AT_HASH + "A", AT_HASH.lower(), [AT_HASH], None, 1])
def test_tv23_conf_invalid_athash(forge, at_hash):
    assert code_of(forge, {"at_hash": at_hash}, access_token=ACCESS_TOKEN) == "token_at_hash"


def test_tv23_at_hash_with_its_token_without_one_and_absent(forge):
    assert verify(forge, {"at_hash": AT_HASH}, access_token=ACCESS_TOKEN)
    assert verify(forge, {"at_hash": AT_HASH})
    assert verify(forge, access_token=ACCESS_TOKEN)


@pytest.mark.parametrize(
    ("auth_time", "code"),
    [(NOW - 961, "token_auth_too_old"), (0, "token_auth_too_old"), (GONE, "token_auth_time")],
)
def test_tv24_a_sign_in_older_than_asked_for(forge, auth_time, code):
    assert code_of(forge, {"auth_time": auth_time}, max_age=900) == code


def test_tv24_recent_enough_or_not_asked_for(forge):
    assert verify(forge, {"auth_time": NOW - 960}, max_age=900)
    assert verify(forge, {"auth_time": NOW}, max_age=0)
    assert verify(forge, {"auth_time": NOW - 953}, max_age=900, now=NOW + 7)
    assert verify(forge, {"auth_time": 0})
    assert verify(forge, {"auth_time": GONE})


def test_tv01_only_the_agreed_algorithm(ec_forge):
    assert code_of(ec_forge) == "token_algorithm"
    assert verify(ec_forge, algorithms=frozenset({"ES256"})) == CLAIMS


def test_tv03_claims_of_a_stranger(forge, stranger):
    token = stranger.token(CLAIMS, kid=forge.key.kid)
    with pytest.raises(TokenRejected) as caught:
        id_token.verify(token, forge.keys, issuer=ISSUER, audience=CLIENT, nonce=NONCE, now=NOW)
    assert caught.value.code == "token_signature"
