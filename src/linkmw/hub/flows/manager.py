"""The manager: who is signed in at the hub sees the own accounts, and what a flow has to say (MIM-8, MIM-9)."""

from __future__ import annotations

from collections.abc import Sequence

from linkmw.errors import RequestRefused
from linkmw.http import Request, Response, origin_of, page, redirect
from linkmw.hub import activity, looks, place, rules, told
from linkmw.hub.browser import BROWSER, Browser, read_token
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows import sign_in
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import Flow, HubSession, OpenSession, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Client, Link
from linkmw.pages import screens
from linkmw.pages.browsers import describe
from linkmw.pages.screens import AccountRow, Form, ProductPanel, RemoveDialog, SessionRow
from linkmw.secret import Secret

LOOKED_THROUGH = 40  # audit rows: among them those that a person wants to read of


async def front(ports: Ports, settings: HubSettings, _request: Request) -> Response:
    """GET /: with one tenant, its manager. Raises RequestRefused, 404."""
    tenants = await ports.registry.tenants()
    if len(tenants) != 1:
        raise RequestRefused("the address names no tenant", code="not_found", status=404)
    return redirect(place.manager(settings, tenants[0]))


async def show(ports: Ports, settings: HubSettings, request: Request, organization_id: str) -> Response:
    """GET /t/{organization_id}/: the manager, or Keycloak when nobody is signed in here."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        session = await flows.session_of(ports, settings, request)
        if not rules.opens(session, where.tenant):
            return await sign_in.to_manager(ports, settings, request, where)
        return await dashboard(ports, request, where, session)


async def dashboard(
    ports: Ports, request: Request, where: Place, session: HubSession, dialog: RemoveDialog | None = None
) -> Response:
    """The manager of this person: products and accounts, sessions, what happened lately (MIM-9, 10, 15)."""
    clients = await ports.registry.clients_of(where.tenant.organization_id)
    links = await ports.links.of_identity(session.identity, [client.client_id for client in clients])
    events = await ports.audit.recent(session.identity, LOOKED_THROUGH)
    browser, flow = await _flow_to_tell_of(ports, request, session)
    flash = told.of_query(request.query, clients, events)
    html = screens.dashboard(
        look=await looks.look_of(ports, where),
        identity_email=session.email,
        products=[await _panel(ports, where, session, client, links) for client in clients],
        sign_out=Form(place.in_manager(where.tenant, "sign-out"), session.csrf),
        now=ports.now(),
        zone=where.tenant.time_zone,
        flash=told.of_flow(flow, browser.csrf, clients) if flow and browser else flash,
        sessions=[
            _session_row(where, session, one, clients) for one in await ports.sessions.of_identity(session.identity)
        ],
        sign_out_everywhere=Form(place.in_manager(where.tenant, "end-all"), session.csrf),
        activity=activity.rows(events, where.tenant.organization_id, clients, links),
        dialog=dialog,
        moved=told.moved(request.query, links),
    )
    return page(html, form_action=_leads_to(where, flow, clients), scripts=True)


def _leads_to(where: Place, flow: Flow | None, clients: Sequence[Client]) -> list[str]:
    """Where this page's forms may end: at Keycloak (a fresh sign-in, signing out), and at the product that waits."""
    waiting = [client for client in clients if flow and flow.request and client.client_id == flow.client_id]
    return [origin_of(url) for url in (where.tenant.issuer, *(client.redirect_uri for client in waiting))]


async def _panel(
    ports: Ports, where: Place, session: HubSession, client: Client, links: Sequence[Link]
) -> ProductPanel:
    own = [link for link in links if link.client_id == client.client_id]
    seen = ",".join(str(link.link_id) for link in own)
    fields = (("client_id", client.client_id), ("seen", seen))
    return ProductPanel(
        name=client.name,
        logo=(await looks.look_of(ports, Place(where.tenant, client))).product_logo,
        accounts=tuple(_row(where, link) for link in own),
        add=place.in_manager(where.tenant, f"add/{client.client_id}") if client.proof != "none" else "",
        order=Form(place.in_manager(where.tenant, "order"), session.csrf, fields),
    )


def _row(where: Place, link: Link) -> AccountRow:
    remove = place.in_manager(where.tenant, f"remove/{link.link_id}")
    return AccountRow(link.username, link.created, link.last_used, link.link_id, remove)


def _session_row(where: Place, here: HubSession, one: OpenSession, clients: Sequence[Client]) -> SessionRow:
    this = one.public_sid == here.public_sid
    end = Form(place.in_manager(where.tenant, "end"), here.csrf, (("session", one.public_sid),))
    products = tuple(client.name for client in clients if client.client_id in one.opened)
    return SessionRow(describe(one.user_agent), one.ip, one.started, products, this=this, end=None if this else end)


async def _flow_to_tell_of(ports: Ports, request: Request, session: HubSession) -> tuple[Browser | None, Flow | None]:
    """The flow that led here, if it is this browser's and this person's and has something to say."""
    secret = read_token(request, BROWSER)
    browser = Browser(Secret(secret)) if secret else None
    flow = await flows.find(ports, browser, request.query.get("flow")) if browser else None
    return browser, flow if flow and told.has_news(flow) and rules.is_same_person(flow, session) else None


async def without_slash(ports: Ports, settings: HubSettings, _request: Request, organization_id: str) -> Response:
    """GET /t/{organization_id}: as people type it."""
    return redirect(place.manager(settings, (await place.of_tenant(ports, organization_id)).tenant))
