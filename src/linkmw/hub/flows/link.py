"""From "no link yet" to "Your accounts are linked" and on to the product (style: walk, steps 7, 10 and 11)."""

from __future__ import annotations

from typing import Literal

from linkmw.errors import AccountTaken, IdentityChanged, RequestRefused, StateMismatch, Unavailable
from linkmw.http import Request, Response, origin_of, page, redirect, with_query
from linkmw.hub import audit, looks, notices, pending, place, provider, rules, steps
from linkmw.hub.browser import Browser, browser_of, read_own_form, sha256_hex
from linkmw.hub.flows import flow as flows
from linkmw.hub.place import NotLinkedYet, Place, concerning
from linkmw.hub.ports import Flow, NewLink, PendingProof, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Account, Identity
from linkmw.pages import language, screens
from linkmw.pages.screens import Form

SWITCHED = "identity_switched"  # why a flow is over that "not you?" has ended
# Where a first sign-in waits for somebody.
_FIRST_PAGES = {"identify": "/sign-in", "confirm": "/confirm", "inbox": "/inbox", "join": "/accounts"}
ARRIVAL_SECONDS = 300  # from the hub to the product's page; there its own record counts (PR22)


async def ask(ports: Ports, request: Request, where: Place, flow: Flow) -> Response:
    """To the product, with a handle for a proof request. What is asked stays on the back channel (PR08)."""
    handle = ports.token()
    pending = PendingProof(
        flow_id=flow.flow_id,
        client_id=flow.client_id,
        purpose=_purpose(flow),
        identity_email=flow.identity_email,
        hint=flow.hint,
        expires=flow.expires,
        flow=flow.name,
        identity=flow.identity,
    )
    flow = await flows.keep(ports, steps.go(flow, "asked"))
    if flow.identity is not None:  # else anybody could fill the trail without a sign-in (DS06)
        await ports.audit.write(audit.of_flow("proof_asked", flow, ports.now(), request))
    await ports.handles.put(handle, pending, ARRIVAL_SECONDS)
    return redirect(with_query(place.at_gate(where.product, "prove"), handle=handle, **language.handed_on()))


def _purpose(flow: Flow) -> Literal["link", "add", "first_sign_in"]:
    if flow.purpose == "first_sign_in":
        return "first_sign_in"
    return "link" if flow.request else "add"


