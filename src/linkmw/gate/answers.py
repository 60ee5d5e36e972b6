"""Our pages, dressed as this product: in its own colours, for it is the product's password that they ask for."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Literal

from linkmw import log
from linkmw.errors import UNEXPECTED, LinkmwError, TooMany, Unavailable
from linkmw.gate import native_login, places
from linkmw.gate.browser import Browser, form_token
from linkmw.gate.ports import Branding, Ports
from linkmw.http import GUARD_HEADERS, Request, Response, origin_of, page
from linkmw.pages import screens
from linkmw.pages.look import Dress, Look, dress
from linkmw.pages.problems import problem_of
from linkmw.reference import Reference, new_reference
from linkmw.settings import Settings

logger = logging.getLogger("linkmw.gate")

NOTHING = Response(204, GUARD_HEADERS)


def dressed(settings: Settings, branding: Branding) -> Dress:
    """The look of our pages and the files it needs. The brand's own ground is for the hub's pages, not for these."""
    return dress(
        owner="product",
        assets_url=places.ours(settings, "assets/"),
        brand=branding.brand,
        product=branding.product,
        brand_primary=branding.brand_primary,
        product_primary=branding.primary,
        brand_logo=branding.brand_logo,
        product_logo=branding.product_logo,
        contact=branding.contact,
    )


async def dress_of(ports: Ports, settings: Settings) -> Dress:
    """As the hub last said it, whom to ask included: of doors in use the probe has heard it when nobody else did."""
    source = ports.doors if ports.doors.in_use else ports.hub
    return dressed(settings, await source.branding())


async def look_of(ports: Ports, settings: Settings) -> Look:
    return (await dress_of(ports, settings)).look


def form(settings: Settings, browser: Browser, name: str, record: str) -> screens.Form:
    """A form that posts to our route `name` about `record`, good in this browser only."""
    return screens.Form(places.ours(settings, name), form_token(settings, browser, record), (("record", record),))


def form_page(settings: Settings, html: str, *, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    """A page with a form whose way may end at the hub (PR18)."""
    return page(html, status=status, headers=headers, form_action=(origin_of(settings.hub_url),))


def step_page(settings: Settings, html: str, problem: str | None, wait: int = 0) -> Response:
    """A step of a form, asked or asked again: 200, 422 with what was wrong, 429 with how many seconds to wait."""
    if problem == "too_many":
        return form_page(settings, html, status=429, headers=(("Retry-After", str(wait)),))
    return form_page(settings, html, status=422 if problem else 200)


async def going_on(
    ports: Ports, settings: Settings, url: str, to: Literal["brand", "product"], headers: Iterable[tuple[str, str]] = ()
) -> Response:
    """A 200 page that goes on by itself: a chain of redirects ends here (PR18, PR19)."""
    return page(screens.going_on(look=await look_of(ports, settings), url=url, to=to), headers=headers)


def noted(settings: Settings, request: Request, error: Exception) -> Reference:
    """A reference for `error`, which is in the log under the same one."""
    reference = new_reference()
    log.refusal(
        logger,
        error,
        code=error.code if isinstance(error, LinkmwError) else UNEXPECTED,
        ref=reference,
        route=request.path,
        tenant=settings.organization_id,
        client_id=settings.client_id,
        defect=not isinstance(error, LinkmwError),
    )
    return reference


async def refusal(ports: Ports, settings: Settings, request: Request, error: Exception) -> Response:
    """The page for `error`: what happened, the way on, the native login if open, and the reference in the log."""
    reference = noted(settings, request, error)
    known = error if isinstance(error, LinkmwError) else LinkmwError()
    wait = known.retry_after if isinstance(known, TooMany) else 0
    start = places.ours(settings, "login")
    away = isinstance(known, Unavailable)
    native = await native_login.url(ports, settings, request)
    html = screens.error(
        look=await look_of(ports, settings),
        problem=problem_of(known),
        reference=reference,
        start_again="" if away or (known.code == "no_session" and native) else start,
        try_again=start if away else "",
        native_login=native,
        wait_seconds=wait,
        lifetime_seconds=settings.sign_in_seconds,
    )
    retry = (("Retry-After", str(wait or 1)),) if wait or away else ()
    return page(html, status=known.status, headers=retry)
