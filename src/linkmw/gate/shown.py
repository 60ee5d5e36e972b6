"""The second factor of a proof whose session cannot say that it was shown.

In `replace` a proof starts none (PR03); the product's own login starts one that may not say which factor it asked for.

The sign-in that follows it, in the same browser, does not ask for it a second time.
"""

from __future__ import annotations

from linkmw.gate import proof_kind
from linkmw.gate.browser import Browser, known
from linkmw.gate.ports import Ports
from linkmw.http import Request
from linkmw.settings import Settings

_PURPOSE = "second-factor-shown"


async def note(ports: Ports, settings: Settings, browser: Browser, account_id: str) -> None:
    """This browser has shown all of this account; for as long as a proof may take."""
    await ports.marks.count(_PURPOSE, _value(browser, account_id), settings.proof_seconds)


async def was(ports: Ports, settings: Settings, request: Request, account_id: str) -> bool:
    """Has this browser shown it just now?"""
    browser = known(settings, request) if _may_be(ports, settings) else None
    return browser is not None and await ports.marks.counted(_PURPOSE, _value(browser, account_id)) > 0


async def forget(ports: Ports, settings: Settings, browser: Browser, account_id: str) -> None:
    """The sign-in it was shown for is done: the next one asks again."""
    if _may_be(ports, settings):
        await ports.marks.reset(_PURPOSE, _value(browser, account_id))


def _may_be(ports: Ports, settings: Settings) -> bool:
    return settings.closes or proof_kind.is_native(settings, ports.product)


def _value(browser: Browser, account_id: str) -> str:
    return f"{browser.key} {account_id}"
