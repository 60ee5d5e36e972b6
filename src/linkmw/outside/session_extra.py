"""What the operator says that a session holds besides the account (LINKMW_SESSION_EXTRA)."""

from __future__ import annotations

import json
import secrets
from typing import Any

RANDOM = "{random}"
_BYTES = 32


def made(told: str) -> dict[str, Any]:
    """For one session: each `{random}` is 256 random bits, the same throughout it. told: JSON text, or ""."""
    if not told:
        return {}
    found: dict[str, Any] = _filled(json.loads(told), secrets.token_urlsafe(_BYTES))
    return found


def _filled(value: Any, random: str) -> Any:
    if isinstance(value, str):
        return value.replace(RANDOM, random)
    if isinstance(value, list):
        return [_filled(one, random) for one in value]
    if isinstance(value, dict):
        return {key: _filled(one, random) for key, one in value.items()}
    return value
