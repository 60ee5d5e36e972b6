"""Does a server answer yet? Asked many times a second, so without a client that would build a TLS context each time."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit


def status(url: str, host: str = "", seconds: float = 10) -> int:
    """The HTTP status of a GET; 0 when nobody answers in time. url: plain http. host: another Host header."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("GET", parts.path or "/", headers={"Host": host} if host else {})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
