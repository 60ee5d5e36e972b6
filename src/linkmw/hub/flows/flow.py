"""A flow's life: begun in one browser, kept, found again by that browser alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from linkmw import log
from linkmw.errors import RequestRefused, StateMismatch
from linkmw.http import Request
from linkmw.hub import by_proof, place, rules
from linkmw.hub.browser import SESSION, Browser, browser_of, read_token, sha256_hex
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import Flow, HubSession, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import AuthorizationRequest, Identity

# Kept longer than it is good for, so that "it has expired" can name the product and lead back to it (PR22).
EPILOGUE_SECONDS = 600


def id_of(state: str) -> str:
    """The id of the flow whose sign-in has this state: what is left of a sign-in that is over still finds it (FC05)."""
    return sha256_hex(state)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a flow is to lead to: its fields of these names. identity: who has to come back from Keycloak, if known."""

    purpose: Literal["sign_in", "manager", "add", "first_sign_in"]
    request: AuthorizationRequest | None = None
    then: str = ""
    fresh_seconds: int = 0
    identity: Identity | None = None


def begin(ports: Ports, settings: HubSettings, browser: Browser, where: Place, wish: Wish, state: str) -> Flow:
    """A flow at its first step, not yet kept. state: of its sign-in, or any other name that nobody guesses."""
    flow = Flow(
        flow_id=id_of(state),
        browser=browser.key,
        organization_id=where.tenant.organization_id,
        client_id=where.client.client_id if where.client else "",
        purpose=wish.purpose,
        expires=ports.now() + settings.sign_in_seconds,
        request=wish.request,
        identity=wish.identity,
        then=wish.then,
        fresh_seconds=wish.fresh_seconds,
    )
    log.follow(flow.name)
    return flow


async def keep(ports: Ports, flow: Flow) -> Flow:
    """`flow`, stored as it is now."""
    await ports.flows.put(flow, seconds_left(ports, flow))
    return flow


def seconds_left(ports: Ports, flow: Flow) -> int:
    """How long `flow` is kept from now on."""
    return max(flow.expires - ports.now(), 0) + EPILOGUE_SECONDS


async def find(ports: Ports, browser: Browser, flow_id: str) -> Flow | None:
    """This browser's flow of that id; another browser's is not there (FC02)."""
    flow = await ports.flows.get(flow_id) if flow_id else None
    return flow if flow and rules.is_of_browser(flow, browser.key) else None


async def need(ports: Ports, request: Request, flow_id: str) -> tuple[Browser, Place, Flow]:
    """This browser, its flow of that id, and where that leads.

    Raises StateMismatch when this browser has no such flow, RequestRefused(code="expired") when it is too old; of a
    flow that is there, whosever it is, the error knows the product.
    """
    flow = await ports.flows.get(flow_id) if flow_id else None
    if flow is None:
        raise StateMismatch("no such flow")
    where = await place.of_flow(ports, flow)
    with concerning(where):
        browser = browser_of(request)
        if not rules.is_of_browser(flow, browser.key):
            raise StateMismatch("no such flow in this browser")
        if flow.expires <= ports.now():
            raise RequestRefused("the flow has expired", code="expired")
        return browser, where, flow


async def opened(ports: Ports, where: Place, flow: Flow) -> Place:
    """The product that was opened, where the account of another one is proven."""
    client = await ports.registry.client(flow.opened) if flow.opened else None
    return Place(where.tenant, client) if client else where


async def session_of(ports: Ports, settings: HubSettings, request: Request) -> HubSession | None:
    """Who is signed in at the hub in this browser, if anybody is. Raises Unavailable."""
    sid = read_token(request, SESSION)
    session = await ports.sessions.get(sid, settings.session_idle_seconds) if sid else None
    return session if session and await by_proof.stands(ports, session) else None
