"""The fence around python-jose: the one module that imports it (security.md, section 4).

python-jose 3.5.0 ignores `kid`, `use`, `crit` and `typ`, takes RSA keys of any size, lets a member given twice win, and
raises what it likes. So nothing reaches it before size, spelling, header and key have been judged here: it is handed
one constructed key, one algorithm, and asked for the signature alone. Claims are judged by `id_token`, `logout_token`
and `call_token`. Replacing the library means replacing `_check_signature`, `_constructed` and `sign`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jose import backends, jwk, jws
from jose.backends.cryptography_backend import CryptographyECKey, CryptographyRSAKey

from linkmw.errors import TokenRejected
from linkmw.model import Claims
from linkmw.oidc import base64url, strict_json

if backends.RSAKey is not CryptographyRSAKey or backends.ECKey is not CryptographyECKey:
    raise ImportError("python-jose runs without `cryptography`: install python-jose[cryptography]")

Algorithm = Literal["RS256", "ES256"]

MAX_TOKEN = 16 * 1024  # characters
MAX_KEY_SET = 256 * 1024  # bytes
MAX_KEYS = 50
RSA_BITS = range(2048, 8192 + 1)
# FIPS 186-5, A.1.1: an odd number over 2**16. Its upper end is ours: a long exponent makes every check slow.
RSA_EXPONENTS = range(2**16 + 1, 2**64, 2)

# What tells a verifier to take its key, its code or its bytes from the token (RFC 7515 4.1, RFC 7516 4.1, RFC 7797).
_FORBIDDEN = frozenset(("crit", "b64", "jwk", "jku", "x5u", "x5c", "zip", "enc"))


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that may verify signatures of one algorithm. kid: "" when it has none."""

    kid: str
    algorithm: Algorithm
    constructed: Any = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The verification keys of one issuer, read from its JWK Set (RFC 7517)."""

    keys: tuple[PublicKey, ...]

    @classmethod
    def from_json(cls, body: bytes) -> KeySet:
        """As `read`, from the bytes of the document (at most 256 KiB)."""
        if len(body) > MAX_KEY_SET:
            raise TokenRejected("the key set is too large", code="key_set_size")
        try:
            document = strict_json.read_object(body)
        except Exception:
            raise TokenRejected("the key set cannot be read", code="key_set_malformed") from None
        return cls.read(document)

    @classmethod
    def read(cls, jwks: object) -> KeySet:
        """The usable keys of a JWK Set; the others are dropped, as RFC 7517, 5 has it (TV12, TV13).

        Raises TokenRejected (`key_set_malformed`, `key_set_size`) for what is no key set, or holds over 50 keys.
        """
        found = jwks.get("keys") if isinstance(jwks, Mapping) else None
        if not isinstance(found, list):
            raise TokenRejected("the key set cannot be read", code="key_set_malformed")
        if len(found) > MAX_KEYS:
            raise TokenRejected("the key set holds too many keys", code="key_set_size")
        return cls(tuple(key for item in found if (key := _public_key(item))))

    def pick(self, kid: str | None, algorithm: str) -> PublicKey:
        """The one key a token means by `kid`, or without a `kid` the one key there is for its algorithm (TV11).

        Raises TokenRejected: `token_unknown_key` (worth one new look at the keys), `token_key_ambiguous`.
        """
        fit = [key for key in self.keys if key.algorithm == algorithm and kid in (None, key.kid)]
        if not fit:
            raise TokenRejected("no key of the issuer fits the token", code="token_unknown_key")
        if len(fit) > 1:
            raise TokenRejected("several keys of the issuer fit the token", code="token_key_ambiguous")
        return fit[0]


def verify_signature(token: str, keys: KeySet, *, algorithms: frozenset[str], types: frozenset[str]) -> Claims:
    """The claims of a signed token, for nothing but their signature yet.

    token: compact JWS, at most 16 KiB. algorithms: what this issuer signs with. types: `typ` headers that fit the
    purpose, in lower case, "" for none at all (RFC 8725, 3.11).
    Raises TokenRejected, whatever happens; its code names the check. Source: RFC 7515, 5.2; RFC 8725.
    """
    try:
        return _verified(token, keys, algorithms, types)
    except TokenRejected:
        raise
    except Exception:  # RecursionError, MemoryError and whatever a parser may think of
        raise TokenRejected("the token cannot be read", code="token_malformed") from None


def _verified(token: str, keys: KeySet, algorithms: frozenset[str], types: frozenset[str]) -> Claims:
    header = _read("token_header", _split(token)[0])
    algorithm = _algorithm(header, algorithms)
    _check_header(header, types)
    key = keys.pick(header.get("kid"), algorithm)
    return _read("token_payload", _check_signature(token, key))


def _split(token: object) -> list[bytes]:
    """Header, payload and signature, decoded."""
    if not isinstance(token, str):
        raise TokenRejected("a token is text", code="token_not_text")
    if len(token) > MAX_TOKEN:
        raise TokenRejected("the token is too long", code="token_size")
    parts = token.split(".")
    if len(parts) != 3:  # five: JWE, which nobody sends us (TV20)
        raise TokenRejected("the token has not three parts", code="token_parts")
    try:
        return [base64url.decode(part) for part in parts]
    except ValueError:
        raise TokenRejected("the token is not canonical base64url", code="token_encoding") from None


def _read(code: str, data: bytes) -> dict[str, Any]:
    try:
        return strict_json.read_object(data)
    except ValueError:
        raise TokenRejected("a part of the token is not a plain JSON object", code=code) from None


def _algorithm(header: Claims, algorithms: frozenset[str]) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise TokenRejected("the token is not signed as agreed", code="token_algorithm")
    return algorithm


def _check_header(header: Claims, types: frozenset[str]) -> None:
    if _FORBIDDEN & header.keys():
        raise TokenRejected("the header brings its own key or extension", code="token_header_member")
    kid = header.get("kid", "absent")
    if not isinstance(kid, str) or not kid:  # "" is the name of no key, least of all of one that has none
        raise TokenRejected("kid is not text", code="token_kid")
    typ = header.get("typ", "")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in types:
        raise TokenRejected("the token is of another type", code="token_type")


def _check_signature(token: str, key: PublicKey) -> bytes:
    """The payload's bytes, verified. The backend is here and nowhere else."""
    try:
        return cast(bytes, jws.verify(token, key.constructed, algorithms=[key.algorithm]))
    except Exception:
        raise TokenRejected("the signature is wrong", code="token_signature") from None


