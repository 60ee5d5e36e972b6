"""The authorization request and its answer, both sides."""

from __future__ import annotations

import reprlib
import secrets
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from linkmw.errors import ProtocolError, ProviderRefused, RequestRefused, StateMismatch
from linkmw.http import Params, read_query
from linkmw.model import AuthorizationRequest, Client, SignIn
from linkmw.oidc import authorize
from linkmw.oidc.authorize import CodeUse, RedirectableError
from linkmw.secret import Secret

ISSUER = "https://kc.example/realms/acme"
# RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
WAITING = SignIn("s" * 43, Secret("n" * 43), Secret(VERIFIER), "/orders", 1_800_000_000)


def token() -> str:
    return secrets.token_urlsafe(32)


# ---- relying party


def test_fc16_challenge_of_rfc_7636_appendix_b():
    assert authorize.code_challenge(VERIFIER) == CHALLENGE


@pytest.mark.parametrize("verifier", ["", "short", "a" * 42, "a" * 129, "a" * 43 + "\n", "é" * 43, "a b" * 15])
def test_fc16_a_verifier_that_is_none_is_a_defect(verifier):
    with pytest.raises(ValueError):
        authorize.code_challenge(verifier)


def test_fc16_every_sign_in_has_its_own_state_nonce_and_verifier():
    sign_ins = [authorize.new_sign_in(token, "/orders", 7, flow="f") for _ in range(100)]
    values = {value for one in sign_ins for value in (one.state, one.nonce, one.verifier)}
    assert len(values) == 300
    assert all(authorize.code_challenge(one.verifier) for one in sign_ins)
    assert (sign_ins[0].then, sign_ins[0].started, sign_ins[0].flow) == ("/orders", 7, "f")
    assert sign_ins[0].verifier not in repr(sign_ins[0])


def asked(endpoint: str = f"{ISSUER}/auth", **extra: str) -> dict[str, list[str]]:
    url = authorize.request_url(
        endpoint,
        client_id="hub",
        redirect_uri="https://hub.example/t/acme/callback?a=1&b=2",
        state="s&state=evil",
        nonce="n",
        verifier=VERIFIER,
        **extra,
    )
    assert url.startswith(endpoint)
    return parse_qs(urlsplit(url).query, strict_parsing=True)


def test_fc16_the_request_url_says_s256_and_encodes_everything():
    assert asked() == {
        "response_type": ["code"],
        "client_id": ["hub"],
        "redirect_uri": ["https://hub.example/t/acme/callback?a=1&b=2"],
        "scope": ["openid"],
        "state": ["s&state=evil"],
        "nonce": ["n"],
        "code_challenge": [CHALLENGE],
        "code_challenge_method": ["S256"],
    }


def test_fc18_own_parameters_are_neither_doubled_nor_replaced():
    found = asked(prompt="login", max_age="900", login_hint="", response_type="token", code_challenge_method="plain")
    assert (found["prompt"], found["max_age"]) == (["login"], ["900"])
    assert (found["response_type"], found["code_challenge_method"]) == (["code"], ["S256"])
    assert "login_hint" not in found


def test_an_endpoint_with_a_query_keeps_it():
    assert asked(f"{ISSUER}/auth?kc=1")["kc"] == ["1"]


def answer(**params: str) -> Params:
    return Params({"state": WAITING.state, "code": "c0de", "iss": ISSUER, **params}.items())


def read(query: Params, expected: SignIn | None = WAITING, promised: bool = True) -> str:
    return authorize.read_answer(query, expected, ISSUER, promised)


def code_of(query: Params, expected: SignIn | None = WAITING, promised: bool = True) -> str:
    with pytest.raises(ProtocolError) as caught:
        read(query, expected, promised)
    return caught.value.code


def test_a_good_answer():
    assert read(answer()) == "c0de"
    assert read(Params({"state": WAITING.state, "code": "c0de"}.items()), promised=False) == "c0de"


@pytest.mark.parametrize("query", ["", "code=c0de", "state=&code=c0de", "error=access_denied"])
@pytest.mark.parametrize("expected", [None, WAITING])
def test_fc01_an_answer_without_state(query, expected):
    assert code_of(read_query(query), expected) == "state_missing"


def test_fc02_fc05_an_answer_nobody_here_waits_for():
    with pytest.raises(StateMismatch):
        read(answer(), None)
    with pytest.raises(StateMismatch):
        read(answer(state="S" * 43))
    with pytest.raises(StateMismatch):
        read(answer(state="é\ud800"[:1]))


def test_fc05_the_second_use_finds_no_sign_in_and_says_so_before_anything_else():
    assert code_of(answer(error="access_denied", iss="https://evil.example"), None) == "state_mismatch"


