"""Which account? Several are linked, and a product waits for one (MIM-17, MIM-18)."""

from __future__ import annotations

from linkmw.errors import IdentityChanged, LinkRefused
from linkmw.http import Request, Response, origin_of, page, redirect, with_query
from linkmw.hub import audit, looks, place, provider, rules, steps
from linkmw.hub.browser import Browser, read_own_form
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows import link as link_flow
from linkmw.hub.flows import sign_in
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import Flow, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Link
from linkmw.pages import screens
from linkmw.pages.screens import Form, Option

ADD = "add"


async def show(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """GET /choose?flow=…: "Select an option". Back and reload find it again; what is past it leads on (FC05)."""
    browser, where, flow = await flows.need(ports, request, request.query.get("flow"))
    with concerning(where):
        if not _is_open(flow):
            return await link_flow.led_to(ports, settings, request, where, flow)
        await _check_person(ports, settings, request, flow)
        return await _page(ports, settings, browser, where, flow)


async def choose(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /choose: on as that account, or to the proof of another one."""
    browser, where, flow = await flows.need(ports, request, request.form.get("flow"))
    with concerning(where):
        form = read_own_form(request, settings.public_url, browser.csrf)
        if not _is_open(flow):
            return await link_flow.led_to(ports, settings, request, where, flow)
        await _check_person(ports, settings, request, flow)
        choice = form.get("choice")
        if not choice:
            return await _page(ports, settings, browser, where, flow, problem=True)
        if flow.step == "done" and choice != str(flow.link_id):
            return redirect(_anew(where))
        if choice == ADD:
            return await sign_in.to_proof(ports, settings, request, browser, where, flow, "add")
        return await _enter(ports, settings, request, where, flow, choice)


def _is_open(flow: Flow) -> bool:
    """Can this flow still become any of the accounts? Not once one was proven for it, nor without a product's request.

    A proof that was only begun ties nothing down: Back leads here again.
    """
    return flow.request is not None and flow.account is None and flow.step in ("choose", "prove", "done")


async def _check_person(ports: Ports, settings: HubSettings, request: Request, flow: Flow) -> None:
    if not rules.is_same_person(flow, await flows.session_of(ports, settings, request)):
        raise IdentityChanged("somebody else is signed in at the hub now")


async def _links(ports: Ports, flow: Flow) -> list[Link]:
    return await ports.links.of_identity(flow.identity, [flow.client_id]) if flow.identity else []


async def _page(
    ports: Ports, settings: HubSettings, browser: Browser, where: Place, flow: Flow, *, problem: bool = False
) -> Response:
    links = await _links(ports, flow)
    last = rules.last_used(links)
    html = screens.choose(
        look=await looks.look_of(ports, where),
        form=Form("/choose", browser.csrf, (("flow", flow.flow_id),)),
        identity_email=flow.identity_email,
        not_you=with_query("/switch-identity", handle=flow.flow_id),
        options=[Option(str(link.link_id), link.username, link == last) for link in links],
        problem=problem,
        order_url=place.manager(settings, where.tenant),
    )
    leads_to = [origin_of(where.product.redirect_uri), origin_of(where.tenant.issuer)]
    return page(html, status=422 if problem else 200, form_action=leads_to)


def _anew(where: Place) -> str:
    """Where a sign-in begins. A product takes one answer to its request: after Back, another choice needs another."""
    product = where.product
    return place.at_gate(product, "login") if product.proof != "none" else product.login_url or product.public_url


async def _enter(
    ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow, choice: str
) -> Response:
    """On as the account of that link. Raises LinkRefused for one that is not, or no longer, this person's (LT13)."""
    link = rules.chosen(choice, await _links(ports, flow))
    if link is None:
        refused = LinkRefused("no link of this identity with this product", code="not_yours")
        await ports.audit.write(audit.of_flow("choice_refused", flow, ports.now(), request, code=refused.code))
        raise refused
    flow = await flows.keep(ports, steps.go(flow, "entered", link_id=link.link_id))
    return await provider.grant(ports, settings, request, where, flow, link)
