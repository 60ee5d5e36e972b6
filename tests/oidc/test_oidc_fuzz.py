"""Readers of other people's bytes: no exception but our own, and nothing accepted that joserfc would refuse."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet as JoserfcKeySet

from linkmw.errors import ProtocolError, TokenRejected
from linkmw.http import Params
from linkmw.model import Client, SignIn
from linkmw.oidc import authorize, base64url, call_token, id_token, logout_token, metadata, strict_json
from linkmw.oidc.jose import KeySet, verify_signature
from linkmw.secret import Secret

NOW = 1_800_000_000
BOTH = frozenset({"RS256", "ES256"})


def words(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from(text.split())


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)
claim_names = words("iss sub aud azp exp iat nbf nonce at_hash auth_time sid events jti typ htm htu digest")
header_names = words("alg kid typ crit b64 jwk jku x5u x5c zip enc cty x5t")


@pytest.fixture(scope="module")
def documents(rsa_key, ec_key) -> dict[str, Any]:
    return {"keys": [rsa_key.public_jwk(), ec_key.public_jwk()]}


@pytest.fixture(scope="module")
def keys(documents) -> KeySet:
    return KeySet.read(documents)


def every_verifier(token: Any, keys: KeySet, typ: str = "jwt") -> list[object]:
    """What each verifier accepts of `token`; whatever they refuse, they refuse with a short code."""
    who: dict[str, Any] = {"issuer": "i", "audience": "a", "now": NOW}
    accepted: list[object] = []
    codes: list[str] = []
    for check in (
        lambda: verify_signature(token, keys, algorithms=BOTH, types=frozenset({typ, ""})),
        lambda: id_token.verify(token, keys, **who, nonce="n", access_token="x", max_age=1),
        lambda: logout_token.verify(token, keys, **who),
        lambda: call_token.verify(token, keys, **who, method="POST", url="u", body=b""),
    ):
        try:
            accepted.append(check())
        except TokenRejected as rejected:
            codes.append(rejected.code)
    assert all(code.startswith("token_") and code.isascii() and len(code) < 32 for code in codes)
    return accepted


@given(st.one_of(st.text(max_size=60), st.binary(max_size=60).map(base64url.encode), values))
def test_tv18_no_text_breaks_the_verifiers(keys, token):
    assert every_verifier(token, keys) == []


@given(st.lists(st.binary(min_size=1, max_size=40).map(base64url.encode), min_size=3, max_size=3).map(".".join))
def test_tv18_no_three_parts_break_the_verifiers(keys, token):
    assert every_verifier(token, keys) == []


@given(st.dictionaries(header_names, values, max_size=4), st.dictionaries(claim_names, values, max_size=6))
def test_tv18_no_signed_token_breaks_the_verifiers(forge, keys, header, claims):
    """What a hostile but genuine issuer could send: the signature is right whatever is under it."""
    every_verifier(forge.raw({**forge.header, **header}, claims), keys)


@given(st.binary(max_size=80))
def test_tv18_no_bytes_break_the_json_reader(data):
    try:
        found = strict_json.read_object(data)
    except ValueError:
        return
    assert found == json.loads(data)


@given(st.dictionaries(st.text(max_size=8), values, max_size=4))
def test_strict_json_reads_what_is_plain(value):
    written = json.dumps(value).encode()
    try:
        assert strict_json.read_object(written) == value
    except ValueError:  # depth, digits, NaN, surrogates: refused, never misread
        return


@given(st.text(max_size=30))
def test_tv17_base64url_has_one_spelling(text):
    try:
        data = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(data) == text


@given(st.one_of(values, st.fixed_dictionaries({"keys": st.lists(values, max_size=3)})))
def test_tv12_no_document_breaks_the_key_reader(document):
    with suppress(TokenRejected):
        assert KeySet.read(document) == KeySet(())


@given(st.dictionaries(words("kty kid use alg n e crv x y d key_ops"), values, max_size=5), st.sampled_from([0, 1]))
def test_tv12_no_key_breaks_the_key_reader(documents, change, which):
    assert len(KeySet.read({"keys": [{**documents["keys"][which], **change}]}).keys) <= 1


@given(values, st.dictionaries(st.sampled_from(sorted(metadata.provider_document("i", []))), values, max_size=6))
def test_kf01_no_document_breaks_the_metadata_reader(other, change):
    for document in (other, {**metadata.provider_document("https://kc.example", []), **change}):
        with suppress(ProtocolError):
            assert metadata.read_provider(document, "https://kc.example").issuer == "https://kc.example"


pairs = st.lists(
    st.tuples(
        words(
            "state code iss error error_description client_id redirect_uri scope nonce prompt max_age response_type "
            "response_mode code_challenge code_challenge_method request x"
        ),
        st.one_of(st.text(max_size=20), st.sampled_from(["s", "shop", "https://shop.example/cb", "code", "S256"])),
    ),
    max_size=12,
)
SHOP = Client("shop", "acme", "Shop", "https://shop.example", "https://shop.example/cb")


@given(pairs)
def test_fc11_no_answer_and_no_request_breaks_its_reader(given_pairs):
    sign_in = SignIn("s", Secret("n"), Secret("v"), "/", 0)
    for read in (
        lambda: authorize.read_answer(Params(given_pairs), sign_in, "i", False),
        lambda: authorize.read_request(Params(given_pairs), SHOP),
        lambda: authorize.read_request(
            Params([("client_id", "shop"), ("redirect_uri", SHOP.redirect_uri), *given_pairs]), SHOP
        ),
    ):
        with suppress(ProtocolError):
            read()


# ---- against another reader


def mutated(token: str, chance: random.Random) -> str:
    """One token, damaged in one of the ways people damage tokens."""
    parts = token.split(".")
    which = chance.randrange(3)
    text = parts[which]
    at = chance.randrange(len(text))
    letter = chance.choice("ABCDEFabcdef0123456789-_=+/. ")
    way = chance.randrange(7)
    if way == 0:
        parts[which] = text[:at] + letter + text[at + 1 :]
    elif way == 1:
        parts[which] = text[:at] + letter + text[at:]
    elif way == 2:
        parts[which] = text[:at] + text[at + 1 :]
    elif way == 3:
        parts[which] = text[:-1] + chance.choice("ABCDEFGHIJKLMNOPabcdefghijklmnop0123456789-_")
    elif way == 4:
        parts[chance.randrange(3)] = text
    elif way == 5:
        data = bytearray(base64url.decode(text))
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        parts[which] = base64url.encode(bytes(data))
    else:
        return token  # sound: the test must see acceptances, too
    return ".".join(parts)


def hostile_headers(chance: random.Random) -> dict[str, Any]:
    return chance.choice(
        [
            {},
            {},
            {"kid": "other"},
            {"alg": "ES256"},
            {"alg": "none"},
            {"crit": ["exp"]},
            {"crit": []},
            {"b64": False},
            {"typ": "at+jwt"},
            {"zip": "DEF"},
            {"alg": ["RS256"]},
            {"kid": 5},
        ]
    )


def joserfc_accepts(token: str, keys: JoserfcKeySet) -> bool:
    try:
        jws.deserialize_compact(token, keys, algorithms=["RS256", "ES256"])
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return True


@pytest.mark.parametrize("seed", range(4))
def test_tv03_what_we_accept_joserfc_accepts(forge, ec_forge, keys, documents, seed):
    """The differential oracle (security.md, section 4): another library, never more lenient from us."""
    chance = random.Random(seed)
    theirs = JoserfcKeySet.import_key_set(documents)
    forges = (forge, ec_forge)
    originals = [chance.choice(forges).token({"sub": str(n)}, **hostile_headers(chance)) for n in range(60)]
    accepted = refused = 0
    for _ in range(1500):
        token = mutated(chance.choice(originals), chance)
        try:
            verify_signature(token, keys, algorithms=BOTH, types=frozenset({"jwt"}))
        except TokenRejected:
            refused += 1
        else:
            accepted += 1
            assert joserfc_accepts(token, theirs), token
    assert accepted > 20
    assert refused > 1000
