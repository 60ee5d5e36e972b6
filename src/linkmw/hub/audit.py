"""The hub's own lines of the audit trail (OPS-2). What names a flow is a hash, never the flow's id."""

from __future__ import annotations

from linkmw import log
from linkmw.http import Request
from linkmw.hub.place import Place
from linkmw.hub.ports import AuditEvent, Event, Flow, Grant, HubSession
from linkmw.model import Identity, Link


def of_link(
    event: Event, link: Link, where: Place, now: int, request: Request, *, flow: Flow | None = None, actor: str = ""
) -> AuditEvent:
    """Something that happened to a link, or through it. actor: who did it, when that is not its owner, signed in."""
    return AuditEvent(
        event=event,
        result="ok",
        time=now,
        organization_id=where.tenant.organization_id,
        client_id=link.client_id,
        account_id=link.account_id,
        issuer=link.identity.issuer,
        subject=link.identity.subject,
        flow=flow.name if flow else "",
        ip=request.client,
        actor=actor,
        username=link.username,
        user_agent=_agent(request),
    )


def of_flow(event: Event, flow: Flow, now: int, request: Request, *, code: str = "") -> AuditEvent:
    """Something that a flow did, or was refused with `code`."""
    return AuditEvent(
        event=event,
        result="refused" if code else "ok",
        time=now,
        code=code,
        organization_id=flow.organization_id,
        client_id=flow.client_id,
        account_id=flow.account.account_id if flow.account else "",
        issuer=flow.identity.issuer if flow.identity else "",
        subject=flow.identity.subject if flow.identity else "",
        flow=flow.name,
        ip=request.client,
        username=flow.account.username if flow.account else "",
        user_agent=_agent(request),
    )


def of_person(
    event: Event, identity: Identity, where: Place, now: int, request: Request, *, actor: str = ""
) -> AuditEvent:
    """Something that happened to a person's sign-in. actor: who did it, when that is not this person."""
    return AuditEvent(
        event=event,
        result="ok",
        time=now,
        organization_id=where.tenant.organization_id,
        client_id=where.client.client_id if where.client else "",
        issuer=identity.issuer,
        subject=identity.subject,
        ip="" if actor else request.client,
        actor=actor,
        user_agent="" if actor else _agent(request),
    )


def of_support(
    event: Event,
    by: HubSession,
    where: Place,
    now: int,
    request: Request,
    *,
    about: Identity | None = None,
    code: str = "",
) -> AuditEvent:
    """Something that the support did or looked at; with `code`, was not let do. about: whom it concerned, if anybody.

    ip: of who works there. Their browser is nobody else's business: the row may be read by whom it is about.
    """
    return AuditEvent(
        event=event,
        result="refused" if code else "ok",
        time=now,
        code=code,
        organization_id=where.tenant.organization_id,
        client_id=where.client.client_id if where.client else "",
        issuer=about.issuer if about else "",
        subject=about.subject if about else "",
        ip=request.client,
        actor=support_actor(by),
    )


def support_actor(by: HubSession) -> str:
    return f"support:{by.identity.subject}"


def of_grant(event: Event, grant: Grant, where: Place, now: int, request: Request) -> AuditEvent:
    """An authorization code that was used as it must not be, and is burnt (BC13, BC14). actor: who used it."""
    return AuditEvent(
        event=event,
        result="refused",
        time=now,
        code="invalid_grant",
        organization_id=where.tenant.organization_id,
        client_id=grant.client_id,
        account_id=grant.account_id,
        issuer=grant.identity.issuer,
        subject=grant.identity.subject,
        ip=request.client,
        actor=where.product.client_id,
    )


def of_failure(event: Event, code: str, ref: str, where: Place, now: int, request: Request) -> AuditEvent:
    """A sign-in that ended on an error page; `ref` is the page's reference."""
    return AuditEvent(
        event=event,
        result="refused",
        time=now,
        code=code,
        ref=ref,
        organization_id=where.tenant.organization_id,
        client_id=where.client.client_id if where.client else "",
        flow=log.flow(),
        ip=request.client,
    )


def _agent(request: Request) -> str:
    return request.headers.get("user-agent", "")[:256]
