"""Does a server answer yet? Asked many times a second, so without a client that would build a TLS context each time."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit


def status(url: str, host: str = "", seconds: float = 10) -> int:
    """The HTTP status of a GET; 0 when nobody answers in time. url: plain http. host: another Host header."""
    return _get(url, host, seconds)[0]


def page(url: str, host: str = "", seconds: float = 10) -> str:
    """What a GET answers as text; "" when nobody answers in time."""
    return _get(url, host, seconds)[1].decode("utf-8", "replace")


def _get(url: str, host: str, seconds: float) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("GET", parts.path or "/", headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