@pytest.mark.parametrize("name", ["state", "code", "iss", "error"])
@pytest.mark.parametrize("second", ["same", "other"])
def test_fc08_a_parameter_given_twice(name, second):
    pairs = list({"state": WAITING.state, "code": "c0de", "iss": ISSUER, "error": "x"}.items())
    again = dict(pairs)[name] if second == "same" else "other"
    for query in (Params([*pairs, (name, again)]), Params([(name, again), *pairs])):
        with pytest.raises(RequestRefused) as caught:
            read(query)
        assert (caught.value.code, caught.value.status) == ("duplicate_parameter", 400)


@pytest.mark.parametrize("issuer", ["", "https://evil.example", ISSUER + "/", ISSUER.upper()])
@pytest.mark.parametrize("promised", [True, False])
def test_fc09_an_answer_from_another_issuer(issuer, promised):
    assert code_of(answer(iss=issuer), promised=promised) == "issuer_mismatch"
    assert code_of(answer(iss=issuer, error="access_denied"), promised=promised) == "issuer_mismatch"


def test_fc09_a_promised_issuer_that_is_absent():
    assert code_of(Params({"state": WAITING.state, "code": "c0de"}.items())) == "issuer_mismatch"


def test_fc11_an_error_beats_a_code_and_is_cut_short():
    html = "<script>\r\n\0é" * 2000
    with pytest.raises(ProviderRefused) as caught:
        read(answer(error="access_denied" + "x" * 999, error_description=html))
    assert caught.value.error.startswith("access_denied")
    assert len(caught.value.error) == 64
    assert len(caught.value.description) <= 200
    assert caught.value.description.isascii()
    assert caught.value.description.isprintable()
    with pytest.raises(ProviderRefused) as caught:
        read(answer(error="access_denied", error_description="x" * 999))
    assert caught.value.description == "x" * 200
    assert code_of(answer(error="access_denied")) == "provider_refused"
    assert code_of(Params({"state": WAITING.state, "iss": ISSUER, "error": "x"}.items())) == "provider_refused"


@pytest.mark.parametrize("code", ["", "x" * 2049, "a\nb", "é", "\0"])
def test_fc13_no_code_no_answer(code):
    assert code_of(answer(code=code)) == "code_missing"
    assert code_of(answer(code=code, id_token="a.b.c", access_token="x")) == "code_missing"


def test_fc13_the_longest_code():
    assert read(answer(code="x" * 2048)) == "x" * 2048


# ---- provider

SHOP = Client("shop", "acme", "Shop", "https://shop.example", "https://shop.example/.linkmw/callback")
ELSEWHERE = replace(SHOP, proof="none", pkce_required=False)
ASK: dict[str, Any] = {
    "response_type": "code",
    "client_id": "shop",
    "redirect_uri": SHOP.redirect_uri,
    "scope": "openid",
    "state": "s",
    "nonce": "n",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def query_of(**change: str | None) -> Params:
    return read_query(urlencode({name: value for name, value in {**ASK, **change}.items() if value is not None}))


def refusal(client: Client = SHOP, **change: str | None) -> str:
    with pytest.raises(RedirectableError) as caught:
        authorize.read_request(query_of(**change), client)
    assert caught.value.description
    return caught.value.error


def test_our_own_request_url_is_a_request_we_take():
    sign_in = authorize.new_sign_in(token, "/", 0)
    url = authorize.request_url(
        "https://hub.example/o/shop/authorize",
        client_id="shop",
        redirect_uri=SHOP.redirect_uri,
        state=sign_in.state,
        nonce=sign_in.nonce,
        verifier=sign_in.verifier,
        scope="openid email",
        max_age="900",
        prompt="login",
    )
    assert authorize.read_request(read_query(urlsplit(url).query), SHOP) == AuthorizationRequest(
        client_id="shop",
        redirect_uri=SHOP.redirect_uri,
        state=sign_in.state,
        nonce=sign_in.nonce,
        code_challenge=authorize.code_challenge(sign_in.verifier),
        scope=("openid", "email"),
        prompt="login",
        max_age=900,
    )


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": None},
        {"client_id": "blog"},
        {"client_id": "SHOP"},
        {"client_id": "shops"},
        {"redirect_uri": None},
        {"redirect_uri": ""},
        {"redirect_uri": SHOP.redirect_uri + "/"},
        {"redirect_uri": SHOP.redirect_uri + "?x=1"},
        {"redirect_uri": SHOP.redirect_uri + "#x"},
        {"redirect_uri": SHOP.redirect_uri.upper()},
        {"redirect_uri": "https://shop.example:443/.linkmw/callback"},
        {"redirect_uri": "https://shop.example/.linkmw/x/../callback"},
        {"redirect_uri": "https://shop.example@evil.example/.linkmw/callback"},
        {"redirect_uri": "https://evil.example/"},
        {"state": "s" * 513},
        {"state": "a\r\nb"},
        {"state": "é"},
    ],
    ids=reprlib.repr,
)
def test_a_wrong_client_redirect_uri_or_state_is_never_redirected(change):
    with pytest.raises(RequestRefused):
        authorize.read_request(query_of(**change), SHOP)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state"])
