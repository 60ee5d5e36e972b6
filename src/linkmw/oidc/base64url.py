"""Base64url without padding (RFC 7515, 2), one spelling per value."""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")


def encode(data: bytes) -> str:
    """`data` in base64url, no padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes of a non-empty base64url text.

    Raises ValueError for padding, foreign characters and spare bits: a token has one spelling, or somebody's list of
    tokens already seen can be walked around (TV17).
    """
    if not _ALPHABET.fullmatch(text):
        raise ValueError("not base64url")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("not canonical base64url")
    return data


def sha256(data: bytes) -> str:
    """The SHA-256 of `data` in base64url: 43 characters."""
    return encode(hashlib.sha256(data).digest())
