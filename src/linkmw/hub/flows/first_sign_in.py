"""A sign-in begins in a product that has moved over: who is known here, and who proves what (AKE-4 to AKE-9).

Nobody starts a first sign-in by hand: it is what the first sign-in of somebody without an identity leads to.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Literal

from linkmw.errors import LinkmwError, LinkRefused, TooMany, Unavailable
from linkmw.http import Request, Response, origin_of, page, redirect, with_query
from linkmw.hub import first_limits, first_rules, looks, refusals, rules, steps
from linkmw.hub.browser import Browser, browser_or_new, read_own_form
from linkmw.hub.first_rules import AtKeycloak, AtProduct, Opened, UserUnknown
from linkmw.hub.flows import by_proof, link, sign_in
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows.flow import Wish
from linkmw.hub.place import Place, Refused, concerning
from linkmw.hub.ports import Flow, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import AuthorizationRequest, Client
from linkmw.pages import screens
from linkmw.pages.screens import Form

Problem = Literal["unknown", "empty", "too_many"]

HINT_LENGTH = first_rules.MAX_NAME


async def start(
    ports: Ports, settings: HubSettings, request: Request, where: Place, asked: AuthorizationRequest
) -> Response:
    """Whoever is signed in, or is to be asked afresh, goes to Keycloak; who has just been proven, on; else a page."""
    browser = browser_or_new(request, ports.token)
    wish = Wish("sign_in", asked)
    session = await flows.session_of(ports, settings, request)
    hint = request.query.get("login_hint")[:HINT_LENGTH]
    if asked.prompt or hint or rules.opens(session, where.tenant):
        return await sign_in.to_provider(ports, settings, browser, where, wish, login_hint=hint)
    if rules.is_of(session, where.tenant):
        answer = await by_proof.enter(ports, settings, request, browser, where, session, wish)
        if answer is not None:
            return answer
    flow = flows.begin(ports, settings, browser, where, Wish("first_sign_in", asked), ports.token())
    await flows.keep(ports, replace(flow, step="identify"))
    return redirect(with_query(f"{settings.public_url}/sign-in", flow=flow.flow_id), browser.cookies)


async def show(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """GET /sign-in?flow=…: "Sign in" (AKE-8). What is past it leads on (FC05)."""
    browser, where, flow = await flows.need(ports, request, request.query.get("flow"))
    with concerning(where):
        if not _is_open(flow):
            return await link.led_to(ports, settings, request, where, flow)
        return await _page(ports, browser, where, flow, typed=flow.hint)


def _is_open(flow: Flow) -> bool:
    """May another name be typed? As long as nothing was proven, for Back leads here too."""
    return flow.purpose == "first_sign_in" and flow.account is None and flow.step in ("identify", "prove")


async def _page(
    ports: Ports, browser: Browser, where: Place, flow: Flow, problem: Problem | None = None, *, typed: str = ""
) -> Response:
    opened = await flows.opened(ports, where, flow)
    wait_seconds = first_limits.LOOK_UP_SECONDS if problem == "too_many" else 0
    refused = _refused(problem, wait_seconds)
    html = screens.identify(
        look=await looks.look_of(ports, opened),
        form=Form("/sign-in", browser.csrf, (("flow", flow.flow_id),)),
        problem=problem,
        typed=typed,
        product=opened.product.name,
        wait_seconds=wait_seconds,
        reference=refusals.noted(Refused(refused, opened), "/sign-in") if refused else None,
    )
    clients = await ports.registry.clients_of(where.tenant.organization_id)
    leads_to = [origin_of(where.tenant.issuer), *dict.fromkeys(origin_of(client.redirect_uri) for client in clients)]
    status = 429 if problem == "too_many" else 422 if problem == "empty" else 200
    return page(html, status=status, form_action=leads_to)


def _refused(problem: Problem | None, wait_seconds: int) -> LinkmwError | None:
    """What the log says of it; None for what whoever typed can see and mend (AKE-29)."""
    if problem == "unknown":
        return LinkRefused("nobody has that name", code="user_unknown")
    return TooMany(wait_seconds, "too many names") if problem == "too_many" else None


async def identify(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /sign-in: whoever knows that name asks for the password (AKE-9)."""
    browser, where, flow = await flows.need(ports, request, request.form.get("flow"))
    with concerning(where):
        form = read_own_form(request, settings.public_url, browser.csrf)
        if not _is_open(flow):
            return await link.led_to(ports, settings, request, where, flow)
        where = await flows.opened(ports, where, flow)
        name = first_rules.read_name(form.get("email"))
        if not name:
            return await _page(ports, browser, where, flow, "empty")
        if not await first_limits.may_look_up(ports, request.client):
            return await _page(ports, browser, where, flow, "too_many", typed=name)
        ask = await _who_knows(ports, request, where, name)
        if isinstance(ask, UserUnknown):
            return await _page(ports, browser, where, flow, "unknown", typed=name)
        if isinstance(ask, AtKeycloak):
            # What was typed and nothing else: whose address belongs to a username is not for everybody to read.
            return await _to_keycloak(ports, settings, browser, where, flow, first_rules.read_email(name))
        return await _to_product(ports, request, where, flow, ask, name)