def test_fc08_what_a_redirect_rests_on_given_twice(name):
    query = Params([*query_of(), (name, ASK[name])])
    with pytest.raises(RequestRefused) as caught:
        authorize.read_request(query, SHOP)
    assert caught.value.code == "duplicate_parameter"


@pytest.mark.parametrize("name", ["nonce", "scope", "response_type", "code_challenge", "code_challenge_method", "x"])
def test_fc08_any_other_parameter_given_twice(name):
    query = Params([*query_of(x="1"), (name, "1")])
    with pytest.raises(RedirectableError) as caught:
        authorize.read_request(query, SHOP)
    assert caught.value.error == "invalid_request"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": ""}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"request_uri": "https://evil.example"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "email"}, "invalid_scope"),
        ({"scope": "openidx"}, "invalid_scope"),
        ({"state": None}, "invalid_request"),
        ({"nonce": None}, "invalid_request"),
        ({"nonce": "n" * 513}, "invalid_request"),
        ({"nonce": "\n"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "9" * 10}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
    ],
    ids=reprlib.repr,
)
def test_a_request_that_is_refused_at_the_redirect_uri(change, error):
    assert refusal(**change) == error


@pytest.mark.parametrize(
    "change",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge_method": None},  # no method means plain (RFC 7636, 4.3)
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge": "A" * 42},
        {"code_challenge": "A" * 44},
        {"code_challenge": "A" * 42 + "="},
        {"code_challenge": "A" * 42 + "\n"},
        {"code_challenge": ""},
    ],
    ids=reprlib.repr,
)
def test_fc16_pkce_is_s256_and_nothing_else(change):
    assert refusal(**change) == "invalid_request"
    if change != {"code_challenge": None, "code_challenge_method": None}:
        assert refusal(ELSEWHERE, **change) == "invalid_request"


def test_a_client_without_a_gate_may_do_with_less():
    query = query_of(code_challenge=None, code_challenge_method=None, state=None, nonce=None)
    request = authorize.read_request(query, ELSEWHERE)
    assert (request.code_challenge, request.state, request.nonce) == ("", "", "")


def test_unknown_parameters_and_scopes_are_ignored():
    request = authorize.read_request(query_of(acr_values="9", scope="email openid offline_access"), SHOP)
    assert request.scope == ("openid", "email")
    assert request.prompt == ""
    assert request.max_age is None
    assert authorize.read_request(query_of(response_mode="query", max_age="0"), SHOP).max_age == 0


def test_the_longest_state_and_nonce():
    request = authorize.read_request(query_of(state="s" * 512, nonce="n" * 512), SHOP)
    assert (request.state, request.nonce) == ("s" * 512, "n" * 512)


@pytest.mark.parametrize("prompt", ["", "none", "login", "login consent"])
def test_prompts_that_are_understood(prompt):
    assert authorize.read_request(query_of(prompt=prompt), SHOP).prompt == prompt


GRANTED = CodeUse("shop", SHOP.redirect_uri)


def test_pkce_the_verifier_of_whoever_began():
    authorize.verify_code(GRANTED, GRANTED, verifier=VERIFIER, challenge=CHALLENGE)
    authorize.verify_code(GRANTED, GRANTED, verifier="", challenge="")


@pytest.mark.parametrize(
    ("given", "verifier", "challenge"),
    [
        (replace(GRANTED, client_id="blog"), VERIFIER, CHALLENGE),
        (replace(GRANTED, redirect_uri=""), VERIFIER, CHALLENGE),
        (replace(GRANTED, redirect_uri=SHOP.redirect_uri + "/"), VERIFIER, CHALLENGE),
        (GRANTED, "", CHALLENGE),
        (GRANTED, VERIFIER[:-1] + "A", CHALLENGE),
        (GRANTED, CHALLENGE, CHALLENGE),  # plain
        (GRANTED, VERIFIER + "é", CHALLENGE),
        (GRANTED, "short", CHALLENGE),
        (GRANTED, VERIFIER, ""),  # the challenge was taken out on the way (RFC 9700, 4.8.2)
    ],
)
def test_fc07_a_code_used_by_somebody_else_or_elsewhere(given, verifier, challenge):
    with pytest.raises(RequestRefused) as caught:
        authorize.verify_code(given, GRANTED, verifier=verifier, challenge=challenge)
    assert caught.value.code == "invalid_grant"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("de-CH fr en", "de-CH fr en"),
        ("zh-Hant-TW", "zh-Hant-TW"),
        ("", ""),
        ("d <b> de_DE 7 de", "de"),
        ("de" + "-x" * 500, ""),
        (" ".join(["de"] * 50), " ".join(["de"] * 10)),
    ],
)
def test_ui_locales_are_tags_in_order_and_never_an_error(given, read):
    assert authorize.read_request(query_of(ui_locales=given), SHOP).ui_locales == read
