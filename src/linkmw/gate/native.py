"""What a native session is ended by from outside, as the allow-list keeps it: sealed, for it may open that session.

Unlike the rest of the list it is worth stealing: in Django it is the very value of the session cookie (SC07). Sealed
under the client's secret by AES-256-GCM (NIST SP 800-38D), in base64url, which the list keeps as bytes.
"""

from __future__ import annotations

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from linkmw.oidc import base64url
from linkmw.settings import Settings

_PURPOSE = "linkmw native session 1"
_NONCE_BYTES = 12


def closed(settings: Settings, reference: str) -> str:
    """`reference`, which only this product's gate can read again."""
    nonce = os.urandom(_NONCE_BYTES)
    return base64url.encode(nonce + _cipher(settings).encrypt(nonce, reference.encode(), None))


def opened(settings: Settings, native: str) -> str:
    """The reference; "" for none, and for one from before the client's secret was changed."""
    try:
        data = base64url.decode(native)
        return _cipher(settings).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], None).decode()
    except (InvalidTag, ValueError):  # ValueError: nothing, or too short to be sealed at all
        return ""


def _cipher(settings: Settings) -> AESGCM:
    return AESGCM(hashlib.sha256(f"{_PURPOSE}\0{settings.client_secret}".encode()).digest())
