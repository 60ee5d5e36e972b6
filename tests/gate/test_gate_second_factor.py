"""Codes of RFC 6238, and the secrets that existing products hold."""

from __future__ import annotations

from contextlib import suppress

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gate.world import SECRET_80, SECRET_160

from linkmw.gate.ports import Totp, UnknownFactor
from linkmw.gate.second_factor import is_short, matching_step, read_code, readable

SHA256_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA===="
SHA512_SECRET = (
    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA="
)


@pytest.mark.parametrize(
    ("now", "code", "factor"),
    [
        (59, "94287082", Totp(SECRET_160, 8)),
        (1111111109, "07081804", Totp(SECRET_160, 8)),
        (20000000000, "65353130", Totp(SECRET_160, 8)),
        (59, "46119246", Totp(SHA256_SECRET, 8, 30, "SHA256")),
        (1234567890, "93441116", Totp(SHA512_SECRET, 8, 30, "SHA512")),
    ],
)
def test_the_test_values_of_rfc_6238(now: int, code: str, factor: Totp) -> None:
    assert matching_step(factor, code, now) == now // 30


def test_ot05_pyotp_refuses_a_legacy_secret_or_computes_what_we_do() -> None:
    with suppress(ValueError):  # newer ones want 112 bits
        assert pyotp.TOTP(SECRET_80).at(45) == _by_hand(b"1234567890", 1)


@pytest.mark.parametrize(
    "spelling", [SECRET_80, SECRET_80.lower(), "GEZD GNBV GY3T QOJQ", "gezd-gnbv-gy3t-qojq", SECRET_80 + "===="]
)
def test_ot05_a_legacy_secret_of_80_bits_works_however_it_is_spelled(spelling: str) -> None:
    factor = Totp(spelling)
    assert readable(factor) is factor
    assert is_short(factor)
    assert matching_step(factor, _by_hand(b"1234567890", 1), 45) == 1


def _by_hand(key: bytes, counter: int) -> str:
    """RFC 4226 once more, with the ipad and opad of RFC 2104 spelled out."""
    from hashlib import sha1

    block = key.ljust(64, b"\0")
    inner = sha1(bytes(b ^ 0x36 for b in block) + counter.to_bytes(8, "big")).digest()
    mac = sha1(bytes(b ^ 0x5C for b in block) + inner).digest()
    at = mac[19] & 15
    return f"{(int.from_bytes(mac[at : at + 4], 'big') % 2**31) % 10**6:06d}"


@pytest.mark.parametrize("secret", ["", "========", "not base32!", "GEZDGNBV", "18901890", "GEZDGNBVGY3TQOJ\u0130"])
def test_ot08_a_secret_nothing_can_be_computed_from_is_an_unknown_factor(secret: str) -> None:
    assert isinstance(readable(Totp(secret)), UnknownFactor)


def test_ot02_two_steps_off_is_wrong() -> None:
    code = pyotp.TOTP(SECRET_160).at(10_000)
    found = {steps: matching_step(Totp(SECRET_160), code, 10_000 + 30 * steps) for steps in range(-2, 3)}
    assert found == {-2: None, -1: 333, 0: 333, 1: 333, 2: None}


@pytest.mark.parametrize("typed", ["123456", "123 456", " 123456 ", "123-456", "1 2 3 4 5 6"])
def test_ot03_spaces_and_dashes_are_no_part_of_a_code(typed: str) -> None:
    assert read_code(typed) == "123456"


@pytest.mark.parametrize(
    "typed",
    [
        *("", "12345", "1234567", "123456\n", "+12345", "0x1234", "1e5000", "-123456 " * 20),
        *("\uff11\uff12\uff13\uff14\uff15\uff16", "\u00b9\u00b2\u00b3456", "\u0661\u0662\u0663456"),
        *("123\u00a0456", "12345\ud800"),
    ],
)
def test_ot03_everything_else_is_no_code(typed: str) -> None:
    assert read_code(typed) is None


def test_ot04_a_huge_code_is_not_looked_at() -> None:
    assert read_code("1" * 10_000_000) is None


@given(st.text(max_size=20))
def test_ot03_what_is_read_is_six_ascii_digits_or_nothing(typed: str) -> None:
    code = read_code(typed)
    assert code is None or (len(code) == 6 and code.isascii() and code.isdigit())


def test_a_factor_shows_no_secret() -> None:
    assert SECRET_160 not in repr(Totp(SECRET_160))
