"""ID tokens of the authorization code flow (OpenID Connect Core 1.0, 2 and 3.1.3.7)."""

from __future__ import annotations

import hashlib

from linkmw.errors import TokenRejected
from linkmw.model import Claims
from linkmw.oidc import base64url
from linkmw.oidc.claims import LEEWAY, check_audience, check_equal, check_fresh, check_registered, rejected, text, time
from linkmw.oidc.jose import KeySet, verify_signature

MAX_AGE = 600  # seconds since iat: it was fetched a moment ago
TYPES = frozenset(("jwt", ""))


def verify(
    token: str,
    keys: KeySet,
    *,
    issuer: str,
    audience: str,
    nonce: str,
    now: int,
    access_token: str = "",
    max_age: int | None = None,
    algorithms: frozenset[str] = frozenset({"RS256"}),
) -> Claims:
    """The claims of an ID token, once every check has passed.

    token: compact JWS, at most 16 KiB. now: seconds since the epoch; 60 s of skew are forgiven. access_token: what
    came with it, if it is going to be used. max_age: seconds, if it was asked for.
    Raises TokenRejected, naming the first check that failed. Source: OpenID Connect Core 1.0, 3.1.3.7.
    """
    # Steps 1, 6, 7 and 8: not encrypted, signed by the issuer, with the algorithm agreed on, never with a MAC.
    # They come first, since nothing unsigned is worth reading.
    claims = verify_signature(token, keys, algorithms=algorithms, types=TYPES)
    check_equal(claims, "iss", issuer)  # 2
    check_audience(claims, audience)  # 3, 4 and 5
    check_fresh(claims, now, MAX_AGE)  # 9 and 10
    check_equal(claims, "nonce", nonce)  # 11
    _check_authentication(claims, now, max_age)  # 13; 12, acr, was not asked for
    text(claims, "sub")  # 2, "ID Token"
    check_registered(claims)
    _check_purpose(claims)
    _check_access_token(claims, access_token)  # 3.1.3.8
    return claims


def verify_hint(token: str, keys: KeySet, *, issuer: str, audience: str, algorithms: frozenset[str]) -> Claims:
    """The claims of an ID token that `issuer` made once and that comes back to it as `id_token_hint`, however old.

    keys: the issuer's own. Raises TokenRejected. Source: OpenID Connect RP-Initiated Logout 1.0, 2 and 4.
    """
    claims = verify_signature(token, keys, algorithms=algorithms, types=TYPES)
    check_equal(claims, "iss", issuer)
    check_audience(claims, audience)
    text(claims, "sub")
    _check_purpose(claims)
    return claims


def _check_authentication(claims: Claims, now: int, max_age: int | None) -> None:
    """Step 13: the person signed in recently enough (TV24)."""
    if max_age is None and "auth_time" not in claims:
        return
    signed_in = time(claims, "auth_time")
    if signed_in > now + LEEWAY:
        raise rejected("auth_time", "the sign-in lies in the future")
    if max_age is not None and signed_in < now - max_age - LEEWAY:
        raise TokenRejected("the sign-in is older than was asked for", code="token_auth_too_old")


def _check_purpose(claims: Claims) -> None:
    """No other kind of token passes for an ID token (TV21; RFC 8725, 3.12).

    Keycloak says `typ` inside, too: ID, Bearer, Refresh, Logout. Logout tokens have `events`.
    """
    if claims.get("typ", "ID") != "ID" or "events" in claims:
        raise TokenRejected("the token is no ID token", code="token_purpose")
    if "sid" in claims:
        text(claims, "sid")


def _check_access_token(claims: Claims, access_token: str) -> None:
    """`at_hash` is the left half of the access token's SHA-256, our algorithms all being of that size (TV23).

    A caller that drops the access token has nothing to compare; whoever uses it must hand it in.
    """
    if access_token and "at_hash" in claims:
        check_equal(claims, "at_hash", at_hash(access_token))


def at_hash(access_token: str) -> str:
    """The `at_hash` claim for `access_token` (OpenID Connect Core 1.0, 3.1.3.6)."""
    return base64url.encode(hashlib.sha256(access_token.encode("ascii")).digest()[:16])
