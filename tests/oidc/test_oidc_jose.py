"""The fence around python-jose, attacked. What python-jose alone makes of each is in security.md, section 2, TV."""

from __future__ import annotations

import importlib.util
import json
import reprlib
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from hmac import digest
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from linkmw.errors import TokenRejected
from linkmw.oidc import base64url, jose
from linkmw.oidc.jose import KeySet, PrivateKey, sign, verify_signature

RS256 = frozenset({"RS256"})
BOTH = frozenset({"RS256", "ES256"})
JWT = frozenset({"jwt", ""})
CLAIMS = {"sub": "1", "iss": "https://kc.example"}


def verify(token: Any, keys: KeySet, algorithms: frozenset[str] = BOTH) -> dict[str, Any]:
    return verify_signature(token, keys, algorithms=algorithms, types=JWT)


def code_of(token: Any, keys: KeySet, algorithms: frozenset[str] = BOTH) -> str:
    with pytest.raises(TokenRejected) as caught:
        verify(token, keys, algorithms)
    return caught.value.code


def part(value: object) -> str:
    return base64url.encode(value if isinstance(value, bytes) else json.dumps(value).encode())


# ---- what is right passes


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_what_we_sign_we_verify(algorithm):
    key = PrivateKey.generate(algorithm)
    token = sign({**CLAIMS, "name": "Zoë"}, key, typ="JWT")
    assert verify(token, KeySet.read({"keys": [key.public_jwk()]})) == {**CLAIMS, "name": "Zoë"}


def test_conf_idtoken_sig_rs256(forge):
    assert verify(forge.token(CLAIMS), forge.keys, RS256) == CLAIMS


def test_es256_when_agreed(ec_forge):
    assert verify(ec_forge.token(CLAIMS), ec_forge.keys) == CLAIMS
    assert code_of(ec_forge.token(CLAIMS), ec_forge.keys, RS256) == "token_algorithm"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_key_survives_its_pem(algorithm):
    key = PrivateKey.generate(algorithm)
    assert PrivateKey.from_pem(key.pem()) == key
    assert "PRIVATE" not in repr(key)


def test_kid_is_the_thumbprint_of_rfc_7638():
    # The key of RFC 7638, 3.1, and what that section says its thumbprint is.
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"
        "jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6q"
        "MQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awap"
        "JzKnqDKgw"
    )
    thumbprint = jose._thumbprint({"kty": "RSA", "n": modulus, "e": "AQAB"})
    assert thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_signing_refuses_what_is_no_json(rsa_key):
    with pytest.raises(ValueError):
        sign({"exp": float("inf")}, rsa_key, typ="JWT")


def test_what_is_published_of_a_key_is_as_short_as_it_can_be(rsa_key):
    """RFC 7518, 6.3.1: the fewest octets. Its thumbprint is its name, so that one key has one name."""
    public = rsa_key.public_jwk()
    assert rsa_key.key.key_size == 2048
    assert (len(base64url.decode(public["n"])), public["e"]) == (256, "AQAB")
    odd = rsa.RSAPublicNumbers(2**24 - 1, 2**2048 + 1).public_key()  # 2049 bits
    numbers = jose._rsa_jwk(odd)
    assert (base64url.decode(numbers["n"])[0], base64url.decode(numbers["e"])) == (1, b"\xff" * 3)


@pytest.mark.parametrize("algorithm", ["HS256", "none", "PS256", "RS512", ""])
def test_there_are_two_algorithms_to_sign_with(algorithm):
    with pytest.raises(ValueError):
        PrivateKey.generate(algorithm)


def test_a_signing_key_of_another_size_is_refused():
    for key in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP384R1())):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        with pytest.raises(ValueError):
            PrivateKey.from_pem(pem)


# ---- the algorithm


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "", None, ["RS256"], ["none"], 1, True, {"RS256": 1}, "RS512"])
def test_tv01_an_algorithm_that_was_not_agreed(forge, alg):
    header = {**forge.header, "alg": alg}
    assert code_of(forge.raw(header, CLAIMS), forge.keys) == "token_algorithm"
    unsigned = f"{part(header)}.{part(CLAIMS)}."
    assert code_of(unsigned, forge.keys) == "token_encoding"


def test_tv01_no_algorithm(forge):
    assert code_of(forge.token(CLAIMS, alg=None), forge.keys) == "token_algorithm"


