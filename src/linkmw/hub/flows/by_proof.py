"""Sessions that a first sign-in began, without Keycloak: they open the product just proven, and no more (PR21)."""

from __future__ import annotations

from dataclasses import replace

from linkmw.http import Request, Response, redirect
from linkmw.hub import provider, rules, steps
from linkmw.hub.browser import Browser
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows import link, sign_in
from linkmw.hub.flows.flow import Wish
from linkmw.hub.place import Place
from linkmw.hub.ports import Flow, HubSession, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Identity
from linkmw.secret import Secret


async def begin(
    ports: Ports, settings: HubSettings, request: Request, where: Place, identity: Identity, email: str
) -> HubSession:
    """A session of a new identity in this browser, for the product just proven; any other here has ended."""
    old = await flows.session_of(ports, settings, request)
    now = ports.now()
    session = HubSession(
        sid=Secret(ports.token()),
        public_sid=ports.token(),
        organization_id=where.tenant.organization_id,
        identity=identity,
        email=email,
        email_verified=True,
        name="",
        auth_time=now,
        started=now,
        csrf=Secret(ports.token()),
        user_agent=request.headers.get("user-agent", "")[:256],
        ip=request.client,
        by_proof=where.product.client_id,
    )
    await ports.sessions.put(session, settings.session_idle_seconds, now + settings.session_seconds)
    if old is not None:
        await ports.sessions.end(old.sid)
    return session


async def enter(
    ports: Ports,
    settings: HubSettings,
    request: Request,
    browser: Browser,
    where: Place,
    session: HubSession,
    wish: Wish,
) -> Response | None:
    """On to the product that the session is for; to Keycloak for another one.

    None: the session has ended, with the link that it was for.
    """
    max_age = wish.request.max_age if wish.request else None
    if session.by_proof != where.product.client_id or not rules.is_recent(session.auth_time, max_age, ports.now()):
        return await sign_in.to_provider(ports, settings, browser, where, wish, login_hint=session.email)
    links = await ports.links.of_identity(session.identity, [where.product.client_id])
    if not links:  # unlinked meanwhile
        await ports.sessions.end(session.sid)
        return None
    flow = _signed_in(flows.begin(ports, settings, browser, where, wish, ports.token()), session)
    if len(links) > 1:
        flow = await flows.keep(ports, steps.go(flow, "several"))
        return redirect(link.chooser(settings, flow), browser.cookies)
    flow = await flows.keep(ports, steps.go(flow, "entered", link_id=links[0].link_id))
    answer = await provider.grant(ports, settings, request, where, flow, links[0])
    return answer.with_headers(browser.cookies)


def _signed_in(flow: Flow, session: HubSession) -> Flow:
    return replace(
        flow,
        identity=session.identity,
        identity_email=session.email,
        email_verified=session.email_verified,
        auth_time=session.auth_time,
        hub_sid=session.public_sid,
    )
