"""After the product's own sign-out: the identity is signed out as well, where that is wished, and told so (P-7)."""

from __future__ import annotations

import logging
from typing import Literal

from linkmw.errors import LinkmwError, Unavailable
from linkmw.gate import answers, places
from linkmw.gate.browser import known, known_or_new, wants_page
from linkmw.gate.logout import note_ended
from linkmw.gate.ports import Ports, SignOutRecord
from linkmw.gate.rounds import forget_rounds
from linkmw.http import Request, Response, page, redirect, with_query
from linkmw.model import Marker, Session
from linkmw.pages import screens
from linkmw.settings import Settings

logger = logging.getLogger("linkmw.gate")

SECONDS = 600  # to the hub, Keycloak and back, with a page on the way that may ask

Why = Literal["signed_out", "marker_lost", "replaced"]


async def ended(ports: Ports, settings: Settings, request: Request, marker: Marker) -> Response | None:
    """The product's own sign-out in `request` ended the session of `marker`: what a shell answers with instead.

    None: the product's own answer stands, as for scripts, which would follow us nowhere (P-6). Otherwise the product's
    Set-Cookie headers go with it. Never raises: while Redis is silent, the product's own sign-out is all there is.
    """
    try:
        session = await forget(ports, settings, request, marker, "signed_out")
        browser = known(settings, request)
        if browser is not None:
            await forget_rounds(ports, browser)
        if not wants_page(request):
            return None
        if session is None or settings.sign_out != "everywhere":
            return await _told_here(ports, settings)
        return await _to_the_hub(ports, settings, request, session)
    except LinkmwError as error:
        logger.warning("signed out of the product alone: %s: %s", error.code, error)
        return None


async def _told_here(ports: Ports, settings: Settings) -> Response | None:
    """Where the login route leads to the hub, the product's own answer would often lead straight back in (P-7)."""
    closed = await ports.doors.standing() == "closed"
    return redirect(places.ours(settings, "signed-out")) if closed else None


async def forget(ports: Ports, settings: Settings, request: Request, marker: Marker, why: Why) -> Session | None:
    """The session of `marker` is on the allow-list no longer; what it was. Raises Unavailable.

    why: "replaced" by a sign-in of the product's own; "marker_lost" by an application that made its session anew.
    """
    session = await ports.sessions.end(marker.sid)
    if session is not None:
        note_ended(ports, settings, request, session, why)
    return session


async def _to_the_hub(ports: Ports, settings: Settings, request: Request, session: Session) -> Response:
    browser = known_or_new(settings, request, ports.token)
    record = SignOutRecord(ports.token(), session.hub_sid)
    await ports.sign_outs.put(browser.key, record, SECONDS)
    return redirect(places.ours(settings, "sign-out", record=record.record_id), browser.headers)


async def go_on(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET sign-out?record=…: on to the hub, whose session opened the one that has ended (RP-Initiated Logout 1.0)."""
    record = await _found(ports, settings, request, request.query.get("record"))
    if record is None or not await _hub_answers(ports):
        return redirect(places.ours(settings, "signed-out"))
    url = with_query(
        f"{settings.issuer}/end_session",
        client_id=settings.client_id,
        logout_hint=record.hub_sid,
        post_logout_redirect_uri=f"{settings.public_url}{settings.prefix}signed-out",
        state=record.record_id,
    )
    return await answers.going_on(ports, settings, url, "brand")


async def signed_out(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET signed-out: says what of, and has the button. Who comes back from the hub brings this browser's own state."""
    if await ports.call(ports.product.current_account, request) is not None:
        return redirect(places.landing(settings))
    record = await _found(ports, settings, request, request.query.get("state"))
    html = screens.signed_out(
        look=await answers.look_of(ports, settings),
        sign_in=places.ours(settings, "login"),
        scope="everywhere" if record else "product",
    )
    return page(html)


async def _found(ports: Ports, settings: Settings, request: Request, record_id: str) -> SignOutRecord | None:
    """This browser's own sign-out; None as well when Redis cannot say, for signed out one is all the same."""
    browser = known(settings, request)
    if browser is None or not record_id:
        return None
    try:
        return await ports.sign_outs.get(browser.key, record_id)
    except Unavailable:
        return None


async def _hub_answers(ports: Ports) -> bool:
    try:
        return (await ports.hub.state()).healthy
    except LinkmwError:
        return False