@pytest.mark.parametrize("secret", ["pem", "der", "jwk", "empty"])
@pytest.mark.parametrize("algorithms", [RS256, frozenset({"RS256", "HS256"})], ids=["agreed", "hs256_by_mistake"])
def test_tv02_a_mac_with_the_public_key(forge, secret, algorithms):
    public = forge.key.key.public_key()
    secrets = {
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "jwk": json.dumps(forge.key.public_jwk()).encode(),
        "empty": b"",
    }
    signed = f"{part({**forge.header, 'alg': 'HS256'})}.{part(CLAIMS)}"
    token = f"{signed}.{part(digest(secrets[secret], signed.encode(), sha256))}"
    # Were HS256 ever let into the list by mistake, there would still be no key for it.
    expected = "token_algorithm" if algorithms is RS256 else "token_unknown_key"
    assert code_of(token, forge.keys, algorithms) == expected


# ---- the signature


def test_tv03_conf_invalid_sig_rs256(forge, stranger):
    good, foreign = forge.token(CLAIMS), stranger.token(CLAIMS, kid=forge.key.kid)
    head, payload, signature = good.split(".")
    for wrong in (
        foreign,
        f"{head}.{payload}.{part(bytes(256))}",
        f"{head}.{payload}.{part(base64url.decode(signature)[:-4])}",
        f"{head}.{part({**CLAIMS, 'sub': '2'})}.{signature}",
        f"{part({**forge.header, 'x': 1})}.{payload}.{signature}",
    ):
        assert code_of(wrong, forge.keys) == "token_signature"


@pytest.mark.parametrize("signature", [bytes(64), bytes(63), bytes(31) + b"\1" + bytes(32), b"\xff" * 64, b"0"])
def test_tv03_conf_invalid_sig_es256(ec_forge, signature):
    token = f"{part(ec_forge.header)}.{part(CLAIMS)}.{part(signature)}"
    assert code_of(token, ec_forge.keys) == "token_signature"


def test_tv03_a_der_signature_is_no_jws_signature(ec_forge):
    signed = f"{part(ec_forge.header)}.{part(CLAIMS)}"
    der = ec_forge.key.key.sign(signed.encode(), ec.ECDSA(SHA256()))
    assert code_of(f"{signed}.{part(der)}", ec_forge.keys) == "token_signature"


# ---- the key


def test_tv10_a_kid_nobody_has(forge):
    assert code_of(forge.token(CLAIMS, kid="other"), forge.keys) == "token_unknown_key"


@pytest.mark.parametrize("kid", [1, ["a"], {"a": 1}, True, ""])
def test_tv10_a_kid_that_is_no_text(forge, kid):
    assert code_of(forge.token(CLAIMS, kid=kid), forge.keys) == "token_kid"


def test_tv11_conf_kid_absent_single_jwks(forge):
    assert verify(forge.token(CLAIMS, kid=None), forge.keys) == CLAIMS


def test_tv11_conf_kid_absent_multiple_jwks(forge, stranger, ec_forge):
    token = forge.token(CLAIMS, kid=None)
    one_fits = KeySet.read({"keys": [ec_forge.key.public_jwk(), forge.key.public_jwk()]})
    assert verify(token, one_fits) == CLAIMS
    two_fit = KeySet.read({"keys": [stranger.key.public_jwk(), forge.key.public_jwk()]})
    assert code_of(token, two_fit) == "token_key_ambiguous"


def test_tv11_one_kid_two_keys(forge, stranger):
    twin = {**stranger.key.public_jwk(), "kid": forge.key.kid}
    keys = KeySet.read({"keys": [twin, forge.key.public_jwk()]})
    assert code_of(forge.token(CLAIMS), keys) == "token_key_ambiguous"


