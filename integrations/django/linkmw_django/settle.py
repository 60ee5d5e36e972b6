"""What a request did to a session of ours, seen to once it is answered (PR13, P-7, RC12)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest

from linkmw.errors import Unavailable
from linkmw.gate.guard import MARKER, marker_in
from linkmw.http import Response
from linkmw.settings import Settings
from linkmw_django import translate
from linkmw_django.watch import Became, Watch

if TYPE_CHECKING:
    from linkmw.gate.ports import Ports

log = logging.getLogger("linkmw")


def is_needed(request: HttpRequest, watch: Watch) -> bool:
    """Did the product change a session of ours? Also lets a session that was gone keep its cookie.

    Since this request was sent another answer may have set a new one, which taking it away would end (RC12).
    """
    if "_session_cache" not in vars(request.session):
        return False  # never looked at
    if watch.gone:
        request.COOKIES.pop(django_settings.SESSION_COOKIE_NAME, None)
    watch.looks_back(request.session)
    return watch.became(request.session) != "none"


def has_signed_in(request: HttpRequest, watch: Watch | None) -> bool:
    """Has the session come to name somebody without linkmw, through whatever door? (PR03)"""
    data = vars(getattr(request, "session", None) or object).get("_session_cache")
    if not data or SESSION_KEY not in data or marker_in(data):
        return False
    return watch is None or watch.marker is not None or watch.user != data[SESSION_KEY]


async def let_in_or_out(ports: Ports, request: HttpRequest) -> None:
    """That session goes on with a marker of the native kind, or as it is; or it has ended before its cookie is set."""

    async def username() -> str:
        found = await ports.call(ports.product.current_account, translate.request(request))
        return found.username if found else ""

    if not await ports.doors.admit(request.session, username):
        await ports.call(request.session.flush)


async def after_product(ports: Ports, settings: Settings, request: HttpRequest, watch: Watch) -> Response | None:
    """What to answer instead of the product, after a sign-out of its own that is to end more; else None."""
    from linkmw.gate import sign_out

    session: Any = request.session
    marker, became = watch.marker, watch.became(session)
    if marker is None or became == "none":
        return None
    watch.guards.forget(marker)
    if became == "signed_out":
        return await sign_out.ended(ports, settings, translate.request(request), marker)
    if became == "replaced":
        if session.pop(MARKER, None):  # the account's own session goes on, under a key that nobody has a copy of
            await ports.call(session.cycle_key)
    elif SESSION_KEY in session:
        await ports.call(session.flush)
    await _forget(ports, settings, request, watch, became)
    return None


async def after_ours(ports: Ports, settings: Settings, request: HttpRequest, watch: Watch) -> None:
    """A flow of ours signed out, or signed somebody else in: what was there before is no session any more (SC12).

    The same account's is left to its time: pages that are loading with the old cookie would end the new one (RC12).
    """
    data = vars(request.session).get("_session_cache")
    if watch.marker is None or data is None or data.get(SESSION_KEY) == watch.user:
        return
    watch.guards.forget(watch.marker)
    await _forget(ports, settings, request, watch, "replaced" if marker_in(data) else "signed_out")


async def _forget(ports: Ports, settings: Settings, request: HttpRequest, watch: Watch, why: Became) -> None:
    from linkmw.gate import sign_out

    if watch.marker is None or why == "none":
        return
    try:
        await sign_out.forget(ports, settings, translate.request(request), watch.marker, why)
    except Unavailable as error:  # its cookie is gone from this browser all the same
        log.warning("a session that has ended stays on the allow-list until it expires: %s", error)
