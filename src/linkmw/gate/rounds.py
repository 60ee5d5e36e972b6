"""Sign-ins that leave no session, one after the other: a loop that a person can't leave is stopped (P-7, PR20)."""

from __future__ import annotations

from linkmw.errors import RequestRefused
from linkmw.gate.browser import Browser
from linkmw.gate.ports import Ports
from linkmw.http import Request

ROUNDS = 2
SECONDS = 30

_PURPOSE = "round"


async def check_rounds(ports: Ports, request: Request, browser: Browser) -> None:
    """Raises RequestRefused (`no_session`) for the third sign-in within SECONDS while the first two left no session."""
    if browser.is_new:
        return
    if await ports.marks.counted(_PURPOSE, browser.key) < ROUNDS:
        return
    if await ports.call(ports.product.current_account, request) is None:
        raise RequestRefused("two sign-ins in a row have left no session", code="no_session")


async def count_round(ports: Ports, browser: Browser) -> None:
    """A sign-in of this browser has been finished."""
    await ports.marks.count(_PURPOSE, browser.key, SECONDS)


async def forget_rounds(ports: Ports, browser: Browser) -> None:
    """There was a session, for it was signed out of."""
    await ports.marks.reset(_PURPOSE, browser.key)
