"""The product's own login route: in `beside` its page plus the button, in `replace` the way to the hub (P-2 to P-6)."""

from __future__ import annotations

import logging

from linkmw.errors import LinkmwError, Unavailable
from linkmw.gate import answers, closed_door, native_proof, places, proof_kind, sign_in_page
from linkmw.gate.browser import in_share, known_or_new, wants_page
from linkmw.gate.ports import HubState, Ports
from linkmw.http import PASS, Answer, Decorate, Headers, Request, redirect
from linkmw.pages.screens import sign_in_button
from linkmw.settings import Settings
from linkmw.switch import effective

logger = logging.getLogger("linkmw.gate")


async def answer(ports: Ports, settings: Settings, request: Request) -> Answer:
    """Decorate, or Pass for whatever is no page to a person, and while hub, Redis or Keycloak is away."""
    mode = settings.mode_of(request.path)
    if mode == "off":
        return PASS
    if mode == "replace" and not ports.doors.permits.any():
        standing = await ports.doors.turns_away()
        if standing != "open":
            return await closed_door.answer(ports, settings, request, away=standing == "away")
    if request.method not in ("GET", "HEAD", "POST") or not wants_page(request):
        return PASS
    waiting = await _waiting(ports, settings, request)
    if waiting is not None or request.method == "POST":
        return waiting or PASS
    try:
        state = await ports.hub.state()
        if not state.healthy:
            raise Unavailable("the hub says that a part of it is away")
        if effective(mode, state.mode, healthy=True, percent=state.percent) == "off":
            return PASS
        await ports.ping()
    except LinkmwError as error:
        _say(ports, settings, error)
        return PASS
    _say(ports, settings, None)
    if await sign_in_page.is_past(ports, settings, request):
        return PASS
    return (
        _of_everybody(settings, request, state) if state.percent >= 100 else _of_share(ports, settings, request, state)
    )


async def _waiting(ports: Ports, settings: Settings, request: Request) -> Decorate | None:
    """In place of the button, for who is to sign in here once, what for: again with "wrong password" (PR05)."""
    if proof_kind.cookie_name(settings.client_id) not in request.headers.get("cookie", ""):
        return None
    return await native_proof.notice(ports, settings, request)


def _of_everybody(settings: Settings, request: Request, state: HubState, headers: Headers = ()) -> Answer:
    if settings.button == "interstitial":
        return redirect(places.ours(settings, "sign-in", **places.following(request)), headers)
    return _with_button(settings, request, state, headers)


def _with_button(settings: Settings, request: Request, state: HubState, headers: Headers) -> Decorate:
    look = answers.dressed(settings, state.branding).look
    url = places.start(settings, request)
    return Decorate(
        button=sign_in_button(look=look, url=url),
        marked_button=sign_in_button(look=look, url=url, placement="marker"),
        fixed_button=sign_in_button(look=look, url=url, placement="fixed"),
        stylesheet=look.button_stylesheet,
        head=request.method == "HEAD",
        headers=headers,
    )


def _of_share(ports: Ports, settings: Settings, request: Request, state: HubState) -> Answer:
    """Below 100 percent: the same browsers each time, by a cookie that the others get as well (P-4, PR15)."""
    browser = known_or_new(settings, request, ports.token)
    if not in_share(browser, state.percent):
        return Decorate(head=request.method == "HEAD", headers=browser.headers) if browser.headers else PASS
    mode = effective(settings.mode_of(request.path), state.mode, healthy=True, percent=state.percent)
    if mode == "replace" and not ports.doors.permits.any():
        return redirect(places.start(settings, request), browser.headers)
    return _of_everybody(settings, request, state, browser.headers)


def _say(ports: Ports, settings: Settings, error: LinkmwError | None) -> None:
    """A line when the button goes and one when it is back, however many people look at the page (DS06)."""
    if not ports.said.to("button", error.code if error else ""):
        return
    fields = {"tenant": settings.organization_id, "client_id": settings.client_id}
    if error is None:
        logger.warning("the button on the login page is back", extra=fields)
    else:
        logger.warning("no button on the login page: %s: %s", error.code, error, extra={**fields, "code": error.code})
