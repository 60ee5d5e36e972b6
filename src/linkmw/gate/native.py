"""What a native session is ended by from outside, as the allow-list keeps it: sealed, for it may open that session.

Unlike the rest of the list it is worth stealing: in Django it is the very value of the session cookie (SC07).
"""

from __future__ import annotations

import hashlib

from linkmw.settings import Settings
from linkmw.signed import Seal, Unopenable

_PURPOSE = "native session"


def closed(settings: Settings, reference: str) -> str:
    """`reference`, which only this product's gate can read again."""
    return _seal(settings).close(reference.encode(), _PURPOSE)


def opened(settings: Settings, native: str) -> str:
    """The reference; "" for none, and for one from before the client's secret was changed."""
    try:
        return _seal(settings).open(native, _PURPOSE).decode() if native else ""
    except Unopenable:
        return ""


def _seal(settings: Settings) -> Seal:
    return Seal((hashlib.sha256(f"linkmw {_PURPOSE}\0{settings.client_secret}".encode()).digest(),))
