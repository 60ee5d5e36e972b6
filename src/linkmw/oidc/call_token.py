"""Signed calls from the hub to a product (docs/protocol.md, 5): method, URL and body under the hub's signature.

Shaped after DPoP proofs (RFC 9449, 4.2), with the body's digest beside method and URL.
"""

from __future__ import annotations

from linkmw.errors import TokenRejected
from linkmw.model import Claims
from linkmw.oidc import base64url
from linkmw.oidc.claims import LEEWAY, check_audience, check_begun, check_equal, check_registered, rejected, text, time
from linkmw.oidc.jose import KeySet, verify_signature

TYP = "linkmw-call+jwt"
LIFETIME = 60  # seconds
REMEMBER_SECONDS = LIFETIME + 2 * LEEWAY  # how long a `jti` must be known, to be refused a second time


def claims_for(*, issuer: str, audience: str, method: str, url: str, body: bytes, now: int, jti: str) -> Claims:
    """The claims that let `body` go to `url` by `method`, once, within the next minute.

    url: the product's public URL and path, query included if there is one. jti: 32 random bytes, base64url.
    """
    to = {"htm": method, "htu": url, "digest": base64url.sha256(body)}
    return {"iss": issuer, "aud": audience, "iat": now, "exp": now + LIFETIME, "jti": jti, **to}


def verify(
    token: str,
    keys: KeySet,
    *,
    issuer: str,
    audience: str,
    method: str,
    url: str,
    body: bytes,
    now: int,
    algorithms: frozenset[str] = frozenset({"RS256", "ES256"}),
) -> Claims:
    """The claims of a call that arrived as `method` at `url` with exactly the bytes `body`.

    url: built from settings, never from Host. The caller marks `jti` for REMEMBER_SECONDS and refuses it the second
    time (BC02). Raises TokenRejected; its code `token_clock` means that the two clocks are over 60 s apart (BC04).
    """
    claims = verify_signature(token, keys, algorithms=algorithms, types=frozenset((TYP,)))
    check_equal(claims, "iss", issuer)
    check_audience(claims, audience)
    check_registered(claims)
    _check_times(claims, now)
    text(claims, "jti")
    check_equal(claims, "htm", method)
    check_equal(claims, "htu", url)
    check_equal(claims, "digest", base64url.sha256(body))
    return claims


def _check_times(claims: Claims, now: int) -> None:
    """A call lives 60 s, and is used at once: what is further off than the leeway has a wrong clock or was kept."""
    issued = time(claims, "iat")
    if not 0 < time(claims, "exp") - issued <= LIFETIME:
        raise rejected("exp", "a call lives up to 60 s")
    if abs(now - issued) > LEEWAY:
        raise TokenRejected(
            "the call's time is over 60 s off: compare the clocks of hub and product", code="token_clock"
        )
    check_begun(claims, now)
