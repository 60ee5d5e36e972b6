"""Values sealed for one purpose: what SQL keeps and must not be able to read.

AES-256-GCM (NIST SP 800-38D) under LINKMW_HUB_KEY. The purpose is associated data: it names the table's row and
column, so that a sealed value copied into another row, or used for something else, does not open.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from linkmw.errors import SettingsError
from linkmw.oidc import base64url

KEY_BYTES = 32
_NONCE_BYTES = 12  # random: safe for 2^32 values under one key (SP 800-38D, 8.3), more than mails ever sent
_FORMAT = "1"  # first character of a sealed value, so that another cipher can follow


class Unopenable(SettingsError):
    """The value was sealed under another key or for another purpose, or was changed since."""

    code = "unopenable"


def new_key() -> str:
    """32 random bytes, base64url without padding: a value for LINKMW_HUB_KEY."""
    return base64url.encode(os.urandom(KEY_BYTES))


def _was_thought_up(key: bytes) -> bool:
    """Is this a phrase, or a few bytes over and over? Of random keys one in 10^13 looks so (CF05)."""
    return len(set(key)) < KEY_BYTES // 2 or (key.isascii() and key.decode().isprintable())


@dataclass(frozen=True, slots=True)
class Seal:
    """Seals with the newest key, opens with any: two may be live while one is being replaced."""

    keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def read(cls, text: str) -> Seal:
        """The keys of LINKMW_HUB_KEY: base64url, newest first, comma separated. Raises SettingsError."""
        try:
            keys = tuple(base64url.decode(part.strip().rstrip("=")) for part in text.split(","))
        except ValueError:
            keys = ()
        if not keys or any(len(key) != KEY_BYTES or _was_thought_up(key) for key in keys):
            raise SettingsError("LINKMW_HUB_KEY must be 32 random bytes in base64url, as `linkmw hub init` makes it")
        return cls(keys)

    def close(self, value: bytes, purpose: str) -> str:
        """`value` sealed for `purpose`: ASCII, 39 characters and four thirds of the length."""
        nonce = os.urandom(_NONCE_BYTES)
        return _FORMAT + base64url.encode(nonce + AESGCM(self.keys[0]).encrypt(nonce, value, purpose.encode()))

    def open(self, sealed: str, purpose: str) -> bytes:
        """What `close` was given. Raises Unopenable."""
        try:
            raw = base64url.decode(sealed.removeprefix(_FORMAT)) if sealed.startswith(_FORMAT) else b""
        except ValueError:
            raw = b""
        for key in self.keys:
            try:
                return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], purpose.encode())
            except (InvalidTag, ValueError):  # ValueError: too short to be sealed at all
                continue
        raise Unopenable("a value in the database does not open with LINKMW_HUB_KEY")
