"""Sessions of which only their cookies are seen: one that linkmw opened and that has ended is taken off the request.

What an answer does to such a session is looked at as well: a sign-out goes on to the hub, and one that the application
made anew without the marker ends, for nothing could end it any more (PR13).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from linkmw.gate import after
from linkmw.gate.guard import Guard, stands_while_off
from linkmw.gate.outcome import follow, is_sign_in, outcome
from linkmw.http import Headers, Request, Response
from linkmw.model import Marker
from linkmw.outside.hooks import HookedProduct
from linkmw.settings import Settings

if TYPE_CHECKING:
    from linkmw.gate.ports import Ports

log = logging.getLogger("linkmw")


def brings(header: str, names: Iterable[str]) -> bool:
    """May a Cookie header hold one of these? All that a request without a session costs."""
    return any(name in header for name in names)


def without(header: str, names: Iterable[str]) -> str:
    """The Cookie header without these."""
    pairs = [pair.strip(" \t") for pair in header.split(";")]
    return "; ".join(pair for pair in pairs if pair and pair.partition("=")[0].strip() not in names)


def sets(headers: Headers, names: Iterable[str]) -> bool:
    """Does an answer set or take away one of these cookies?"""
    given = {value.partition("=")[0].strip() for name, value in headers if name.lower() == "set-cookie"}
    return not given.isdisjoint(names)


async def stands(settings: Settings, guard: Guard, marker: Marker) -> bool:
    """Is the session of this marker somebody's still? It is where that cannot be asked."""
    try:
        return await guard.stands(marker) if settings.on else stands_while_off(settings, marker)
    except Exception:
        log.exception("linkmw could not ask about a session, it stands")
        return True


async def judged(
    ports: Ports, settings: Settings, guard: Guard, product: HookedProduct, request: Request, headers: Headers
) -> Response | Headers:
    """What an answer with these headers, to this request, comes to: ours instead, or headers to go with it."""
    marker = product.marker_of(request)
    if marker is None or not sets(headers, product.adapter.cookies):
        return ()
    later = after.answered(request, headers)
    before, named = await ports.call(_both, product, request, later)
    what = outcome(
        marker,
        product.marker_of(later),
        somebody=named is not None,
        same=named == before,
        signing_in=is_sign_in(settings, request.path),
    )
    if what is None:
        return ()
    guard.forget(marker.sid)
    instead = await follow(ports, settings, request, marker, what)
    if what == "marker_lost":
        log.warning("%s made its session anew without linkmw's marker: the session has ended", request.path)
        return product.end_session(request)
    return instead or ()


def _both(product: HookedProduct, request: Request, later: Request) -> tuple[object, object]:
    return _named(product, request), _named(product, later)


def _named(product: HookedProduct, request: Request) -> str | None:
    account = product.current_account(request)
    return account.account_id if account else None
