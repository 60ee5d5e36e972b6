"""The product's own login route in `beside`: the page as it is, plus the button while everything answers (P-2, P-5)."""

from __future__ import annotations

import logging

from linkmw import redirects
from linkmw.errors import LinkmwError, Unavailable
from linkmw.gate import answers, places
from linkmw.gate.browser import wants_page
from linkmw.gate.ports import Ports
from linkmw.http import PASS, Answer, Decorate, Request
from linkmw.pages.screens import sign_in_button
from linkmw.settings import Settings
from linkmw.switch import effective

logger = logging.getLogger("linkmw.gate")


async def answer(ports: Ports, settings: Settings, request: Request) -> Answer:
    """Decorate, or Pass for whatever is no page to a person, and while hub, Redis or Keycloak is away."""
    if request.method not in ("GET", "HEAD") or not wants_page(request):
        return PASS
    try:
        state = await ports.hub.state()
        if not state.healthy:
            raise Unavailable("the hub says that a part of it is away")
        if effective(settings.mode, state.mode, healthy=True, percent=state.percent) == "off":
            return PASS
        await ports.ping()
    except LinkmwError as error:
        _say(ports, settings, error)
        return PASS
    _say(ports, settings, None)
    look = answers.dressed(settings, state.branding).look
    url = _start(settings, request)
    return Decorate(
        button=sign_in_button(look=look, url=url),
        marked_button=sign_in_button(look=look, url=url, placement="marker"),
        fixed_button=sign_in_button(look=look, url=url, placement="fixed"),
        stylesheet=look.button_stylesheet,
        head=request.method == "HEAD",
    )


def _say(ports: Ports, settings: Settings, error: LinkmwError | None) -> None:
    """A line when the button goes and one when it is back, however many people look at the page (DS06)."""
    if not ports.said.to("button", error.code if error else ""):
        return
    fields = {"tenant": settings.organization_id, "client_id": settings.client_id}
    if error is None:
        logger.warning("the button on the login page is back", extra=fields)
    else:
        logger.warning("no button on the login page: %s: %s", error.code, error, extra={**fields, "code": error.code})


def _start(settings: Settings, request: Request) -> str:
    """Where the button leads: on to the page that the login page itself would go to, if that is one of this site."""
    following = [value for value in request.query.all("next") if redirects.judge(value, default="") == value]
    return places.ours(settings, "login", next=following[0]) if len(following) == 1 else places.ours(settings, "login")
