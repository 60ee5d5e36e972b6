"""The manager: who is signed in at the hub sees the own accounts, and what a flow has to say (MIM-8, MIM-9)."""

from __future__ import annotations

from linkmw.errors import RequestRefused
from linkmw.http import Request, Response, origin_of, page, redirect, set_cookie
from linkmw.hub import looks, place, rules
from linkmw.hub.browser import BROWSER, SESSION, Browser, read_own_form, read_token
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows import sign_in
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import Flow, HubSession, Ports
from linkmw.model import Client, Link, Secret
from linkmw.pages import screens
from linkmw.pages.screens import AccountRow, Flash, Form, ProductPanel
from linkmw.settings import HubSettings


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
            return await sign_in.start_manager(ports, settings, request, organization_id)
        browser, flow = await _flow_to_tell_of(ports, request, session)
        clients = await ports.registry.clients_of(organization_id)
        told = next((client for client in clients if flow and client.client_id == flow.client_id), None)
        html = screens.dashboard(
            look=await looks.look_of(ports, where),
            identity_email=session.email,
            products=await _panels(ports, where, session, clients),
            sign_out=Form(f"/t/{organization_id}/sign-out", session.csrf),
            now=ports.now(),
            zone=where.tenant.time_zone,
            flash=_flash(browser, flow, told),
        )
        return page(html, form_action=[origin_of(told.redirect_uri)] if told else (), scripts=True)


async def _panels(ports: Ports, where: Place, session: HubSession, clients: list[Client]) -> list[ProductPanel]:
    links = await ports.links.of_identity(session.identity, [client.client_id for client in clients])
    return [
        ProductPanel(
            name=client.name,
            logo=(await looks.look_of(ports, Place(where.tenant, client))).product_logo,
            accounts=tuple(_row(link) for link in links if link.client_id == client.client_id),
        )
        for client in clients
    ]


def _row(link: Link) -> AccountRow:
    return AccountRow(link.username, link.created, link.last_used)


async def _flow_to_tell_of(ports: Ports, request: Request, session: HubSession) -> tuple[Browser | None, Flow | None]:
    """The refused flow that led here, if it is this browser's and this person's."""
    secret = read_token(request, BROWSER)
    browser = Browser(Secret(secret)) if secret else None
    flow = await flows.find(ports, browser, request.query.get("flow")) if browser else None
    return browser, flow if flow and flow.step == "refused" and rules.is_same_person(flow, session) else None


def _flash(browser: Browser | None, flow: Flow | None, client: Client | None) -> Flash | None:
    if browser is None or flow is None or client is None or flow.error != "account_taken":
        return None
    go_on = Form("/continue", browser.csrf, (("flow", flow.flow_id),))
    return Flash("account_taken", client.name, go_on=go_on)


async def sign_out(ports: Ports, settings: HubSettings, request: Request, organization_id: str) -> Response:
    """POST /t/{organization_id}/sign-out: the hub session has ended."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        session = await flows.session_of(ports, settings, request)
        if session is not None:
            read_own_form(request, settings.public_url, session.csrf)
            await ports.sessions.end(session.sid)
        return redirect(place.manager(settings, where.tenant) + "signed-out", [set_cookie(SESSION, "", seconds=0)])


async def signed_out(ports: Ports, settings: HubSettings, _request: Request, organization_id: str) -> Response:
    """GET /t/{organization_id}/signed-out."""
    where = await place.of_tenant(ports, organization_id)
    return page(
        screens.signed_out(
            look=await looks.look_of(ports, where),
            sign_in=place.manager(settings, where.tenant) + "sign-in",
            scope="manager",
        )
    )


async def without_slash(ports: Ports, settings: HubSettings, _request: Request, organization_id: str) -> Response:
    """GET /t/{organization_id}: as people type it."""
    return redirect(place.manager(settings, (await place.of_tenant(ports, organization_id)).tenant))
