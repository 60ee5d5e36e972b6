"""What becomes of who was under way when linkmw was switched off: on to the product's own login (PR25, CF03).

Standard library only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from linkmw.errors import LinkmwError
from linkmw.gate import places
from linkmw.http import PASS, Answer, Request, redirect
from linkmw.settings import Settings

if TYPE_CHECKING:
    from linkmw.gate.ports import Ports

SECONDS = 1800  # as long as a sign-in may take
# By its shape: which client id it was is not known any more.
_OURS = re.compile(r"(?:\A|;)\s*__Host-linkmw-[0-9a-f]{8}=")


class SwitchedOff(LinkmwError):
    """linkmw was switched off while this request was answered: no session begins."""

    code = "switched_off"
    status = 303


def check(ports: Ports) -> None:
    """No native session begins once linkmw is off, not by half a second either. Raises SwitchedOff (RC08)."""
    if ports.is_over():
        raise SwitchedOff("linkmw was switched off meanwhile")


def answer(settings: Settings, request: Request, now: int) -> Answer:
    """While off: 303 for a path under the prefix that bears our cookie, soon after; all else is the product's."""
    if not request.path.startswith(settings.prefix) or not settings.disabled_at <= now < settings.disabled_at + SECONDS:
        return PASS
    return redirect(places.native_login(settings)) if _OURS.search(request.headers.get("cookie", "")) else PASS
