"""Accounts that have no usable password, as far as the adapter can say (DIS-7)."""

from __future__ import annotations

from linkmw.cli.application import Application
from linkmw.gate.recovery import Recovery
from linkmw.model import Account


def of(application: Application | None) -> Recovery | None:
    """The adapter, if it can help with that."""
    product = application.product if application else None
    return product if isinstance(product, Recovery) else None


def without_password(application: Application | None) -> list[Account] | None:
    """The active accounts without a usable password; None where nobody can say."""
    recovery = of(application)
    if application is None or recovery is None:
        return None
    found = application.call(recovery.without_password)
    return None if found is None else list(found)
