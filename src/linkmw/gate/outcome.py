"""What a request did to a session that linkmw opened, for adapters that see the session before and after, not the act.

Standard library only, until a session has ended.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from linkmw.errors import Unavailable
from linkmw.gate.guard import change
from linkmw.model import Marker
from linkmw.settings import Settings

if TYPE_CHECKING:
    from linkmw.gate.ports import Ports
    from linkmw.http import Request, Response

log = logging.getLogger("linkmw")

# ended: nobody is signed in any more, but nobody signed out either.
Outcome = Literal["signed_out", "ended", "marker_lost", "replaced"]


def outcome(before: Marker, after: Marker | None, *, somebody: bool, same: bool, signing_in: bool) -> Outcome | None:
    """How the session of `before` ended; None while it goes on.

    somebody: does the session name anybody now? same: the one it named before? signing_in: the request was one of the
    product's own sign-in, which makes its session anew by rights (PR13), and often empties it first.
    """
    if somebody and signing_in:
        return None if after is not None and same else "replaced"
    what = change(before, after if somebody else None, somebody=somebody)
    if what == "none":
        return None
    return "ended" if what == "signed_out" and signing_in else what


def is_sign_in(settings: Settings, path: str) -> bool:
    """Is `path` a page of the product's own sign-in? Its second step is often below the first.

    Not below a login page at the root of the site: there is everything.
    """
    below = (login.rstrip("/") for login in settings.login_paths)
    return path in settings.login_paths or any(login and path.startswith(f"{login}/") for login in below)


async def follow(ports: Ports, settings: Settings, request: Request, marker: Marker, what: Outcome) -> Response | None:
    """The session is on the allow-list no longer; what is answered instead of the product, or None.

    So it has ended wherever its cookie may have been copied to.
    """
    from linkmw.gate import sign_out

    if what == "signed_out":
        return await sign_out.ended(ports, settings, request, marker)
    try:
        await sign_out.forget(ports, settings, request, marker, "signed_out" if what == "ended" else what)
    except Unavailable as error:
        log.warning("a session that has ended is still on the list: %s: %s", error.code, error)
    return None
