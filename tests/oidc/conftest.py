"""Keys and hostile tokens. The forge signs with `cryptography` itself: it writes what our own code will not."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from linkmw.oidc.jose import KeySet, PrivateKey

NOW = 1_800_000_000


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def as_bytes(part: object) -> bytes:
    return part if isinstance(part, bytes) else json.dumps(part).encode()


@dataclass(frozen=True)
class Forge:
    """Writes tokens, right and wrong, with a key it was given."""

    key: PrivateKey

    @property
    def keys(self) -> KeySet:
        return KeySet.read({"keys": [self.key.public_jwk()]})

    @property
    def header(self) -> dict[str, Any]:
        return {"alg": self.key.algorithm, "kid": self.key.kid, "typ": "JWT"}

    def signature(self, signed: bytes) -> bytes:
        if isinstance(self.key.key, rsa.RSAPrivateKey):
            return self.key.key.sign(signed, padding.PKCS1v15(), SHA256())
        r, s = decode_dss_signature(self.key.key.sign(signed, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    def raw(self, header: object, payload: object) -> str:
        """A token of exactly this header and payload (bytes are taken as they are), with a good signature."""
        signed = f"{b64(as_bytes(header))}.{b64(as_bytes(payload))}"
        return f"{signed}.{b64(self.signature(signed.encode()))}"

    def token(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A token of `claims`; a header member given as None is left out."""
        members = {**self.header, **header}
        return self.raw({name: value for name, value in members.items() if value is not None}, claims)


@pytest.fixture(scope="session")
def rsa_key() -> PrivateKey:
    return PrivateKey.generate("RS256")


@pytest.fixture(scope="session")
def other_rsa_key() -> PrivateKey:
    return PrivateKey.generate("RS256")


@pytest.fixture(scope="session")
def ec_key() -> PrivateKey:
    return PrivateKey.generate("ES256")


@pytest.fixture(scope="session")
def forge(rsa_key: PrivateKey) -> Forge:
    return Forge(rsa_key)


@pytest.fixture(scope="session")
def stranger(other_rsa_key: PrivateKey) -> Forge:
    """Signs with a key the issuer does not have."""
    return Forge(other_rsa_key)


@pytest.fixture(scope="session")
def ec_forge(ec_key: PrivateKey) -> Forge:
    return Forge(ec_key)
