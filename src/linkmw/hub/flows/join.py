"""The address is confirmed: whose it is, what else is linked with it, and the identity itself (AKE-5, 6, 14)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from linkmw.errors import AccountTaken, RequestRefused, Unavailable
from linkmw.http import Request, Response, origin_of, page, set_cookie, with_query
from linkmw.hub import audit, first_rules, logouts, looks, notices, place, provider, steps
from linkmw.hub.browser import SESSION, Browser, browser_of, read_own_form, sha256_hex
from linkmw.hub.first_rules import Conflict, HasIdentity
from linkmw.hub.flows import by_proof, first_sign_in, held, link, sign_in
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows.flow import Wish
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import AuditEvent, Flow, Joinable, NewIdentity, NewLink, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Account, Client, Identity, Link
from linkmw.pages import language, screens
from linkmw.pages.screens import Form, JoinRow
from linkmw.reference import new_reference

BUSY_SECONDS = 30  # so long one press has to create an identity, before another press may try
MOST = 40  # accounts on one page: a form has 50 fields at most, and a shared mailbox is nobody's
MAIL = "mail"  # how the owner of an account was proven that was joined by its address


async def decide(ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow) -> Response:
    """What the confirmed address leads to: its identity, nothing at all, more accounts, or a new identity."""
    over = await _if_somebody_has_it(ports, settings, request, where, flow)
    if over is not None:
        return over
    joins = await _joinable(ports, where, flow)
    if not joins:
        return await _create(ports, settings, request, where, flow, [])
    flow = await flows.keep(ports, steps.go(flow, "confirmed", joins=tuple(joins)))
    return await link.led_to(ports, settings, request, where, flow)


async def _if_somebody_has_it(
    ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow
) -> Response | None:
    """The way on when the address is somebody's already; None when it is nobody's, or of this flow's own making."""
    found = await ports.identities.of_address(where.tenant, flow.email)
    verdict = first_rules.after_confirmation(flow.email, found)
    if isinstance(verdict, HasIdentity) and verdict.known.identity != flow.identity:
        if flow.account is not None:
            await held.put(ports, request, flow, flow.account)
        flow = await flows.keep(ports, steps.go(flow, "known"))
        return await link.led_to(ports, settings, request, where, flow)
    if isinstance(verdict, Conflict):
        return await _conflict(ports, request, where, flow)
    return None


async def _conflict(ports: Ports, request: Request, where: Place, flow: Flow) -> Response:
    """PR01: nothing is linked, created or overwritten. Another address may still be confirmed, or all begun anew."""
    reference = new_reference()
    refused = audit.of_flow("email_conflict", flow, ports.now(), request, code="email_conflict")
    await ports.audit.write(replace(refused, ref=str(reference)))
    html = screens.address_conflict(
        look=await looks.look_of(ports, where),
        reference=reference,
        email=flow.email,
        another=with_query("/confirm", flow=flow.flow_id) if flow.step == "inbox" else "",
        start_again=place.at_gate((await flows.opened(ports, where, flow)).product, "login"),
    )
    return page(html, status=409)


# Other accounts of the same address


async def _joinable(ports: Ports, where: Place, flow: Flow) -> list[Joinable]:
    """The proven account and others of the address, if there are any that nobody has linked (PR06)."""
    others = await first_sign_in.moved_over(ports, where)
    answers = await asyncio.gather(*(_joins_of(ports, client, flow.email) for client in others))
    joins = [join for answer in answers for join in answer]
    account = flow.account
    if not joins or account is None:
        return []
    return [Joinable(flow.client_id, account.account_id, account.username, proven=True), *joins[:MOST]]


async def _joins_of(ports: Ports, client: Client, email: str) -> list[Joinable]:
    """A product that does not answer is left for the next visit."""
    try:
        answers = await ports.products.may_join(client, email)
    except Unavailable:
        return []
    trusted = client.trusted_email
    joins = [
        Joinable(client.client_id, one.account_id, one.username, one.last_used, allowed=trusted and one.allowed)
        for one in answers
    ]
    return [join for join in joins if await ports.links.of_account(client.client_id, join.account_id) is None]


