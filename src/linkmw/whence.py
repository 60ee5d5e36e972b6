"""Where a request comes from: whose address, which site, and was it a person's doing? Standard library only.

Browsers say it in Origin (RFC 6454) and Fetch Metadata (`Sec-Fetch-*`); proxies in X-Forwarded-For.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from linkmw.http import Request, origin_of

_AHEAD = ("sec-purpose", "purpose", "x-moz")  # how browsers say that they only guess ahead


def is_navigation(request: Request) -> bool:
    """Is a person going to this page, in a window of its own? Images, frames and prefetches are not (FC17)."""
    ahead = any("prefetch" in request.headers.get(name, "").lower() for name in _AHEAD)
    return request.headers.get("sec-fetch-dest", "document") == "document" and not ahead


def is_cross_site_arrival(request: Request) -> bool:
    """Did another site send the browser here? Older browsers say nothing."""
    return request.headers.get("sec-fetch-site", "") in ("cross-site", "same-site")


def is_own_form(request: Request, public_url: str) -> bool:
    """Was this POST sent by a page of `public_url`? Browsers name Origin or Sec-Fetch-Site on every POST (XS01).

    One of the two must be there, and neither may say otherwise.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is None:
        return False
    return site in (None, "same-origin") and origin in (None, _as_browsers_write(origin_of(public_url)))


def is_own_sign_in(request: Request, public_url: str) -> bool:
    """As `is_own_form`, of a page of the product's own: by its policy it may name no referrer.

    Then browsers say `Origin: null` (Fetch standard, 3.2), and Sec-Fetch-Site has to speak.
    """
    if request.headers.get("origin") == "null":
        return request.headers.get("sec-fetch-site") == "same-origin"
    return is_own_form(request, public_url)


def _as_browsers_write(origin: str) -> str:
    """Lower case, without the scheme's own port (RFC 6454, 6.2)."""
    lower = origin.lower()
    return lower.removesuffix(":443" if lower.startswith("https:") else ":80")


def client_address(peer: str, forwarded_for: str, trusted: Sequence[str]) -> str:
    """Who is calling: the right-most address of X-Forwarded-For that is not a trusted proxy (BF09, HT11).

    The header counts only as far as trusted proxies wrote it: read from the right, it ends at the first stranger.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    found = peer
    while hops and _is_trusted(found, trusted):
        found = hops.pop()
    return found


def _is_trusted(address: str, networks: Sequence[str]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in ipaddress.ip_network(network, strict=False) for network in networks)


def same_network(address: str) -> str:
    """What one visitor can move about in: an IPv4 address, or the /64 that an IPv6 one is in (BF09)."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
