""" "+ Add" in the manager: an account of a product is proven for the person who is signed in here (MIM-11, MIM-13)."""

from __future__ import annotations

from dataclasses import replace

from linkmw.errors import RequestRefused
from linkmw.http import Request, Response, origin_of, page
from linkmw.hub import looks, place, rules
from linkmw.hub.browser import browser_or_new, read_own_form
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows import link, sign_in
from linkmw.hub.flows.flow import Wish
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import Flow, HubSession, Ports
from linkmw.hub.settings import HubSettings
from linkmw.pages import screens
from linkmw.pages.screens import Form


async def show(ports: Ports, settings: HubSettings, request: Request, organization_id: str, client_id: str) -> Response:
    """GET /t/{organization_id}/add/{client_id}: what happens next (MIM-11)."""
    where = await _product(ports, organization_id, client_id)
    with concerning(where):
        session = await flows.session_of(ports, settings, request)
        if not rules.opens(session, where.tenant):
            return await sign_in.to_manager(ports, settings, request, where, _path(where))
        html = screens.add_account(
            look=await looks.look_of(ports, where),
            form=Form(_path(where), session.csrf),
            cancel=place.in_manager(where.tenant),
        )
        return page(html, form_action=[origin_of(where.product.redirect_uri), origin_of(where.tenant.issuer)])


async def begin(
    ports: Ports, settings: HubSettings, request: Request, organization_id: str, client_id: str
) -> Response:
    """POST …: the flow begins, for this person and this browser; Keycloak first where the tenant wants it (MIM-28)."""
    where = await _product(ports, organization_id, client_id)
    with concerning(where):
        session = await flows.session_of(ports, settings, request)
        if not rules.opens(session, where.tenant):
            return await sign_in.to_manager(ports, settings, request, where, _path(where))
        read_own_form(request, settings.public_url, session.csrf)
        browser = browser_or_new(request, ports.token)
        if rules.is_too_old_to_link(where.tenant, session.auth_time, settings.fresh_seconds, ports.now()):
            wish = Wish("add", fresh_seconds=settings.fresh_seconds, identity=session.identity)
            return await sign_in.to_provider(ports, settings, browser, where, wish)
        wish = Wish("add", identity=session.identity)
        flow = flows.begin(ports, settings, browser, where, wish, ports.token())
        answer = await link.ask(ports, request, where, _signed_in(flow, session))
        return answer.with_headers(browser.cookies)


def _signed_in(flow: Flow, session: HubSession) -> Flow:
    return replace(
        flow,
        identity_email=session.email,
        email_verified=session.email_verified,
        auth_time=session.auth_time,
        hub_sid=session.public_sid,
    )


async def _product(ports: Ports, organization_id: str, client_id: str) -> Place:
    """A product of the tenant whose accounts can be proven. Raises RequestRefused, 404."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        clients = await ports.registry.clients_of(organization_id)
        client = next((client for client in clients if client.client_id == client_id), None)
        if client is None or client.proof == "none":
            raise RequestRefused("no such product", code="not_found", status=404)
        return Place(where.tenant, client)


def _path(where: Place) -> str:
    return place.in_manager(where.tenant, f"add/{where.product.client_id}")
