"""Sessions of which only their cookies are seen: one that linkmw opened and that has ended is taken off the request.

What an answer does to such a session is looked at as well: a sign-out goes on to the hub, and one that the application
made anew without the marker ends, for nothing could end it any more (PR13).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from linkmw.gate.guard import Guard, stands_while_off
from linkmw.gate.in_force import InForce
from linkmw.gate.outcome import follow, is_sign_in, outcome
from linkmw.gate.shell import Shell
from linkmw.http import Headers, Request, Response
from linkmw.model import Marker
from linkmw.outside.hooks import HookedProduct
from linkmw.settings import Settings

if TYPE_CHECKING:
    from linkmw.gate.ports import Ports

log = logging.getLogger("linkmw")


class HookedShell(Shell):
    """What both shells have in common."""

    def __init__(
        self, app: Any, *, product: HookedProduct, settings: Settings | None = None, in_force: InForce | None = None
    ) -> None:
        self._hooked, self._guarded = product, None
        super().__init__(app, product=product, settings=settings, in_force=in_force)

    _guarded: Guard | None

    def _take_on(self) -> None:
        super()._take_on()
        self._guarded = None

    def _guard_with(self, ports: Ports, settings: Settings) -> Guard:
        if self._guarded is None:
            self._guarded = Guard(ports.sessions, ports.now, doors=ports.doors, since=settings.sessions_since)
        return self._guarded

    def _is_certain(self, header: str) -> bool:
        """Did this very Cookie header come before, with a session of ours that stands for certain? Nobody is asked.

        Of such a request no more is looked at than whether its answer sets a cookie.
        """
        marker = self._hooked.remembered(header)
        if marker is None:
            return False
        self._look()
        return self._settings.on and self._guarded is not None and self._guarded.knows(marker)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a request brings of such a session: its marker; is it hidden, there for the application and not for us?"""

    request: Request
    marker: Marker | None = None
    hidden: bool = False


def seen(product: HookedProduct, request: Request) -> Seen:
    """What is hidden may have ended; or it is somebody's, whose next POST would look like a sign-in (PR05)."""
    marker = product.marker_of(request)
    odd = marker is None and is_odd(request.headers.get("cookie", ""), product.cookies)
    return Seen(request, marker, odd and product.current_account(request) is None)


def brings(header: str, names: Iterable[str]) -> bool:
    """May a Cookie header hold one of these? All that a request without a session costs."""
    for name in names:  # noqa: SIM110  (the generator of an `any` would be 0.2 µs more)
        if name in header:
            return True
    return False


def is_odd(header: str, names: tuple[str, ...]) -> bool:
    """Is one of these cookies there in a way that parsers read differently (SC02, SC03)?

    Twice with different values, in quotes, or named behind something that one parser takes for a part of a name or of
    a value, and another for the end of the cookie before.
    """
    given: dict[str, str] = {}
    for pair in _pairs(header):
        name, _, value = pair.partition("=")
        found = _named(names).findall(pair)
        if not found:
            continue
        if found != [name] or value.startswith('"') or given.setdefault(name, value) != value:
            return True
    return False


def without(header: str, names: tuple[str, ...]) -> str:
    """The Cookie header without what any parser may take for one of these."""
    return "; ".join(pair for pair in _pairs(header) if not _named(names).search(pair))


def _pairs(header: str) -> list[str]:
    return [pair for pair in (pair.strip(" \t") for pair in header.split(";")) if pair]


@cache
def _named(names: tuple[str, ...]) -> re.Pattern[str]:
    """One of these names where a cookie may begin: not in the middle of a longer one (RFC 9110, 5.6.2: token)."""
    return re.compile(rf"(?<![\w!#$%&'*+.^`|~-])({'|'.join(map(re.escape, names)) or '(?!)'})\s*=", re.ASCII)


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
    if not product.touches(request, headers):
        return ()
    later = product.later(request, headers)
    marker, left, before, named = await ports.call(_both, product, request, later)
    if marker is None:
        return ()
    what = outcome(
        marker,
        left,
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
        return await ports.call(product.end_session, request)
    return instead or ()


def _both(
    product: HookedProduct, request: Request, later: Request
) -> tuple[Marker | None, Marker | None, str | None, str | None]:
    """The markers before and after, and whom the session names."""
    return product.marker_of(request), product.marker_of(later), _who(product, request), _who(product, later)


def _who(product: HookedProduct, request: Request) -> str | None:
    account = product.current_account(request)
    return account.account_id if account else None
