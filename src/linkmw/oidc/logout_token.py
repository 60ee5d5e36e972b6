"""Logout tokens (OpenID Connect Back-Channel Logout 1.0, 2.4 and 2.6)."""

from __future__ import annotations

from linkmw.errors import TokenRejected
from linkmw.model import Claims
from linkmw.oidc.claims import LEEWAY, check_audience, check_equal, check_fresh, rejected, text
from linkmw.oidc.jose import KeySet, verify_signature

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYP = "logout+jwt"
LIFETIME = 120  # seconds; 2.4 recommends at most two minutes, and Keycloak gives that
# How long a `jti` must be known, to be refused a second time: the last second in which it would pass counts in full.
REMEMBER_SECONDS = LIFETIME + 2 * LEEWAY + 1

# Providers that do not type their tokens say JWT or nothing; `events` then tells a logout token from an ID token.
_TYPES = frozenset((TYP, "jwt", ""))


def verify(
    token: str,
    keys: KeySet,
    *,
    issuer: str,
    audience: str,
    now: int,
    algorithms: frozenset[str] = frozenset({"RS256"}),
) -> Claims:
    """The claims of a logout token; at least one of `sub` and `sid` is there, and `jti` always.

    The caller remembers `(iss, jti)` for REMEMBER_SECONDS and refuses it the second time (step 8).
    Raises TokenRejected, naming the first check that failed. Source: Back-Channel Logout 1.0, 2.6.
    """
    claims = verify_signature(token, keys, algorithms=algorithms, types=_TYPES)  # 1, 2 and 3
    check_equal(claims, "iss", issuer)  # 4
    check_audience(claims, audience)
    check_fresh(claims, now, LIFETIME + LEEWAY)
    if claims["exp"] - claims["iat"] > LIFETIME + LEEWAY:
        raise rejected("exp", "a logout token lives two minutes")
    _check_whom(claims)  # 5
    _check_event(claims)  # 6
    if "nonce" in claims:  # 7: an ID token has one
        raise TokenRejected("a logout token has no nonce", code="token_nonce")
    text(claims, "jti")  # 8
    return claims


def claims_for(
    *, issuer: str, audience: str, now: int, jti: str, subject: str = "", sid: str = "", happened: int | None = None
) -> Claims:
    """The claims of a logout token made now: of one session (`sid`), or of all of `subject`.

    happened: when the logout did, for it may be told late; `toe` says so (RFC 8417, 2.2). It means no later session.
    """
    whom = {name: value for name, value in (("sub", subject), ("sid", sid)) if value}
    times = {"iat": now, "exp": now + LIFETIME} | ({} if happened is None else {"toe": happened})
    return {"iss": issuer, "aud": audience, **times, "jti": jti, **whom, "events": {EVENT: {}}}


def _check_whom(claims: Claims) -> None:
    named = [name for name in ("sub", "sid") if name in claims]
    if not named:
        raise rejected("sub", "the token says neither sub nor sid")
    for name in named:
        text(claims, name)


def _check_event(claims: Claims) -> None:
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise rejected("events", "the token tells of no logout")
    if claims.get("typ", "Logout") != "Logout":  # Keycloak's word for it, inside
        raise TokenRejected("the token is no logout token", code="token_purpose")
