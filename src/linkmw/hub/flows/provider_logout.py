"""Keycloak says that somebody was signed out there (OpenID Connect Back-Channel Logout 1.0; OPS-8, SC09)."""

from __future__ import annotations

from linkmw.errors import TokenRejected
from linkmw.http import GUARD_HEADERS, Request, Response
from linkmw.hub import audit, logouts, place
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import EndedAtProvider, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Identity
from linkmw.oidc.logout_token import REMEMBER_SECONDS

_DONE = Response(200, GUARD_HEADERS)


async def take(ports: Ports, _settings: HubSettings, request: Request, organization_id: str) -> Response:
    """POST /t/{organization_id}/backchannel-logout: what the token names has ended here, and products are being told.

    A session that is unknown here, or gone, is fine: it may be another hub's, or not have got here yet (TV26, RC11).
    """
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        ended = await ports.provider.verify_logout_token(where.tenant, request.form.get("logout_token"))
        if not await ports.marks.first_use("logout", f"{where.tenant.issuer} {ended.jti}", REMEMBER_SECONDS):
            raise TokenRejected("the token was used before", code="token_replayed")
        for identity in await _end(ports, where, ended):
            event = audit.of_person("signed_out", identity, where, ports.now(), request, actor="keycloak")
            await ports.audit.write(event)
        return _DONE


async def _end(ports: Ports, where: Place, ended: EndedAtProvider) -> set[Identity]:
    """Whose sessions have ended: those that one session of Keycloak's opened, or, without a `sid`, all of a person."""
    issuer = where.tenant.issuer
    if not ended.sid:
        identity = Identity(issuer, ended.subject)
        await ports.sessions.end_all(identity)
        await logouts.tell(ports, identity)
        return {identity}
    opened = await ports.sessions.end_keycloak(issuer, ended.sid)
    for identity, public_sid in opened:
        await logouts.tell(ports, identity, public_sid)
    return {identity for identity, _ in opened}
