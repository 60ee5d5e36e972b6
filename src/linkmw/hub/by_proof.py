"""Hub sessions that began by proof: no Keycloak session stands behind them, so it is asked now and then (PR21)."""

from __future__ import annotations

from linkmw.errors import Unavailable
from linkmw.hub import logouts
from linkmw.hub.ports import AuditEvent, HubSession, KnownIdentity, Ports

CHECK_SECONDS = 300


async def stands(ports: Ports, session: HubSession) -> bool:
    """May `session` still be used? Any session but one by proof may.

    Every five minutes of use its identity is looked up; when that is disabled or gone, everything of it has ended and
    its products are going to be told. A Keycloak that does not answer ends nothing: it is asked again in five minutes.
    """
    if not session.by_proof or not await _is_due(ports, session):
        return True
    try:
        gone = await _is_gone(ports, session)
    except Unavailable:
        return True
    if gone:
        await _end(ports, session)
    return not gone


async def _is_due(ports: Ports, session: HubSession) -> bool:
    """Its identity was made, or asked for, when it began; after that one process in five minutes asks."""
    if ports.now() < session.started + CHECK_SECONDS:
        return False
    return await ports.marks.first_use("by-proof", session.public_sid, CHECK_SECONDS)


async def _is_gone(ports: Ports, session: HubSession) -> bool:
    tenant = await ports.registry.tenant(session.organization_id)
    if tenant is None:
        return True
    return not _may_sign_in(await ports.identities.of_identity(tenant, session.identity))


def _may_sign_in(known: KnownIdentity | None) -> bool:
    return known is not None and known.enabled


async def _end(ports: Ports, session: HubSession) -> None:
    await logouts.tell(ports, session.identity)
    await ports.sessions.end_all(session.identity)
    await ports.sessions.end(session.sid)
    event = AuditEvent(
        event="by_proof_ended",
        result="ok",
        time=ports.now(),
        organization_id=session.organization_id,
        client_id=session.by_proof,
        issuer=session.identity.issuer,
        subject=session.identity.subject,
    )
    await ports.audit.write(event)
