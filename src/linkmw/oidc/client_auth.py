"""HTTP Basic client authentication (RFC 6749, 2.3.1): id and secret are form-encoded first."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from urllib.parse import quote_plus, unquote_to_bytes

from linkmw.errors import RequestRefused
from linkmw.secret import Secret

MAX_HEADER = 2048  # characters


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client says it is. Nothing is proven yet."""

    client_id: str
    secret: Secret


def write_basic(client_id: str, secret: str) -> str:
    """The value of an Authorization header."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + b64encode(pair.encode("ascii")).decode("ascii")


def read_basic(header: str) -> Credentials:
    """The credentials in an Authorization header.

    Raises RequestRefused (`invalid_client`, 401) for anything but one well-formed pair: one answer for every reason.
    """
    scheme, _, encoded = header.partition(" ")
    if len(header) > MAX_HEADER or scheme.lower() != "basic":
        raise _refused()
    try:
        client_id, separator, secret = b64decode(encoded.strip(" "), validate=True).decode("ascii").partition(":")
        credentials = Credentials(_decoded(client_id), Secret(_decoded(secret)))
    except ValueError:
        raise _refused() from None
    if not (separator and credentials.client_id and credentials.secret):
        raise _refused()
    return credentials


def _decoded(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8")


def _refused() -> RequestRefused:
    return RequestRefused("the client is not known by these credentials", code="invalid_client", status=401)
