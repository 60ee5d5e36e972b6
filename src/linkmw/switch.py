"""Which mode holds. Pure: the lowest of what the product and the tenant want, and off while a part is away (P-5)."""

from __future__ import annotations

from linkmw.model import Mode

_RISING: tuple[Mode, ...] = ("off", "beside", "replace")


def effective(own: Mode, tenant: Mode, *, healthy: bool, percent: int = 100) -> Mode:
    """The mode of a login route now. own: the product's setting; tenant, healthy, percent: what the hub says."""
    if not healthy or percent <= 0:
        return "off"
    return min(own, tenant, key=_RISING.index)