async def _who_knows(ports: Ports, request: Request, where: Place, name: str) -> AtKeycloak | AtProduct | UserUnknown:
    """The product that was opened, Keycloak and then the others are asked, each if its answer can still matter.

    Where nobody is told that a name is unknown, all are asked that are ever asked: the time tells nothing either.
    """
    product, hide = where.product, where.tenant.unknown_user == "hide"
    opened = await _ask_opened(ports, product, name)
    has_identity = (opened == "unknown" or hide) and await _has_identity(ports, where, name)
    others: list[str] = []
    if first_rules.may_ask_others(opened, name, has_identity=has_identity, hide=hide):
        others = await _others(ports, request, where, name)
    return first_rules.whom_to_ask(product.client_id, opened, has_identity=has_identity, others=others, hide=hide)


async def _ask_opened(ports: Ports, client: Client, name: str) -> Opened:
    """What the opened product says."""
    try:
        found = await ports.products.find(client, name)
    except Unavailable:
        return "away"
    linked = await ports.links.of_account(client.client_id, found.account_id)  # asked in any case: the same time
    if not found.found:
        return "unknown"
    return "linked" if linked else "unlinked"


async def _has_identity(ports: Ports, where: Place, name: str) -> bool:
    email = first_rules.read_email(name)
    found = await ports.identities.of_address(where.tenant, email) if email else []
    return any(first_rules.owns(known, email) for known in found)


async def _others(ports: Ports, request: Request, where: Place, email: str) -> list[str]:
    """Other products of the tenant, moved over too, that have an account with exactly this address (PR12)."""
    if not await first_limits.may_ask_others(ports, request.client):
        return []
    others = await moved_over(ports, where)
    answers = await asyncio.gather(*(_has_account(ports, client, email) for client in others))
    return [client.client_id for client, has in zip(others, answers, strict=True) if has]


async def moved_over(ports: Ports, where: Place) -> list[Client]:
    """The tenant's other products that have moved over and can prove their accounts."""
    clients = await ports.registry.clients_of(where.tenant.organization_id)
    return [
        client
        for client in clients
        if client.mode == "replace" and client.proof != "none" and client.client_id != where.product.client_id
    ]


async def _has_account(ports: Ports, client: Client, email: str) -> bool:
    try:
        found = await ports.products.find(client, email)
    except Unavailable:
        return False
    return found.found and found.email == email  # not one whose mere name it is


async def _to_keycloak(
    ports: Ports, settings: HubSettings, browser: Browser, where: Place, flow: Flow, login_hint: str
) -> Response:
    answer = await sign_in.to_provider(
        ports, settings, browser, where, Wish("sign_in", flow.request), login_hint=login_hint
    )
    if flow.step == "identify":  # else a proof was begun, and Back led here: it may still be gone through
        await flows.keep(ports, steps.go(flow, "known"))
    return answer


async def _to_product(ports: Ports, request: Request, where: Place, flow: Flow, ask: AtProduct, name: str) -> Response:
    """To the proof at the product that knows the name. The request of the one that was opened waits there."""
    opened = where.product.client_id
    other = ask.client_id != opened
    flow = replace(flow, client_id=ask.client_id, hint=name, opened=opened if other else "")
    client = await ports.registry.client(ask.client_id)
    return await link.ask(ports, request, Place(where.tenant, client), flow)
