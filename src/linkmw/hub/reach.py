"""Which addresses the hub calls at all, whoever wrote them into its registry (SSRF; BC16)."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit


def may_call(url: str) -> bool:
    """May the hub send a request to `url`? Not to link-local addresses, where clouds keep their machines' credentials.

    A private address may be called: products live there. A host name is believed, for whoever runs the network decides
    where it leads.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.scheme not in ("https", "http") or not host or parts.username is not None:
        return False
    address = _address(host)
    return address is None or not (address.is_link_local or address.is_multicast or address.is_unspecified)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that `host` is, in any spelling that connects to one: 2852039166 and 0xa9.254.43518 are."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
