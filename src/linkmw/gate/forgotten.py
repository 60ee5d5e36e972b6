"""Who waits for a product's reset mail, remembered for this browser alone: the mail may take longer than a proof."""

from __future__ import annotations

from linkmw.gate.browser import Browser, known
from linkmw.gate.ports import Ports, ProofRecord
from linkmw.http import Request
from linkmw.model import ProofRequest
from linkmw.secret import Secret
from linkmw.settings import Settings

REMEMBER_SECONDS = 86_400
_RECORD = "forgotten"


async def remember(ports: Ports, browser: Browser, email: str, identity_email: str) -> None:
    """The address comes back in the form of this browser's next proof, for a day, and whose proof it was (AKE-22).

    identity_email: "" at a first sign-in.
    """
    expires = ports.now() + REMEMBER_SECONDS
    nothing = ProofRequest(Secret(""), "link", identity_email, "", expires)
    await ports.proofs.put(_owner(browser), ProofRecord(_RECORD, nothing, expires, typed=email), REMEMBER_SECONDS)


async def address(ports: Ports, settings: Settings, browser: Browser) -> str:
    """The address this browser asked for a reset mail with; "" for none."""
    found = await _of(ports, settings, browser)
    return found.typed if found else ""


async def identity(ports: Ports, settings: Settings, request: Request) -> str | None:
    """Whose proof this browser asked for a reset mail in: `identity_email` as it was; None if it asked for none."""
    browser = known(settings, request)
    found = await _of(ports, settings, browser) if browser else None
    return found.request.identity_email if found else None


async def _of(ports: Ports, settings: Settings, browser: Browser) -> ProofRecord | None:
    return await ports.proofs.get(_owner(browser), _RECORD) if settings.closes else None


async def forget(ports: Ports, settings: Settings, browser: Browser) -> None:
    """The new password was shown: nobody else at this browser is to read the address."""
    if settings.closes:
        await ports.proofs.drop(_owner(browser), _RECORD)


def _owner(browser: Browser) -> str:
    """Beside the browser's proofs, not among them: no request can name this record."""
    return f"{_RECORD} {browser.key}"