def test_tv10_the_key_is_the_one_kid_names_and_no_other_is_tried(forge, stranger):
    keys = KeySet.read({"keys": [stranger.key.public_jwk(), forge.key.public_jwk()]})
    assert code_of(forge.token(CLAIMS, kid=stranger.key.kid), keys) == "token_signature"


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"use": "tls"},
        {"use": ["sig"]},
        {"alg": "RSA-OAEP"},
        {"alg": "RS512"},
        {"alg": "PS256"},
        {"alg": "ES256"},
        {"alg": None},
        {"key_ops": ["encrypt"]},
        {"key_ops": 1},
        {"kty": "oct"},
        {"kty": "EC"},
        {"kty": "OKP"},
        {"kty": ["RSA"]},
        {"kid": 1},
        {"e": "AQ"},  # 1: every message is its own signature
        {"e": "AQAA"},  # 65536
        {"e": "AQAC"},  # 65538, even
        {"e": "Aw"},  # 3
        {"e": "__8"},  # 65535
        {"e": base64url.encode((2**64 + 1).to_bytes(9))},
        {"e": base64url.encode(b"\xff" * 32)},
        {"e": ""},
        {"n": ""},
        {"n": "AQAB"},
        {"n": 1},
        {"n": base64url.encode(b"\xff" * 1025)},
        {"d": "AQAB"},
    ],
    ids=reprlib.repr,
)
def test_tv12_a_key_for_something_else_verifies_nothing(forge, change):
    keys = KeySet.read({"keys": [{**forge.key.public_jwk(), **change}]})
    assert keys.keys == ()
    assert code_of(forge.token(CLAIMS), keys) == "token_unknown_key"


def test_tv12_small_rsa_keys_verify_nothing(forge):
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    small = {"kty": "RSA", "n": base64url.encode(numbers.n.to_bytes(128)), "e": "AQAB", "kid": "small"}
    assert KeySet.read({"keys": [small]}).keys == ()


@pytest.mark.parametrize("exponent", [65_537, 65_539, 2**64 - 1])
def test_tv12_the_exponents_that_verify(forge, exponent):
    key = {**forge.key.public_jwk(), "e": base64url.encode(exponent.to_bytes(8).lstrip(b"\0"))}
    assert len(KeySet.read({"keys": [key]}).keys) == 1