async def show(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """GET /accounts?flow=…: "We found more accounts of yours" (AKE-6)."""
    browser, where, flow = await flows.need(ports, request, request.query.get("flow"))
    with concerning(where):
        if flow.purpose != "first_sign_in" or flow.step != "join":
            return await link.led_to(ports, settings, request, where, flow)
        html = screens.join_accounts(
            look=await looks.look_of(ports, where),
            form=Form("/accounts", browser.csrf, (("flow", flow.flow_id),)),
            rows=[await _row(ports, where, str(number), join) for number, join in enumerate(flow.joins)],
            now=ports.now(),
            email=flow.email,
            zone=where.tenant.time_zone,
        )
        return page(html, form_action=await leads_to(ports, where, flow))


async def _row(ports: Ports, where: Place, value: str, join: Joinable) -> JoinRow:
    client = await ports.registry.client(join.client_id)
    return JoinRow(
        value=value,
        username=join.username,
        product=client.name if client else "",
        logo=(await looks.look_of(ports, Place(where.tenant, client))).product_logo,
        last_used=join.last_used,
        checked=join.allowed,
        fixed=join.proven or not join.allowed,
    )


async def leads_to(ports: Ports, where: Place, flow: Flow) -> list[str]:
    """Where the forms of a first sign-in may end: at Keycloak, or at the product that was opened."""
    opened = await flows.opened(ports, where, flow)
    return [origin_of(where.tenant.issuer), origin_of(opened.product.redirect_uri)]


async def choose(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /accounts: what was checked is linked with the new identity."""
    browser, where, flow = await flows.need(ports, request, request.form.get("flow"))
    with concerning(where):
        form = read_own_form(request, settings.public_url, browser.csrf)
        if flow.purpose != "first_sign_in" or flow.step != "join":
            return await link.led_to(ports, settings, request, where, flow)
        over = await _if_somebody_has_it(ports, settings, request, where, flow)
        if over is not None:
            return over
        return await _create(ports, settings, request, where, flow, form.all("account"))


# The identity, and what is linked to it


async def _create(
    ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow, chosen: Sequence[str]
) -> Response:
    """One press at a time: a second one is led to where the first one got (FC05, RC09)."""
    if await ports.marks.count("create", flow.flow_id, BUSY_SECONDS) > 1:
        now = await ports.flows.get(flow.flow_id) or flow
        return await link.led_to(ports, settings, request, where, now)
    try:
        return await _create_once(ports, settings, request, where, flow, chosen)
    finally:
        await ports.marks.reset("create", flow.flow_id)


async def _create_once(
    ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow, chosen: Sequence[str]
) -> Response:
    current = await ports.flows.get(flow.flow_id)
    if current is None or current.step != flow.step:
        return await link.led_to(ports, settings, request, where, current or flow)
    if not await _is_free(ports, current):
        flow = await flows.keep(ports, replace(steps.go(current, "known"), email=""))
        return await link.led_to(ports, settings, request, where, flow)
    if not await _is_unchanged(ports, where, current):
        await ports.audit.write(audit.of_flow("link_refused", current, ports.now(), request, code="account_changed"))
        flow = await flows.keep(ports, steps.go(current, "dropped", error="account_changed"))
        return await link.led_to(ports, settings, request, where, flow)
    identity = current.identity or await _new_identity(ports, where, current)
    if identity is None:  # somebody was first (RC09): it is theirs now
        over = await _if_somebody_has_it(ports, settings, request, where, current)
        if over is None:
            raise Unavailable("Keycloak has a user with that address, and shows none")
        return over
    # Kept at once: whatever fails from here on, another press goes on with this very identity.
    flow = await flows.keep(ports, replace(current, identity=identity, identity_email=current.email))
    made = await _link(ports, settings, request, where, flow, identity, chosen)
    return await _enter(ports, settings, request, where, flow, identity, made)


async def _is_free(ports: Ports, flow: Flow) -> bool:
    """Has nobody linked the proven account meanwhile? But for this flow, which may have done so before a fault."""
    account = flow.account
    found = await ports.links.of_account(flow.client_id, account.account_id) if account else None
    return found is None or found.identity == flow.identity


async def _is_unchanged(ports: Ports, where: Place, flow: Flow) -> bool:
    """Is the proven account still what it was, at the same address (LT04)? A product that is away is taken at its word
    of a few minutes ago."""
    if flow.account is None:
        return False
    now = await held.account_now(ports, where, flow.account.account_id)
    return now is None or first_rules.is_unchanged(flow.account, now)


async def _new_identity(ports: Ports, where: Place, flow: Flow) -> Identity | None:
    password_hash = await _password_hash(ports, where, flow)
    new = NewIdentity(flow.email, password_hash, language.current(), falls_short=flow.falls_short)
    return await ports.identities.create(where.tenant, new)


async def _password_hash(ports: Ports, where: Place, flow: Flow) -> str:
    """The product's password goes on as the identity's (PR10); "" and Keycloak asks for a new one (AKE-15)."""
    if where.tenant.credential_at_first == "set":
        return ""
    try:
        return await ports.products.password_hash(where.product, flow.flow_id)
    except Unavailable:
        return ""


async def _link(
    ports: Ports,
    settings: HubSettings,
    request: Request,
    where: Place,
    flow: Flow,
    identity: Identity,
    chosen: Sequence[str],
) -> Link:
    """The proven account and the chosen ones are linked; the link of the proven one."""
    joins = [of for join in first_rules.to_join(flow.joins, chosen) if (of := await _still(ports, where, flow, join))]
    made = [_of_proven(ports, where, flow, identity)]
    made += [_of_joined(ports, of, flow, identity, join) for of, join in joins]
    try:
        return await _commit(ports, settings, request, where, flow, made)
    except AccountTaken:  # one of the others, in this very moment: it is left out, as if it had not been chosen
        return await _commit(ports, settings, request, where, flow, made[:1])


async def _still(ports: Ports, where: Place, flow: Flow, join: Joinable) -> tuple[Place, Joinable] | None:
    """Where the chosen account is, if its product still says that the address is enough (PR06, LT17)."""
    others = {client.client_id: client for client in await first_sign_in.moved_over(ports, where)}
    if join.client_id not in others:
        return None
    now = await _joins_of(ports, others[join.client_id], flow.email)
    allowed = any(one.allowed and one.account_id == join.account_id for one in now)
    return (Place(where.tenant, others[join.client_id]), join) if allowed else None


_Made = tuple[Place, NewLink, str]


def _of_proven(ports: Ports, where: Place, flow: Flow, identity: Identity) -> _Made:
    if flow.account is None:
        raise RequestRefused("nothing was proven", code="wrong_step")
    return _made(ports, where, flow, identity, flow.account, where.product.proof, flow.proven_amr)


def _of_joined(ports: Ports, of: Place, flow: Flow, identity: Identity, join: Joinable) -> _Made:
    account = Account(join.account_id, join.username, flow.email, email_verified=True)
    return _made(ports, of, flow, identity, account, MAIL, ())


def _made(
    ports: Ports, of: Place, flow: Flow, identity: Identity, account: Account, proof: str, amr: tuple[str, ...]
) -> _Made:
    token, client_id = ports.token(), of.product.client_id
    new = NewLink(
        client_id=client_id,
        account=account,
        identity=identity,
        identity_email=flow.email,
        flow=held.link_flow(flow.flow_id, client_id, account.account_id),
        unlink_token_hash=sha256_hex(token),
        proof=proof,
        amr=amr,
        created=ports.now(),
        language=language.current(),
    )
    return of, new, token


async def _commit(
    ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow, made: Sequence[_Made]
) -> Link:
    links = [new for _, new, _ in made]
    mails = await notices.joined(ports, settings, request, where, made)
    events = [_event(ports, request, flow, new) for new in links]
    await logouts.of_before(ports, links)
    added = await ports.links.add_all(links, mails, events)
    return added[0]


def _event(ports: Ports, request: Request, flow: Flow, new: NewLink) -> AuditEvent:
    of = replace(flow, client_id=new.client_id, account=new.account)
    return audit.of_flow("linked", of, ports.now(), request)


async def _enter(
    ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow, identity: Identity, made: Link
) -> Response:
    """Signed in by what was proven (PR21), on to the product (AKE-5)."""
    session = await by_proof.begin(ports, settings, request, where, identity, flow.email)
    flow = steps.go(
        flow,
        "linked",
        email_verified=True,
        auth_time=session.auth_time,
        amr=flow.proven_amr,
        hub_sid=session.public_sid,
        link_id=made.link_id,
    )
    await flows.keep(ports, flow)
    cookie = set_cookie(SESSION, session.sid)
    if flow.opened:  # another product was opened, which still waits: Keycloak says who this is there
        answer = await _to_keycloak(ports, settings, browser_of(request), where, flow)
    else:
        answer = await provider.grant(ports, settings, request, where, flow, made)
    return answer.with_headers([cookie])


# The address is an identity's already


async def known(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """GET /known?flow=…: "You already have …" (AKE-14)."""
    browser, where, flow = await flows.need(ports, request, request.query.get("flow"))
    with concerning(where):
        if not _waits_for_identity(flow):
            return await link.led_to(ports, settings, request, where, flow)
        if not flow.email:  # whose the account is, is nobody's to know who has not signed in as them (MIM-8)
            return await _to_keycloak(ports, settings, browser, where, flow)
        html = screens.have_identity(
            look=await looks.look_of(ports, where),
            form=Form("/known", browser.csrf, (("flow", flow.flow_id),)),
            email=flow.email,
        )
        return page(html, form_action=await leads_to(ports, where, flow))


def _waits_for_identity(flow: Flow) -> bool:
    return flow.purpose == "first_sign_in" and flow.step == "done" and flow.account is not None and flow.link_id is None


async def sign_in_there(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /known: to Keycloak, the address filled in; whoever signs in there gets what waits."""
    browser, where, flow = await flows.need(ports, request, request.form.get("flow"))
    with concerning(where):
        read_own_form(request, settings.public_url, browser.csrf)
        if not _waits_for_identity(flow):
            return await link.led_to(ports, settings, request, where, flow)
        return await _to_keycloak(ports, settings, browser, where, flow)


async def _to_keycloak(ports: Ports, settings: HubSettings, browser: Browser, where: Place, flow: Flow) -> Response:
    opened = await flows.opened(ports, where, flow)
    wish = Wish("sign_in", flow.request)
    return await sign_in.to_provider(ports, settings, browser, opened, wish, login_hint=flow.email)
