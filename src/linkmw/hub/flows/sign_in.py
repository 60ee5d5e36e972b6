"""To Keycloak and back, for a product or for the manager (style: walk, steps 3 to 6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from linkmw.errors import ProviderRefused, RequestRefused, StateMismatch, TokenRejected
from linkmw.http import GUARD_HEADERS, Request, Response, redirect, set_cookie
from linkmw.hub import place, provider, rules, steps
from linkmw.hub.browser import SESSION, Browser, browser_or_new
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows import held, link
from linkmw.hub.flows.flow import Wish
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import Flow, HubSession, KeycloakSignIn, Ports
from linkmw.hub.settings import HubSettings
from linkmw.oidc import authorize
from linkmw.pages import language
from linkmw.secret import Secret
from linkmw.whence import is_navigation

NOTHING = Response(204, GUARD_HEADERS)
NOT_LINKED = "No account of this product is linked to this identity."


async def start_manager(ports: Ports, settings: HubSettings, request: Request, organization_id: str) -> Response:
    """GET /t/{organization_id}/sign-in: somebody wants the manager."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        return await to_manager(ports, settings, request, where)


async def to_manager(
    ports: Ports, settings: HubSettings, request: Request, where: Place, then: str = "", who: HubSession | None = None
) -> Response:
    """To Keycloak and back to the manager's page `then`. who: this person, signing in afresh (MIM-28)."""
    if not is_navigation(request):
        return NOTHING
    fresh = settings.fresh_seconds if who else 0
    wish = Wish("manager", then=then, fresh_seconds=fresh, identity=who.identity if who else None)
    browser = browser_or_new(request, ports.token)
    return await to_provider(ports, settings, browser, Place(where.tenant), wish)


async def to_provider(
    ports: Ports,
    settings: HubSettings,
    browser: Browser,
    where: Place,
    wish: Wish,
    *,
    prompt: str = "",
    login_hint: str = "",
) -> Response:
    """To Keycloak: a new flow, and a sign-in of our own that only this browser can finish.

    login_hint: the address that its page is filled in with.
    """
    asked = wish.request
    sign_in = authorize.new_sign_in(ports.token, then="", now=ports.now())
    flow = flows.begin(ports, settings, browser, where, wish, sign_in.state)
    url = await ports.provider.authorization_url(
        where.tenant,
        sign_in,
        place.callback(settings, where.tenant),
        prompt=prompt or (asked.prompt if asked else ""),
        max_age=_max_age(asked.max_age if asked else None, wish.fresh_seconds),
        login_hint=login_hint,
        ui_locales=_ui_locales(asked.ui_locales if asked else ""),
    )
    await flows.keep(ports, flow)
    await ports.sign_ins.put(browser.key, sign_in, settings.sign_in_seconds)
    return redirect(url, browser.cookies)


def _ui_locales(asked: str) -> str:
    """The language of our own pages first; then what the product asked for, which Keycloak may speak and we not."""
    return " ".join(dict.fromkeys((language.current(), *asked.split())))


def _max_age(asked: int | None, fresh_seconds: int) -> int | None:
    """How old the sign-in may be for both, product and hub; None for any age."""
    limits = [*([asked] if asked is not None else []), *([fresh_seconds] if fresh_seconds else [])]
    return min(limits, default=None)


