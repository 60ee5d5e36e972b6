"""Short names for the log: of one failure, the same on its page; of one person's way through both halves."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

_LEGIBLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no 0 O 1 I: references are read out over the telephone


@dataclass(frozen=True, slots=True)
class Reference:
    """For instance `7Q4K-M2XD`: 40 random bits, enough to find a line in a log, no secret."""

    value: str

    def __str__(self) -> str:
        return self.value


def new_reference() -> Reference:
    letters = "".join(secrets.choice(_LEGIBLE) for _ in range(8))
    return Reference(f"{letters[:4]}-{letters[4:]}")


_FLOW_LETTERS = 12  # 48 bits: enough to tell one day's flows apart


def flow_name(secret: str) -> str:
    """What the log calls the flow that is known by `secret`: the beginning of its SHA-256, hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()[:_FLOW_LETTERS]
