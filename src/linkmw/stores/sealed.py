"""Records that open with what they are found by, and with nothing else (security.md, SC07).

Redis keeps a record under a hash of the secret it is found by: a cookie, state, code, handle. The record itself is
sealed by AES-256-GCM (NIST SP 800-38D) under a key that follows from the same secret, so whoever reads Redis, a dump or
a replica of it learns neither nonces, verifiers and one-time codes nor whose they are.
"""

from __future__ import annotations

import hashlib
import os
from typing import Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from linkmw.stores.codec import Codec

T = TypeVar("T")

_PURPOSE = b"linkmw record 1"  # keys of records, apart from the hashes that Redis sees
_NONCE_BYTES = 12


def seal(value: bytes, *found_by: str) -> bytes:
    """`value`, 28 bytes longer. found_by: what only who may read it knows, 128 random bits or more in one of them."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_key(found_by)).encrypt(nonce, value, None)


def unseal(sealed: bytes | None, *found_by: str) -> bytes | None:
    """What was sealed; None for nothing, and for what was not sealed so: it is no record (RF09)."""
    if sealed is None:
        return None
    try:
        return AESGCM(_key(found_by)).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    except (InvalidTag, ValueError):  # ValueError: too short to be sealed at all
        return None


def _key(found_by: tuple[str, ...]) -> bytes:
    """256 bits. Each part with its length, so that none can pass for a piece of its neighbour."""
    told = [part.encode("utf-8", "surrogatepass") for part in found_by]
    return hashlib.sha256(_PURPOSE + b"".join(len(part).to_bytes(4) + part for part in told)).digest()


class Sealed(Generic[T]):
    """A codec whose records are sealed under what they are found by."""

    def __init__(self, codec: Codec[T]) -> None:
        self._codec = codec

    def write(self, value: T, *found_by: str) -> bytes:
        return seal(self._codec.write(value), *found_by)

    def read(self, data: bytes | None, *found_by: str, **left_out: str) -> T | None:
        """The value; None for no data, another secret's, another version, another shape."""
        return self._codec.read(unseal(data, *found_by), **left_out)
