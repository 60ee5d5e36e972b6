"""A password's hash as products keep it → the credential that Keycloak keeps, so that the password goes on. Pure.

Keycloak tries a password by the parameters that stand in its credential, and at the first sign-in hashes it anew as
the realm wants it. A hash of the empty password opens nothing there: Keycloak's form refuses to try one.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any

from linkmw.errors import LinkmwError

# NIST SP 800-63B (2017), 5.1.1.2: at least so many iterations of PBKDF2; a hash of fewer is as good as none.
PBKDF2_ITERATIONS = range(10_000, 10_000_001)
# At least OWASP's least memory for Argon2id; at most what one try may cost the server.
MEMORY_KIB, PASSES, LANES = range(7168, 262_145), range(1, 21), range(1, 17)
SALT_BYTES, HASH_BYTES = range(8, 65), range(16, 129)

_VERSIONS = {"16": "1.0", "19": "1.3"}  # 0x10 and 0x13, as Keycloak calls them
_PHC = re.compile(r"\$argon2id(?:\$v=(\d{1,3}))?\$m=(\d{1,8}),t=(\d{1,4}),p=(\d{1,3})\$([^$]+)\$([^$]+)", re.ASCII)
_DJANGO_PBKDF2 = re.compile(r"pbkdf2_sha256\$(\d{1,9})\$([^$]+)\$([^$]+)", re.ASCII)
_DJANGO_ARGON2 = "argon2$"  # and a PHC string without its first dollar


class HashRefused(LinkmwError):
    """The hash is none that Keycloak can try, or too weak to be carried (MG03). The message never quotes it."""

    code = "hash_refused"


@dataclass(frozen=True, slots=True)
class Credential:
    """What Keycloak keeps: public parameters, and the hash with its salt."""

    algorithm: str
    iterations: int
    salt: bytes = field(repr=False)
    value: bytes = field(repr=False)
    parameters: tuple[tuple[str, str], ...] = ()

    def representation(self, label: str = "") -> dict[str, Any]:
        """CredentialRepresentation of Keycloak's Admin API. label: what Keycloak calls it; "" for its own word."""
        public = {
            "hashIterations": self.iterations,
            "algorithm": self.algorithm,
            "additionalParameters": {name: [value] for name, value in self.parameters},
        }
        secret = {"value": _standard(self.value), "salt": _standard(self.salt), "additionalParameters": {}}
        said = {"type": "password", "credentialData": json.dumps(public), "secretData": json.dumps(secret)}
        return said | ({"userLabel": label} if label else {})


def of_phc(text: str) -> Credential:
    """An Argon2id hash in PHC form, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. Raises HashRefused."""
    found = _PHC.fullmatch(text)
    if found is None:
        raise HashRefused("not an Argon2id hash in PHC form")
    version, memory, passes, lanes, salt, value = found.groups()
    if (version or "16") not in _VERSIONS:
        raise HashRefused("an unknown version of Argon2")
    if int(memory) not in MEMORY_KIB or int(passes) not in PASSES or int(lanes) not in LANES:
        raise HashRefused("Argon2 parameters that are too weak, or too costly to try")
    raw = _of_size(_unpadded(value), HASH_BYTES)
    parameters = {
        "hashLength": str(len(raw)),
        "memory": memory,
        "type": "id",
        "version": _VERSIONS[version or "16"],
        "parallelism": lanes,
    }
    return Credential("argon2", int(passes), _of_size(_unpadded(salt), SALT_BYTES), raw, tuple(parameters.items()))


def of_django(text: str) -> Credential:
    """A hash as Django stores it: `pbkdf2_sha256$iterations$salt$hash` or `argon2$argon2id$…`. Raises HashRefused."""
    if text.startswith(_DJANGO_ARGON2):
        return of_phc(text.removeprefix("argon2"))
    found = _DJANGO_PBKDF2.fullmatch(text)
    if found is None:
        raise HashRefused(_reason(text))
    iterations, salt, value = found.groups()
    if int(iterations) not in PBKDF2_ITERATIONS:
        raise HashRefused("PBKDF2 with too few iterations, or too many")
    # Django's salt is the text itself; its 22 characters of today are 128 bits and more.
    raw = _of_size(_decoded(value), HASH_BYTES)
    return Credential("pbkdf2-sha256", int(iterations), _of_size(salt.encode(), SALT_BYTES), raw)


def _reason(text: str) -> str:
    if not text:
        return "no password"
    if text.startswith("!"):  # Django: UNUSABLE_PASSWORD_PREFIX
        return "an unusable password"
    return "a weaker or unknown kind of hash"


def _standard(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _unpadded(text: str) -> bytes:
    if "=" in text:  # the PHC string format has none
        raise HashRefused("not base64")
    return _decoded(text + "=" * (-len(text) % 4))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise HashRefused("not base64") from None


def _of_size(raw: bytes, sizes: range) -> bytes:
    if len(raw) not in sizes:
        raise HashRefused("a salt or a hash of an odd size")
    return raw