@pytest.mark.parametrize(("bits", "fits"), [(2047, 0), (2048, 1), (8192, 1), (8193, 0)])
def test_tv12_the_sizes_that_verify(forge, bits, fits):
    modulus = 2 ** (bits - 1) + 1
    key = {**forge.key.public_jwk(), "n": base64url.encode(modulus.to_bytes((bits + 7) // 8))}
    assert len(KeySet.read({"keys": [key]}).keys) == fits


@pytest.mark.parametrize(
    "change",
    [
        {"y": base64url.encode(b"\1" * 32)},  # not on the curve
        {"x": base64url.encode(bytes(32)), "y": base64url.encode(bytes(32))},
        {"x": base64url.encode(b"\1" * 31)},
        {"crv": "P-192"},
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        {"crv": None},
        {"use": "enc"},
        {"alg": "ECDH-ES"},
    ],
    ids=reprlib.repr,
)
def test_tv12_an_ec_key_that_is_none(ec_forge, change):
    assert KeySet.read({"keys": [{**ec_forge.key.public_jwk(), **change}]}).keys == ()


def test_tv12_a_coordinate_has_32_bytes_and_one_spelling(ec_forge):
    key = ec_forge.key.public_jwk()
    longer = base64url.encode(b"\0" + base64url.decode(key["x"]))
    assert KeySet.read({"keys": [{**key, "x": longer}]}).keys == ()
    # A point of the curve whose x begins with a zero: it is written all the same (RFC 7518, 6.2.1.2).
    point = ec.derive_private_key(379, ec.SECP256R1()).public_key().public_numbers()
    whole = {**key, "x": base64url.encode(point.x.to_bytes(32)), "y": base64url.encode(point.y.to_bytes(32))}
    assert len(KeySet.read({"keys": [whole]}).keys) == 1
    assert KeySet.read({"keys": [{**whole, "x": base64url.encode(point.x.to_bytes(31))}]}).keys == ()


def test_tv12_an_oct_key_in_the_set_is_no_secret_of_ours(forge):
    keys = KeySet.read({"keys": [{"kty": "oct", "k": part(b"secret"), "kid": "a", "alg": "HS256"}]})
    signed = f"{part({'alg': 'HS256', 'kid': 'a'})}.{part(CLAIMS)}"
    token = f"{signed}.{part(digest(b'secret', signed.encode(), sha256))}"
    assert code_of(token, keys, frozenset({"HS256"})) == "token_unknown_key"


def test_tv13_keys_of_other_kinds_before_ours_do_no_harm(forge, ec_forge):
    strange = [
        {"kty": "OKP", "crv": "Ed25519", "x": part(bytes(32)), "kid": "ed", "use": "sig", "alg": "EdDSA"},
        {**ec_forge.key.public_jwk(), "crv": "P-521"},
        ec_forge.key.public_jwk(),
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"},
        "not even an object",
        None,
    ]
    keys = KeySet.read({"keys": [*strange, forge.key.public_jwk()]})
    assert verify(forge.token(CLAIMS), keys) == CLAIMS


@pytest.mark.parametrize("document", [None, [], "", {}, {"keys": None}, {"keys": {}}, {"keys": "RSA"}])
def test_a_document_that_is_no_key_set(document):
    with pytest.raises(TokenRejected) as caught:
        KeySet.read(document)
    assert caught.value.code == "key_set_malformed"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"keys":[],"keys":[]}', b"\xff", b'{"a":' * 100_000])
def test_tv18_bytes_that_are_no_key_set(body):
    with pytest.raises(TokenRejected) as caught:
        KeySet.from_json(body)
    assert caught.value.code in ("key_set_malformed", "key_set_size")


def test_tv19_a_key_set_of_2000_keys_is_not_read(forge):
    document = {"keys": [forge.key.public_jwk()] * 2000}
    for read, given in ((KeySet.read, document), (KeySet.from_json, json.dumps(document).encode())):
        with pytest.raises(TokenRejected) as caught:
            read(given)
        assert caught.value.code == "key_set_size"
    one = {"keys": document["keys"][:1]}
    assert KeySet.from_json(json.dumps(one).encode()) == forge.keys
    with pytest.raises(TokenRejected) as caught:
        KeySet.from_json(json.dumps({**one, "pad": "x" * jose.MAX_KEY_SET}).encode())
    assert caught.value.code == "key_set_size"


def test_tv19_the_largest_key_set_that_is_read(forge):
    document = {"keys": ["no key"] * 49 + [forge.key.public_jwk()]}
    assert KeySet.read(document) == forge.keys
    body = json.dumps(document).encode().ljust(256 * 1024)
    assert KeySet.from_json(body) == forge.keys
    for read, given in ((KeySet.read, {"keys": ["no key"] * 51}), (KeySet.from_json, body + b" ")):
        with pytest.raises(TokenRejected) as caught:
            read(given)
        assert caught.value.code == "key_set_size"


# ---- the header


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"])
@pytest.mark.parametrize("value", [None, False, "x", ["exp"], {}])
def test_tv14_tv15_tv20_a_header_that_brings_its_own(forge, member, value):
    token = forge.raw({**forge.header, member: value}, CLAIMS)
    assert code_of(token, forge.keys) == "token_header_member"


def test_tv14_the_key_in_the_header_is_not_the_issuers(forge, stranger):
    token = stranger.token(CLAIMS, jwk=stranger.key.public_jwk())
    assert code_of(token, forge.keys) == "token_header_member"


@pytest.mark.parametrize(
    "typ", ["at+jwt", "logout+jwt", "linkmw-call+jwt", "JWE", 1, ["JWT"], "jwt ", "application/at+jwt"]
)
def test_tv21_a_token_of_another_type(forge, typ):
    assert code_of(forge.token(CLAIMS, typ=typ), forge.keys) == "token_type"


@pytest.mark.parametrize("typ", ["JWT", "jwt", "application/jwt", None])
def test_tv21_types_are_compared_as_media_types(forge, typ):
    assert verify(forge.token(CLAIMS, typ=typ), forge.keys) == CLAIMS


# ---- the spelling


@pytest.mark.parametrize("where", [0, 1])
@pytest.mark.parametrize(
    "members",
    [b'"sub":"2","sub":"1"', b'"sub":"1","s\\u0075b":"2"', b'"a":{"b":1,"b":2}', b'"alg":"none","alg":"RS256"'],
)
def test_tv16_a_member_given_twice(forge, where, members):
    plain = [as_json(forge.header), as_json(CLAIMS)]
    plain[where] = plain[where][:-1] + b"," + members + b"}"
    assert code_of(forge.raw(*plain), forge.keys) == ("token_header", "token_payload")[where]


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def test_tv17_one_token_has_one_spelling(forge):
    token = forge.token(CLAIMS)
    head, payload, signature = token.split(".")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = last[last.index(signature[-1]) ^ 1]  # 256 bytes leave four spare bits in the last character
    for other in (
        token + "==",
        f"{head}.{payload}.{signature[:-1]}{spare}",
        f" {token}",
        f"{token}\n",
        f"{head}.{payload}.{signature[:5]}\n{signature[5:]}",
        f"{head}=.{payload}.{signature}",
        token.replace("-", "+").replace("_", "/") + "+",
    ):
        assert code_of(other, forge.keys) == "token_encoding"


@pytest.mark.parametrize(
    "bad",
    [
        b"[" * 100_000,
        b'{"a":' * 5000,
        b'{"a":' * 9 + b"1" + b"}" * 9,
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":-' + b"9" * 20 + b"}",
        b'{"a":1e999}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"\\udc00":1}',
        b'{"a":1}{}',
        b"\xef\xbb\xbf{}",
        b'{"a":"\x00"}',
        b"[]",
        b"null",
        b'"a"',
        b"{",
        b" ",
    ],
    ids=lambda bad: repr(bad[:20]),
)
def test_tv18_json_made_to_hurt(forge, bad):
    expected = {"token_header", "token_size"}
    assert code_of(f"{part(bad)}.{part(CLAIMS)}.{part(b'x')}", forge.keys) in expected
    assert code_of(forge.raw(forge.header, bad), forge.keys) in {"token_payload", "token_size"}


@pytest.mark.parametrize("token", [None, 1, b"a.b.c", ["a.b.c"], {}, True, 1.5])
def test_tv18_a_token_that_is_no_text(forge, token):
    assert code_of(token, forge.keys) == "token_not_text"


@pytest.mark.parametrize("token", ["\ud800.a.a", "é.é.é", "a.a.\x00", "..", "a..b", "a.b.c", "٣.٣.٣"])
def test_tv18_a_token_that_is_no_base64url(forge, token):
    assert code_of(token, forge.keys) == "token_encoding"


def test_tv19_a_token_over_16_kib_is_not_read(forge):
    token = forge.token({**CLAIMS, "pad": "x" * 13_000})
    assert len(token) > jose.MAX_TOKEN
    assert code_of(token, forge.keys) == "token_size"
    assert code_of("a" * 10_000_000, forge.keys) == "token_size"
    assert code_of("a" * (16 * 1024 + 1), forge.keys) == "token_size"
    assert code_of("a" * (16 * 1024), forge.keys) == "token_parts"  # it is read


@pytest.mark.parametrize("parts", [1, 2, 4, 5, 6])
def test_tv20_an_encrypted_token_is_no_token(forge, parts):
    assert code_of(".".join([part(forge.header)] * parts), forge.keys) == "token_parts"


def test_tv18_whatever_breaks_inside_is_a_refusal(forge, monkeypatch):
    for broken in (RecursionError, MemoryError, OverflowError, AttributeError):

        def raise_it(*_args: object, broken: type[Exception] = broken) -> None:
            raise broken

        monkeypatch.setattr(jose, "_check_header", raise_it)
        assert code_of(forge.token(CLAIMS), forge.keys) == "token_malformed"


def test_a_refusal_holds_nothing_of_the_token(forge):
    token = forge.token({"secret": "s3cr3t"}, kid="other")
    with pytest.raises(TokenRejected) as caught:
        verify(token, forge.keys)
    assert token not in repr(caught.value)
    assert caught.value.__cause__ is None


# ---- the library


def test_the_fence_stays_down_without_cryptography(monkeypatch):
    monkeypatch.setattr("jose.backends.RSAKey", SimpleNamespace())
    spec = importlib.util.spec_from_file_location("linkmw_jose_again", jose.__file__)
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(ImportError, match="cryptography"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_tv20_what_scanners_warn_of_is_never_loaded():
    """The waiver for ecdsa (CVE-2024-23342), rsa, pyasn1 and for JWE rests on this (SECURITY.md)."""
    program = (
        "import sys; from linkmw.oidc import jose as j, id_token, logout_token, call_token, keys\n"
        "for a in ('RS256', 'ES256'):\n"
        "    k = j.PrivateKey.generate(a)\n"
        "    s = j.KeySet.read({'keys': [k.public_jwk()]})\n"
        "    j.verify_signature(j.sign({}, k, typ='x'), s, algorithms=frozenset((a,)), types=frozenset('x'))\n"
        "print([m for m in sys.modules if m.partition('.')[0] in ('ecdsa', 'rsa', 'pyasn1') or m == 'jose.jwe'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_basic_b64_is_not_base64url():
    text = b64encode(b"\xfb\xff").decode()
    with pytest.raises(ValueError):
        base64url.decode(text)
