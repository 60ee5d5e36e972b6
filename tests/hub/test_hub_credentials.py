"""Which hashes Keycloak can go on with, and that no other one gets near it."""

from __future__ import annotations

import base64
import json

import pytest

from linkmw.hub.credentials import HashRefused, of_django, of_phc

SALT, HASH = base64.b64encode(b"s" * 16).decode().rstrip("="), base64.b64encode(b"h" * 32).decode()
PHC = f"$argon2id$v=19$m=102400,t=2,p=8${SALT}${HASH.rstrip('=')}"


def test_an_argon2id_hash_keeps_its_own_parameters() -> None:
    said = of_phc(PHC).representation("of Orders")
    assert (said["type"], said["userLabel"]) == ("password", "of Orders")
    assert json.loads(said["credentialData"]) == {
        "hashIterations": 2,
        "algorithm": "argon2",
        "additionalParameters": {
            "hashLength": ["32"],
            "memory": ["102400"],
            "type": ["id"],
            "version": ["1.3"],
            "parallelism": ["8"],
        },
    }
    secret = json.loads(said["secretData"])
    assert (base64.b64decode(secret["salt"]), base64.b64decode(secret["value"])) == (b"s" * 16, b"h" * 32)
    assert of_django("argon2" + PHC) == of_phc(PHC)


def test_ops06_djangos_pbkdf2_is_its_salt_as_text() -> None:
    found = of_django(f"pbkdf2_sha256$870000$saltsaltsaltsaltsaltsa${HASH}")
    assert (found.algorithm, found.iterations) == ("pbkdf2-sha256", 870_000)
    assert (found.salt, found.value) == (b"saltsaltsaltsaltsaltsa", b"h" * 32)
    assert "hhhh" not in repr(found)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no password"),
        ("!Xy3nothing", "an unusable password"),
        ("plain", "weaker or unknown"),
        ("md5$salt$0123456789abcdef0123456789abcdef", "weaker or unknown"),
        (f"pbkdf2_sha1$870000$saltsalt${HASH}", "weaker or unknown"),
        (f"pbkdf2_sha256$9999$saltsalt${HASH}", "iterations"),
        (f"pbkdf2_sha256$99999999$saltsalt${HASH}", "iterations"),
        (f"pbkdf2_sha256$870000$saltsalt${HASH}x", "not base64"),
        ("pbkdf2_sha256$870000$saltsalt$aGg=", "odd size"),
        (f"pbkdf2_sha256$870000$s${HASH}", "odd size"),
        ("argon2" + PHC.replace("argon2id", "argon2i"), "PHC"),
        ("argon2" + PHC.replace("m=102400", "m=99999999"), "costly"),
        ("argon2" + PHC.replace("m=102400", "m=8"), "weak"),
        ("argon2" + PHC.replace("v=19", "v=20"), "version"),
        ("argon2" + PHC + "=", "not base64"),
        ("argon2" + PHC + "\n", "not base64"),
    ],
)
def test_mg03_a_hash_that_is_blank_weaker_or_broken_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(HashRefused, match=reason) as refused:
        of_django(text)
    assert not text or text not in str(refused.value)
