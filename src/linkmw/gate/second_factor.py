"""Time-based one-time passwords that the gate checks itself (RFC 4226, RFC 6238). Pure.

pyotp refuses secrets under 112 bits, and existing products hold 80-bit ones: those are computed here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

import pyotp

from linkmw.gate.ports import SecondFactor, Totp, UnknownFactor

MAX_TYPED = 64  # characters looked at: a code with its spaces is under ten (OT04)
SHORTEST_SECRET = 10  # bytes: the 16 Base32 letters of the first authenticator apps
SHORT_SECRET = 16  # bytes: RFC 4226, section 4, R6 asks for at least 128 bits
WINDOW = 1  # time steps before and after now that are accepted (OT02)
_DIGESTS: dict[str, Callable[..., Any]] = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}
_SPACING = str.maketrans("", "", " -")


def read_code(typed: str, digits: int = 6) -> str | None:
    """The code somebody typed, "123 456" and "123-456" too; None for anything but ASCII digits (OT03)."""
    code = typed.translate(_SPACING) if len(typed) <= MAX_TYPED else ""
    return code if re.fullmatch(rf"[0-9]{{{digits}}}", code) else None


def readable(factor: SecondFactor) -> SecondFactor:
    """`factor`, or UnknownFactor for a secret that nothing can be computed from: such an account stops here (OT08)."""
    if isinstance(factor, Totp) and len(_key(factor)) < SHORTEST_SECRET:
        return UnknownFactor("unreadable TOTP secret")
    return factor


def is_short(factor: Totp) -> bool:
    """Should its owner enrol anew (OT05)?"""
    return len(_key(factor)) < SHORT_SECRET


def matching_step(factor: Totp, code: str, now: int) -> int | None:
    """The time step whose code this is, of the present one and its neighbours; None if it is wrong.

    Every step is compared, in constant time. The caller marks the step as used (OT01).
    """
    present = now // factor.period
    found = [
        step
        for step in range(present - WINDOW, present + WINDOW + 1)
        if hmac.compare_digest(_code_at(factor, step).encode(), code.encode())
    ]
    return found[0] if found else None


def _key(factor: Totp) -> bytes:
    letters = factor.secret.translate(_SPACING).rstrip("=").upper()
    try:
        return base64.b32decode(letters + "=" * (-len(letters) % 8))
    except (binascii.Error, ValueError):
        return b""


def _code_at(factor: Totp, step: int) -> str:
    key = _key(factor)
    digest = _DIGESTS[factor.algorithm]
    try:
        return pyotp.HOTP(base64.b32encode(key).decode(), digits=factor.digits, digest=digest).at(step)
    except ValueError:
        return _hotp(key, step, factor.digits, digest)


def _hotp(key: bytes, counter: int, digits: int, digest: Callable[..., Any]) -> str:
    """RFC 4226, 5.3: the truncated HMAC of the counter."""
    mac = hmac.new(key, counter.to_bytes(8, "big"), digest).digest()
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)