def _public_key(item: object) -> PublicKey | None:
    """The key of one JWK if it may verify signatures here, else None."""
    try:
        return _read_jwk(item) if isinstance(item, dict) else None
    except Exception:  # a key we cannot read is a key we do not use
        return None


def _read_jwk(item: Mapping[str, Any]) -> PublicKey | None:
    kid, algorithm = item.get("kid", ""), _ALGORITHM_OF.get(item.get("kty", ""))
    if algorithm is None or not isinstance(kid, str) or item.get("alg", algorithm) != algorithm:
        return None
    # With a private key that was published everybody signs.
    if item.get("use", "sig") != "sig" or "verify" not in list(item.get("key_ops", ["verify"])) or "d" in item:
        return None
    numbers = _rsa_numbers(item) if algorithm == "RS256" else _ec_numbers(item)
    return PublicKey(kid, algorithm, _constructed(numbers, algorithm))


_ALGORITHM_OF: dict[str, Algorithm] = {"RSA": "RS256", "EC": "ES256"}


def _rsa_numbers(item: Mapping[str, Any]) -> dict[str, str]:
    modulus, exponent = (int.from_bytes(base64url.decode(item[name])) for name in ("n", "e"))
    if modulus.bit_length() not in RSA_BITS or exponent not in RSA_EXPONENTS:
        raise ValueError("not an RSA key of 2048 to 8192 bits")
    return {"kty": "RSA", "n": item["n"], "e": item["e"]}


def _ec_numbers(item: Mapping[str, Any]) -> dict[str, str]:
    if item["crv"] != "P-256" or any(len(base64url.decode(item[name])) != 32 for name in ("x", "y")):
        raise ValueError("not a P-256 key")
    return {"kty": "EC", "crv": "P-256", "x": item["x"], "y": item["y"]}


def _constructed(numbers: dict[str, str], algorithm: Algorithm) -> Any:
    """python-jose's own key, so that it never makes one of text, PEM or a set. Raises for a point off the curve."""
    return jwk.construct(numbers, algorithm)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A signing key of ours. kid: its JWK thumbprint (RFC 7638)."""

    algorithm: Algorithm
    kid: str
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False, compare=False)

    @classmethod
    def generate(cls, algorithm: str) -> PrivateKey:
        """A new key: RSA of 2048 bits for RS256, P-256 for ES256. Raises ValueError for any other algorithm."""
        if algorithm == "RS256":
            return cls._of(rsa.generate_private_key(public_exponent=65537, key_size=2048))
        if algorithm == "ES256":
            return cls._of(ec.generate_private_key(ec.SECP256R1()))
        raise ValueError(f"{algorithm} is not an algorithm we sign with")

    @classmethod
    def from_pem(cls, pem: str) -> PrivateKey:
        """The key of an unencrypted PKCS #8 PEM. Raises ValueError for another kind or size."""
        return cls._of(load_pem_private_key(pem.encode("ascii"), password=None))

    @classmethod
    def _of(cls, key: object) -> PrivateKey:
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size in RSA_BITS:
            return cls("RS256", _thumbprint(_rsa_jwk(key.public_key())), key)
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return cls("ES256", _thumbprint(_ec_jwk(key.public_key())), key)
        raise ValueError("a signing key is RSA of 2048 to 8192 bits, or P-256")

    def pem(self) -> str:
        """PKCS #8, unencrypted: to be sealed before it is stored."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")

    def public_jwk(self) -> dict[str, str]:
        """What the JWK Set says of this key."""
        public = self.key.public_key()
        numbers = _rsa_jwk(public) if isinstance(public, rsa.RSAPublicKey) else _ec_jwk(public)
        return {**numbers, "use": "sig", "alg": self.algorithm, "kid": self.kid}


def sign(claims: Mapping[str, Any], key: PrivateKey, *, typ: str) -> str:
    """A compact JWS of `claims`, with `kid` and `typ` in its header. Raises ValueError for what is not JSON."""
    payload = json.dumps(claims, separators=(",", ":"), allow_nan=False).encode()
    headers = {"kid": key.kid, "typ": typ}
    token: str = jws.sign(payload, jwk.construct(key.key, key.algorithm), headers, key.algorithm)
    return token


def _integer(value: int, octets: int) -> str:
    return base64url.encode(value.to_bytes(octets))


def _rsa_jwk(key: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    exponent_octets = (numbers.e.bit_length() + 7) // 8
    return {"kty": "RSA", "n": _integer(numbers.n, (key.key_size + 7) // 8), "e": _integer(numbers.e, exponent_octets)}


def _ec_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": _integer(numbers.x, 32), "y": _integer(numbers.y, 32)}


def _thumbprint(numbers: dict[str, str]) -> str:
    """RFC 7638, 3: the required members, sorted, without space."""
    return base64url.sha256(json.dumps(numbers, sort_keys=True, separators=(",", ":")).encode())