async def finish(ports: Ports, settings: HubSettings, request: Request, organization_id: str) -> Response:
    """GET /t/{organization_id}/callback: Keycloak's answer."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        state = _read_state(request)
        browser, where, flow = await flows.need(ports, request, flows.id_of(state))
        if flow.organization_id != organization_id:
            raise StateMismatch("the flow is of another tenant")  # FC10
    with concerning(where):
        sign_in = await ports.sign_ins.take(browser.key, state)
        if sign_in is None:
            return await link.led_to(ports, settings, request, where, flow)
        try:
            code = authorize.read_answer(request.query, sign_in, where.tenant.issuer, iss_promised=False)
        except ProviderRefused as error:
            return await _provider_refused(ports, settings, where, flow, error)
        # Whether metadata promised `iss` is the provider's knowledge: it compares once more, absence included (FC09).
        signed = await ports.provider.redeem(
            where.tenant, sign_in, code, request.query.get("iss"), place.callback(settings, where.tenant)
        )
        _check_sign_in(ports, where, flow, signed)
        session = await _open_session(ports, settings, request, where, signed)
        await held.link(ports, settings, request, where, signed)
        answer = await _go_on(ports, settings, request, browser, where, _with_identity(flow, signed, session))
        return answer.with_headers([set_cookie(SESSION, session.sid)])


def _read_state(request: Request) -> str:
    state = request.query.get("state")
    if not state:
        raise RequestRefused("the answer carries no state", code="state_missing")  # FC01
    return state


async def _provider_refused(
    ports: Ports, settings: HubSettings, where: Place, flow: Flow, error: ProviderRefused
) -> Response:
    """The person pressed Cancel, or Keycloak could not: the product is told and offers its own login (FC11)."""
    await flows.keep(ports, steps.go(flow, "dropped", error=error.code))
    if flow.request is None:
        raise error
    told = error.error if error.error in provider.PASSED_ON else "server_error"
    return provider.refuse(settings, where.product, flow.request.state, told, "The sign-in was not completed.")


def _check_sign_in(ports: Ports, where: Place, flow: Flow, signed: KeycloakSignIn) -> None:
    if signed.identity.issuer != where.tenant.issuer:
        raise TokenRejected("the identity is of another issuer", code="token_issuer")  # FC10
    max_age = _max_age(flow.request.max_age if flow.request else None, flow.fresh_seconds)
    if not rules.is_recent(signed.auth_time, max_age, ports.now()):
        raise TokenRejected("the sign-in is older than was asked for", code="token_auth_too_old")


async def _open_session(
    ports: Ports, settings: HubSettings, request: Request, where: Place, signed: KeycloakSignIn
) -> HubSession:
    """A hub session under a new secret, always (SC01); the same person again keeps its public name."""
    old = await flows.session_of(ports, settings, request)
    same = old is not None and (old.identity, old.organization_id) == (signed.identity, where.tenant.organization_id)
    now = ports.now()
    session = HubSession(
        sid=Secret(ports.token()),
        public_sid=old.public_sid if old is not None and same else ports.token(),
        organization_id=where.tenant.organization_id,
        identity=signed.identity,
        email=signed.email,
        email_verified=signed.email_verified,
        name=signed.name,
        auth_time=signed.auth_time,
        started=now,
        csrf=Secret(ports.token()),
        user_agent=request.headers.get("user-agent", "")[:256],
        ip=request.client,
        keycloak_sid=signed.session_state,
        support=rules.support_of(signed.roles, where.tenant, settings.support_role, settings.support_read_role),
        id_token=signed.id_token,
    )
    if not await ports.sessions.put(session, settings.session_idle_seconds, now + settings.session_seconds):
        raise RequestRefused("the Keycloak session has ended meanwhile", code="expired")  # RC11
    if old is not None and not same:  # the same person's old secret is ended by `put`, when nothing needs it any more
        await ports.sessions.end(old.sid)
    return session


def _with_identity(flow: Flow, signed: KeycloakSignIn, session: HubSession) -> Flow:
    return replace(
        rules.of_newcomer(flow, signed.identity),
        identity=signed.identity,
        identity_email=signed.email,
        email_verified=signed.email_verified,
        auth_time=signed.auth_time,
        amr=signed.amr,
        hub_sid=session.public_sid,
    )


async def _go_on(
    ports: Ports, settings: HubSettings, request: Request, browser: Browser, where: Place, flow: Flow
) -> Response:
    if flow.purpose == "manager" or flow.identity is None:
        await flows.keep(ports, steps.go(flow, "entered"))
        return redirect(settings.public_url + (flow.then or place.in_manager(where.tenant)))
    if flow.purpose == "add":
        return await link.ask(ports, request, where, flow)
    decision = rules.after_sign_in(await ports.links.of_identity(flow.identity, [flow.client_id]), where.product)
    if flow.request and flow.request.prompt == "none" and (error := rules.without_a_page(decision)):
        return await _refused(ports, settings, where, flow, error)
    if isinstance(decision, rules.NotOffered):
        return await _refused(ports, settings, where, flow, "access_denied")
    if isinstance(decision, rules.LinkFirst):
        return await to_proof(ports, settings, request, browser, where, flow, "sign_in")
    if isinstance(decision, rules.Choose):
        flow = await flows.keep(ports, steps.go(flow, "several"))
        return redirect(link.chooser(settings, flow))
    flow = await flows.keep(ports, steps.go(flow, "entered", link_id=decision.link.link_id))
    return await provider.grant(ports, settings, request, where, flow, decision.link)


async def _refused(ports: Ports, settings: HubSettings, where: Place, flow: Flow, error: str) -> Response:
    await flows.keep(ports, steps.go(flow, "dropped", error="not_linked"))
    return provider.refuse(settings, where.product, flow.request.state if flow.request else "", error, NOT_LINKED)


async def to_proof(
    ports: Ports,
    settings: HubSettings,
    request: Request,
    browser: Browser,
    where: Place,
    flow: Flow,
    purpose: Literal["sign_in", "add"],
) -> Response:
    """To the product's proof page, by way of Keycloak where the tenant wants a fresher sign-in for that (MIM-28).

    purpose: of the flow that then begins. The flow there is stays as it is: nothing was proven for it.
    """
    if not rules.is_too_old_to_link(where.tenant, flow.auth_time, settings.fresh_seconds, ports.now()):
        return await link.ask(ports, request, where, flow)
    wish = Wish(purpose, flow.request, fresh_seconds=settings.fresh_seconds, identity=flow.identity)
    return await to_provider(ports, settings, browser, where, wish)


async def again(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /switch-identity: "not you?", answered. Keycloak asks anew, whoever is signed in there."""
    browser, where, flow = await link.drop(ports, settings, request)
    with concerning(where):
        wish = Wish(_once_more(flow), flow.request, then=flow.then, fresh_seconds=flow.fresh_seconds)
        return await to_provider(ports, settings, browser, where, wish, prompt="login")


def _once_more(flow: Flow) -> Literal["sign_in", "manager", "add", "first_sign_in"]:
    """A first sign-in asks no identity who it is: what begins at Keycloak is a sign-in like any other."""
    return "sign_in" if flow.purpose == "first_sign_in" else flow.purpose
