"""A password as an Argon2id hash (RFC 9106) that Keycloak takes over, in the PHC string form.

The parameters are those that Keycloak 26.7 hashes with itself, so that it has nothing to hash anew at the next sign-in.
"""

from __future__ import annotations

import base64
import logging
import os

log = logging.getLogger("linkmw")

MEMORY = 7168  # KiB
ITERATIONS = 5
LANES = 1
LENGTH = 32  # bytes
SALT = 16  # bytes


def argon2id(password: str) -> str:
    """`$argon2id$v=19$m=7168,t=5,p=1$…$…`; "" where the `cryptography` that is loaded cannot make one: said in the log.

    About 20 ms and 7 MiB. Without a hash Keycloak asks for a new password (AKE-15).
    """
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
    except ImportError:  # before 44: an application's own, ahead of a linkmw in a folder of its own
        return _none("it is older than 44")
    salt = os.urandom(SALT)
    try:
        kdf = Argon2id(salt=salt, length=LENGTH, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY)
        made = kdf.derive(password.encode())
    except UnsupportedAlgorithm:
        return _none("it was built with an OpenSSL older than 3.2")
    return f"$argon2id$v=19$m={MEMORY},t={ITERATIONS},p={LANES}${_base64(salt)}${_base64(made)}"


def _none(why: str) -> str:
    log.warning("no password is carried on, for `cryptography` makes no Argon2id hash here: %s", why)
    return ""


def _base64(value: bytes) -> str:
    """Standard alphabet without padding, as PHC strings are written."""
    return base64.b64encode(value).rstrip(b"=").decode()