async def commit(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """GET /proved?code=…: both proofs meet, and the link is made. Here and nowhere else."""
    code = request.query.get("code")
    flow_id = await ports.proof_codes.take(code) if code else None
    flow = await ports.flows.get(flow_id) if flow_id else None
    if flow is None:
        raise StateMismatch("no flow was proven with that code")
    where = await place.of_flow(ports, flow)
    with concerning(where):
        browser = browser_of(request)
        session = await flows.session_of(ports, settings, request)
        verdict = rules.may_commit(flow, browser.key, sha256_hex(code), session, ports.now())
        if verdict == "used":
            await _keep_code(ports, code, flow)
            return await led_to(ports, settings, request, where, flow)
        if verdict == "state_mismatch":
            raise StateMismatch("this browser began no flow that was proven with that code")
        await _keep_code(ports, code, flow)
        if verdict == "confirm":
            return await _to_confirm(ports, settings, request, where, flow)
        if verdict == "ask":
            flow = await flows.keep(ports, steps.go(flow, "told"))
            return await led_to(ports, settings, request, where, flow)
        if verdict == "commit":
            return await add(ports, settings, request, where, flow)
        flow = await flows.keep(ports, steps.go(flow, "failed", error=verdict))
        return await led_to(ports, settings, request, where, flow)


async def _to_confirm(ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow) -> Response:
    """The account is proven; its owner's address comes next (AKE-11), unless somebody has the account already."""
    account = flow.account
    taken = await ports.links.of_account(flow.client_id, account.account_id) if account else None
    flow = await flows.keep(ports, steps.go(flow, "known" if taken else "confirmed"))
    return await led_to(ports, settings, request, where, flow)


async def _keep_code(ports: Ports, code: str, flow: Flow) -> None:
    """The code goes on finding its flow, for Back and reload; the flow's step sees to it that it commits once."""
    await ports.proof_codes.put(code, flow.flow_id, flows.seconds_left(ports, flow))


async def add(ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow) -> Response:
    """The link of a flow that may have it, and where that leads."""
    account, identity, now = flow.account, flow.identity, ports.now()
    if account is None or identity is None:
        raise RequestRefused("nothing was proven", code="wrong_step")
    token = ports.token()
    link = _new_link(flow, account, identity, token, now)
    mails = await notices.linked(ports, settings, request, where, link, token)
    try:
        made = await ports.links.add(link, mails, audit.of_flow("linked", flow, now, request))
    except AccountTaken as error:
        await ports.audit.write(audit.of_flow("link_refused", flow, now, request, code=error.code))
        flow = await flows.keep(ports, steps.go(flow, "taken", error=error.code))
    except Unavailable as error:
        flow = await flows.keep(ports, steps.go(flow, "failed", error=error.code))
    else:
        flow = await flows.keep(ports, steps.go(flow, "linked", link_id=made.link_id))
        await pending.cancel(ports, request, where, identity)
    return await led_to(ports, settings, request, where, flow)


async def led_to(ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow) -> Response:
    """Where `flow` has led: at its first arrival, and again for Back, reload and the double click (FC05).

    Raises StateMismatch where there is nothing to come back to: its page offers a fresh start.
    """
    if flow.purpose == "first_sign_in":
        return await _first_led_to(ports, settings, request, where, flow)
    if flow.step == "refused":
        return _refused(settings, where, flow)
    if flow.purpose == "manager":
        return redirect(settings.public_url + (flow.then or place.in_manager(where.tenant)))
    if flow.request and where.product.mode == "replace" and flow.link_id is not None:
        return await _straight_on(ports, settings, request, where, flow)
    if flow.account is not None and flow.step in ("linked", "done"):
        told = f"{settings.public_url}/linked" if flow.request else place.manager(settings, where.tenant)
        return redirect(with_query(told, flow=flow.flow_id))
    if not rules.is_same_person(flow, await flows.session_of(ports, settings, request)):
        raise StateMismatch("the sign-in was used before, or is one of too many at once")
    if flow.step == "choose":
        return redirect(chooser(settings, flow))
    if flow.step == "agree":
        return redirect(with_query(f"{settings.public_url}/agree", flow=flow.flow_id))
    if flow.step == "prove":
        return await ask(ports, request, where, flow)
    return await _granted_again(ports, settings, request, where, flow)


async def _straight_on(ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow) -> Response:
    """On to the product without a page in between: in one that has moved over, that is what was asked for (AKE-16)."""
    if not rules.is_same_person(flow, await flows.session_of(ports, settings, request)):
        raise StateMismatch("the sign-in was used before, or is one of too many at once")
    if flow.step == "linked":
        flow = await flows.keep(ports, steps.go(flow, "left"))
    return await _granted_again(ports, settings, request, where, flow)


async def _first_led_to(ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow) -> Response:
    """As `led_to`, for a first sign-in: to the page that it waits at, or to the product it has opened."""
    if flow.step in _FIRST_PAGES:
        return redirect(with_query(settings.public_url + _FIRST_PAGES[flow.step], flow=flow.flow_id))
    if flow.step == "prove":
        return await ask(ports, request, where, flow)
    if flow.step == "refused":
        raise RequestRefused("the first sign-in is over", code="expired")
    if flow.link_id is None and flow.account is not None:
        return redirect(with_query(f"{settings.public_url}/known", flow=flow.flow_id))
    if flow.link_id is None or flow.opened:
        return redirect(place.at_gate((await flows.opened(ports, where, flow)).product, "login"))
    return await _straight_on(ports, settings, request, where, flow)


def chooser(settings: HubSettings, flow: Flow) -> str:
    """Where a person with several accounts chooses one of them (MIM-17)."""
    return with_query(f"{settings.public_url}/choose", flow=flow.flow_id)


def _refused(settings: HubSettings, where: Place, flow: Flow) -> Response:
    if flow.error == AccountTaken.code or (flow.error == "expired" and flow.request is None):
        return redirect(with_query(place.manager(settings, where.tenant), flow=flow.flow_id))
    if flow.error == IdentityChanged.code:
        raise IdentityChanged("somebody else is signed in at the hub now")
    if flow.error == "expired" or flow.error == Unavailable.code:
        reason: Literal["expired", "away"] = "expired" if flow.error == "expired" else "away"
        again = "" if flow.request else adding(settings, where)
        raise NotLinkedYet(reason, leave_url(settings, where, flow), again)
    raise StateMismatch("the flow is over")


async def _granted_again(ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow) -> Response:
    links = await ports.links.of_identity(flow.identity, [flow.client_id]) if flow.identity else []
    entered = next((link for link in links if link.link_id == flow.link_id), None)
    if entered is None:
        raise StateMismatch("the link was removed meanwhile")
    return await provider.grant(ports, settings, request, where, flow, entered)


def _new_link(flow: Flow, account: Account, identity: Identity, token: str, now: int) -> NewLink:
    return NewLink(
        client_id=flow.client_id,
        account=account,
        identity=identity,
        identity_email=flow.identity_email,
        flow=flow.flow_id,
        unlink_token_hash=sha256_hex(token),
        proof="native" if flow.native else "form",
        amr=flow.proven_amr,
        created=now,
        language=language.current(),
    )


async def linked(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """GET /linked?flow=…: "Your accounts are linked" (MIM-6)."""
    browser, where, flow = await flows.need(ports, request, request.query.get("flow"))
    with concerning(where):
        if flow.step not in ("linked", "done") or flow.account is None:
            raise RequestRefused("nothing was linked", code="wrong_step")
        html = screens.linked(
            look=await looks.look_of(ports, where),
            form=Form("/continue", browser.csrf, (("flow", flow.flow_id),)),
            account=flow.account.username,
            identity_email=flow.identity_email,
            manager=place.manager(settings, where.tenant),
            mailed=any(notices.addresses(flow.account.email, flow.identity_email)),
            sign_in=place.native_login(where.product) if flow.step == "done" else "",
            closed=not place.native_login(where.product),
        )
        return page(html, form_action=[origin_of(where.product.redirect_uri)])


async def go_on(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /continue: on to the product, as the linked account; after a refusal, with `access_denied`."""
    browser, where, flow = await flows.need(ports, request, request.form.get("flow"))
    with concerning(where):
        read_own_form(request, settings.public_url, browser.csrf)
        if flow.step == "refused":
            return redirect(leave_url(settings, where, flow))
        flow = steps.go(flow, "left")
        if not rules.is_same_person(flow, await flows.session_of(ports, settings, request)):
            raise IdentityChanged("somebody else is signed in at the hub now")
        link = await ports.links.of_account(flow.client_id, flow.account.account_id) if flow.account else None
        if link is None or link.identity != flow.identity:
            raise RequestRefused("the link was removed meanwhile", code="expired")
        await flows.keep(ports, flow)
        return await provider.grant(ports, settings, request, where, flow, link)


def leave_url(settings: HubSettings, where: Place, flow: Flow) -> str:
    """Back to the product without a link: it keeps the session it has, and goes where the person was going."""
    if flow.request is None:
        return where.product.public_url  # it asked for nothing, so there is nothing to answer
    return provider.refusal_url(settings, where.product, flow.request.state, "access_denied", "Nothing was linked.")


def adding(settings: HubSettings, where: Place) -> str:
    """The page of "+ Add" (MIM-11)."""
    return settings.public_url + place.in_manager(where.tenant, f"add/{where.product.client_id}")


async def not_you(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """GET /switch-identity?handle=…: "not you?" asks before it acts. handle: the proof request's transaction.

    At a first sign-in there is nobody yet to be somebody else than: another name is typed.
    """
    browser, where, flow = await flows.need(ports, request, request.query.get("handle"))
    with concerning(where):
        if flow.purpose == "first_sign_in":
            return redirect(with_query(f"{settings.public_url}/sign-in", flow=flow.flow_id))
        html = screens.switch_identity(
            look=await looks.look_of(ports, where),
            form=Form("/switch-identity", browser.csrf, (("flow", flow.flow_id),)),
            identity_email=flow.identity_email,
        )
        return page(html, form_action=[origin_of(where.tenant.issuer)])


async def drop(ports: Ports, settings: HubSettings, request: Request) -> tuple[Browser, Place, Flow]:
    """POST /switch-identity, first half: the flow has ended, and what it was asked for waits for a new one.

    A new one, since a proof that is under way for the first must never count for somebody else (LT09, FC19).
    """
    browser, where, flow = await flows.need(ports, request, request.form.get("flow"))
    with concerning(where):
        read_own_form(request, settings.public_url, browser.csrf)
        if flow.error != SWITCHED:  # else a second press: once more to Keycloak
            await flows.keep(ports, steps.go(flow, "dropped", error=SWITCHED))
    return browser, where, flow
