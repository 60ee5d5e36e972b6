"""A gate session in as few bytes as it takes: one for each person signed in (performance.md, G7).

Version, two times, three or four texts: the fourth, `native`, only where there is one. A text that is base64url, as our
tokens are, is kept as the bytes it spells.
"""

from __future__ import annotations

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

from linkmw.model import Session
from linkmw.stores.codec import at_most

VERSION = 1
MAX_TEXT = 0x7FFF
_HEAD = struct.Struct(">BII")  # version, started, expires; 32 bits of seconds last until 2106
_SIZE = struct.Struct(">H")
_TOKEN = 0x8000  # beside the size: these bytes are a token
_TOKEN_TEXT = 43  # characters of 32 random bytes


def pack(session: Session) -> bytes:
    """All of `session` but its sid, whose hash is the key. Raises RequestRefused for a text over 32 KiB."""
    texts = (session.account_id, session.identity, session.hub_sid, *([session.native] if session.native else ()))
    return _HEAD.pack(VERSION, session.started, session.expires) + b"".join(_pack(text) for text in texts)


def unpack(sid: str, data: bytes | None) -> Session | None:
    """The session; None for no data, another version, another shape."""
    try:
        return _unpack(sid, data) if data else None
    except (struct.error, ValueError):
        return None


@lru_cache(maxsize=1024)  # where Redis is asked each time, that much of a request costs as much as the question
def _unpack(sid: str, data: bytes) -> Session | None:
    version, started, expires = _HEAD.unpack_from(data)
    if version != VERSION:
        return None
    account_id, end = _read(data, _HEAD.size)
    identity, end = _read(data, end)
    hub_sid, end = _read(data, end)
    native, end = _read(data, end) if end < len(data) else ("", end)
    return Session(sid, account_id, identity, hub_sid, started, expires, native) if end == len(data) else None


def _pack(text: str) -> bytes:
    token = _token_bytes(text)
    data = at_most(MAX_TEXT, text.encode()) if token is None else token
    return _SIZE.pack(len(data) | (_TOKEN if token is not None else 0)) + data


def _read(data: bytes, offset: int) -> tuple[str, int]:
    size = _SIZE.unpack_from(data, offset)[0]
    start = offset + _SIZE.size
    end = start + (size & MAX_TEXT)
    if end > len(data):
        raise ValueError("cut short")
    return (_token(data[start:end]) if size & _TOKEN else data[start:end].decode()), end


def _token(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _token_bytes(text: str) -> bytes | None:
    """The bytes that `text` spells, as `_token` would spell them; None for what is shorter than our tokens."""
    if not _TOKEN_TEXT <= len(text) <= MAX_TEXT or not text.isascii():
        return None
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return data if _token(data) == text else None
