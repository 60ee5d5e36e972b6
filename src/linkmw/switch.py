"""Which mode holds. Pure: the lowest of what the product and the tenant want, and off while a part is away (P-5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Mode = Literal["off", "beside", "replace"]

_ON = frozenset(("1", "true", "yes", "on"))
_OFF = frozenset(("0", "false", "no", "off"))
_RISING: tuple[Mode, ...] = ("off", "beside", "replace")


def effective(own: Mode, tenant: Mode, *, healthy: bool, percent: int = 100) -> Mode:
    """The mode of a login route now. own: the product's setting; tenant, healthy, percent: what the hub says."""
    if not healthy or percent <= 0:
        return "off"
    return min(own, tenant, key=_RISING.index)


def read_switch(text: str) -> bool | None:
    """True for 1/true/yes/on, False for 0/false/no/off, in any case; None for anything else."""
    word = text.strip().lower()
    return True if word in _ON else False if word in _OFF else None


def is_off_in(environ: Mapping[str, str]) -> bool:
    """Is linkmw switched off by the environment? Then for good, and no other setting need be read (DIS-12).

    False also where two values compete, which is a mistake to be said.
    """
    return "LINKMW_ENABLED_FILE" not in environ and read_switch(environ.get("LINKMW_ENABLED", "")) is False
