"""Where the product's own login shows its form, if it does: no page of ours offers a door that leads to the hub."""

from __future__ import annotations

from linkmw.errors import LinkmwError
from linkmw.gate import places
from linkmw.gate.browser import in_share, known
from linkmw.gate.ports import Ports
from linkmw.http import Request
from linkmw.settings import Settings
from linkmw.switch import effective


async def url(ports: Ports, settings: Settings, request: Request) -> str:
    """The first login page with a form for this browser; "" while there is none. Never raises for what is away."""
    for path in settings.login_paths:
        if not await _leads_to_hub(ports, settings, request, path):
            return places.own(settings, path)
    return ""


async def _leads_to_hub(ports: Ports, settings: Settings, request: Request, path: str) -> bool:
    if settings.mode_of(path) != "replace" or ports.doors.permits.any():
        return False
    return await ports.doors.turns_away() != "open" or await _is_of_share(ports, settings, request)


async def _is_of_share(ports: Ports, settings: Settings, request: Request) -> bool:
    """Below 100 percent the door stands open, and this browser is one of those that are led past it (P-4)."""
    browser = known(settings, request)
    try:
        state = await ports.hub.state()
    except LinkmwError:
        return False
    moved = effective("replace", state.mode, healthy=state.healthy, percent=state.percent) == "replace"
    return moved and state.percent < 100 and browser is not None and in_share(browser, state.percent)
