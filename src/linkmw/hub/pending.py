"""What somebody began with an identity before a link of it was made or removed does not outlive that (LT04)."""

from __future__ import annotations

import logging

from linkmw.errors import Unavailable
from linkmw.http import Request
from linkmw.hub import audit
from linkmw.hub.place import Place
from linkmw.hub.ports import Ports
from linkmw.model import Identity

_log = logging.getLogger("linkmw.hub")


async def cancel(ports: Ports, request: Request, where: Place, identity: Identity) -> None:
    """A change of the person's address at Keycloak that was asked for and not confirmed is off, and the trail says so.

    For who asked may have been somebody else, who had the password once. The link is committed by now: a Keycloak that
    does not answer, or that does not let the hub do this, is a line in the log.
    """
    try:
        cancelled = await ports.identities.cancel_email_change(where.tenant, identity)
    except Unavailable as error:
        _log.warning("a change of address may still be pending at Keycloak: %s", error)
        return
    if cancelled:
        event = audit.of_person("email_change_cancelled", identity, where, ports.now(), request)
        await ports.audit.write(event)
