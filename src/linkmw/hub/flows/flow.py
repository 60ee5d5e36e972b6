"""A flow's life: begun in one browser, kept, found again by that browser alone."""

from __future__ import annotations

from linkmw.errors import RequestRefused, StateMismatch
from linkmw.http import Request
from linkmw.hub import rules
from linkmw.hub.browser import SESSION, Browser, read_token
from linkmw.hub.place import Place
from linkmw.hub.ports import Flow, HubSession, Ports
from linkmw.model import AuthorizationRequest
from linkmw.settings import HubSettings

# Kept longer than it is good for, so that "it has expired" can name the product and lead back to it (PR22).
EPILOGUE_SECONDS = 600


def begin(
    ports: Ports, settings: HubSettings, browser: Browser, where: Place, request: AuthorizationRequest | None
) -> Flow:
    """A flow at its first step, not yet kept; it leads to the manager when no product asked."""
    return Flow(
        flow_id=ports.token(),
        browser=browser.key,
        organization_id=where.tenant.organization_id,
        client_id=where.client.client_id if where.client else "",
        purpose="sign_in" if where.client else "manager",
        expires=ports.now() + settings.sign_in_seconds,
        request=request,
    )


async def keep(ports: Ports, flow: Flow) -> Flow:
    """`flow`, stored as it is now."""
    await ports.flows.put(flow, max(flow.expires - ports.now(), 0) + EPILOGUE_SECONDS)
    return flow


async def find(ports: Ports, browser: Browser, flow_id: str) -> Flow | None:
    """This browser's flow of that id; another browser's is not there (FC02)."""
    flow = await ports.flows.get(flow_id) if flow_id else None
    return flow if flow and rules.is_of_browser(flow, browser.key) else None


async def need(ports: Ports, browser: Browser, flow_id: str) -> Flow:
    """As `find`. Raises StateMismatch when there is none, RequestRefused(code="expired") when it is too old."""
    flow = await find(ports, browser, flow_id)
    if flow is None:
        raise StateMismatch("no such flow in this browser")
    if flow.expires <= ports.now():
        raise RequestRefused("the flow has expired", code="expired")
    return flow


async def session_of(ports: Ports, settings: HubSettings, request: Request) -> HubSession | None:
    """Who is signed in at the hub in this browser, if anybody is."""
    sid = read_token(request, SESSION)
    return await ports.sessions.get(sid, settings.session_idle_seconds) if sid else None
