"""How an account of this product is proven: by our page, by the product's own login, or not at all (design.md, 3).

Standard library only: the shells ask it at start.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from linkmw.gate.ports import Product
    from linkmw.settings import Settings

log = logging.getLogger("linkmw")

Kind = Literal["form", "native"]


def checks_passwords(product: Product | type[Product]) -> bool:
    """Can `verify_password` be asked? Else accounts are proven by the product's own login alone."""
    return bool(getattr(product, "checks_passwords", True))


def tells_complete(product: Product | type[Product]) -> bool:
    """Does `is_complete` know of every second factor there may be? Else a page says it (`signed_in_path`)."""
    return bool(getattr(product, "tells_complete", True))


def wanted(settings: Settings, product: Product | type[Product]) -> Kind:
    """What the settings ask for, whether or not it can be had."""
    return "native" if settings.proof == "native" or not checks_passwords(product) else "form"


def is_native(settings: Settings, product: Product | type[Product]) -> bool:
    """Is it the native proof, as far as settings and adapter say? Not while a half sign-in may look whole (PR04)."""
    return wanted(settings, product) == "native" and (tells_complete(product) or bool(settings.signed_in_path))


def kind(settings: Settings, product: Product, *, takes_over: bool, hub_asks: bool) -> Kind | None:
    """How it is proven now; None: not at all.

    takes_over: linkmw stands in the place of the product's login, whose doors are closed then. hub_asks: the hub asks
    the person after a native proof, as one of before did not (PR05). Where the native proof can't be, our page is, if
    the adapter checks passwords.
    """
    if is_native(settings, product) and not takes_over and hub_asks:
        return "native"
    return "form" if checks_passwords(product) else None


def cookie_name(client_id: str) -> str:
    """Of the cookie that only a browser has whose native proof is armed."""
    import hashlib  # most accounts are proven by our page

    return f"__Host-linkmw-{hashlib.sha256(client_id.encode()).hexdigest()[:8]}-proof"


def watched(settings: Settings, product: Product | type[Product]) -> str | None:
    """What a Cookie header holds while this browser's proof is armed; None: no proof here is native.

    Says in the log, at start, what the settings ask for and cannot have.
    """
    if not settings.on:
        return None
    if wanted(settings, product) == "native":
        _say(settings, product)
    return f"{cookie_name(settings.client_id)}=" if is_native(settings, product) else None


def _say(settings: Settings, product: Product | type[Product]) -> None:
    instead = "linkmw's own page asks for the password" if checks_passwords(product) else "no account can be linked"
    if not is_native(settings, product):
        log.error(
            "the native proof is OFF, %s: the adapter cannot tell half a sign-in from a whole one. "
            "Set signed_in_path to a page that answers 200 only to who is signed in",
            instead,
        )
    elif settings.closes:
        say = log.warning if checks_passwords(product) else log.error
        say("in mode replace an account is proven by linkmw's form alone, for its own login is closed: %s", instead)
