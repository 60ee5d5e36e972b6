"""The checks that ID tokens, logout tokens and signed calls share: presence, strict types, issuer, audience, times.

Each raises TokenRejected with a code of its own. Types are strict: `true` is no time, `"123"` is none, a list is no
issuer (TV06, TV07).
"""

from __future__ import annotations

from hmac import compare_digest

from linkmw.errors import TokenRejected
from linkmw.model import Claims

LEEWAY = 60  # seconds of difference between two clocks that is forgiven
MAX_TEXT = 255  # OpenID Connect Core 1.0, 2: a subject is at most 255 characters
MAX_TIME = 253_402_300_799  # the last second of the year 9999

# What text claims are called in codes: whole words, where the claim's own name is a riddle.
_CODES = {"iss": "issuer", "sub": "subject", "aud": "audience"}


def rejected(name: str, message: str) -> TokenRejected:
    """A rejection for claim `name`: code `token_<name>`."""
    return TokenRejected(message, code=f"token_{_CODES.get(name, name)}")


def text(claims: Claims, name: str) -> str:
    """A claim of 1 to 255 printable characters."""
    value = claims.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT or not value.isprintable():
        raise rejected(name, f"{name} is missing or not text")
    return value


def time(claims: Claims, name: str) -> int:
    """A claim of whole seconds since the epoch."""
    value = claims.get(name)
    if type(value) is not int or not 0 <= value <= MAX_TIME:  # bool is an int to isinstance
        raise rejected(name, f"{name} is missing or not a time")
    return value


def check_equal(claims: Claims, name: str, expected: str) -> None:
    """The claim is exactly `expected`, which is never empty; compared in constant time."""
    value = claims.get(name)
    if not isinstance(value, str) or not expected or not compare_digest(value.encode(), expected.encode()):
        raise rejected(name, f"{name} is not the one expected")


def check_audience(claims: Claims, client_id: str) -> None:
    """The token was made for `client_id`; if for others too, `azp` says that it was given to us (TV05)."""
    value = claims.get("aud")
    audiences = [value] if isinstance(value, str) else value
    if not isinstance(audiences, list) or not all(isinstance(one, str) for one in audiences):
        raise rejected("aud", "aud is missing or not text")
    if client_id not in audiences:
        raise rejected("aud", "the token is for another audience")
    if audiences != [client_id] or "azp" in claims:
        check_equal(claims, "azp", client_id)


def check_registered(claims: Claims) -> None:
    """Registered claims are of their types also where nothing rests on them (RFC 7519, 4.1.2 and 4.1.7)."""
    for name in ("sub", "jti"):
        if not isinstance(claims.get(name, ""), str):
            raise rejected(name, f"{name} is not text")


def check_begun(claims: Claims, now: int) -> None:
    """Now is not before `nbf`, where there is one, with 60 s forgiven (RFC 7519, 4.1.5)."""
    if "nbf" in claims and time(claims, "nbf") > now + LEEWAY:
        raise TokenRejected("the token is not valid yet", code="token_not_yet")


def check_fresh(claims: Claims, now: int, max_age: int) -> None:
    """Now is before `exp`, after `iat` and `nbf`, with 60 s forgiven, and at most `max_age` seconds after `iat`."""
    if time(claims, "exp") + LEEWAY <= now:
        raise TokenRejected("the token has expired: it is old, or a clock is wrong", code="token_expired")
    issued = time(claims, "iat")
    if issued > now + LEEWAY:
        raise TokenRejected("the token was issued in the future: a clock is wrong", code="token_issued_ahead")
    if issued < now - max_age:
        raise TokenRejected("the token is too old", code="token_too_old")
    check_begun(claims, now)
