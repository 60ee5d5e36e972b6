"""The owner of a proven account confirms an address: asked for, mailed, waited for (AKE-11, AKE-12, AKE-25)."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Literal

from linkmw.errors import RequestRefused, TooMany
from linkmw.http import Request, Response, json_answer, page, redirect, with_query
from linkmw.hub import audit, first_limits, first_rules, looks, notices, place, refusals, steps
from linkmw.hub.browser import Browser, read_own_form, sha256_hex
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows import join, link
from linkmw.hub.place import Place, Refused, concerning
from linkmw.hub.ports import About, Confirmed, Flow, MailProof, Ports
from linkmw.hub.settings import HubSettings
from linkmw.pages import screens
from linkmw.pages.screens import AddressProblem, Form

InboxProblem = Literal["not_yet", "wrong_code"]


async def show(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """GET /confirm?flow=…: "Confirm your email address", the account's own filled in; once more for another one."""
    browser, where, flow = await flows.need(ports, request, request.query.get("flow"))
    with concerning(where):
        if not _is_open(flow):
            return await link.led_to(ports, settings, request, where, flow)
        return await _page(ports, browser, where, flow, flow.email or _on_file(flow))


def _is_open(flow: Flow) -> bool:
    return flow.purpose == "first_sign_in" and flow.step in ("confirm", "inbox")


def _on_file(flow: Flow) -> str:
    return flow.account.email if flow.account else ""


async def _page(
    ports: Ports, browser: Browser, where: Place, flow: Flow, email: str, problem: AddressProblem | None = None
) -> Response:
    wait_seconds = max(0, flow.expires - ports.now()) if problem == "too_many" else 0
    refused = TooMany(wait_seconds, "too many mails") if problem == "too_many" else None
    html = screens.confirm_address(
        look=await looks.look_of(ports, where),
        form=Form("/confirm", browser.csrf, (("flow", flow.flow_id),)),
        email=email,
        problem=problem,
        wait_seconds=wait_seconds,
        reference=refusals.noted(Refused(refused, where), "/confirm") if refused else None,
    )
    return page(html, status=200 if problem is None else 429 if problem == "too_many" else 422)


async def confirm(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /confirm: a mail is on its way to that address."""
    browser, where, flow = await flows.need(ports, request, request.form.get("flow"))
    with concerning(where):
        form = read_own_form(request, settings.public_url, browser.csrf)
        if not _is_open(flow):
            return await link.led_to(ports, settings, request, where, flow)
        typed = form.get("email")
        email = first_rules.read_email(typed)
        if not email:
            return await _page(ports, browser, where, flow, typed, "no_address" if typed.strip() else "empty")
        if email != flow.email and not first_rules.may_resend(flow, ports.now()).left:
            return await _page(ports, browser, where, flow, email, "too_many")
        await _mail(ports, settings, request, where, flow, email)
        return redirect(_inbox_url(settings, flow))


def _inbox_url(settings: HubSettings, flow: Flow) -> str:
    return with_query(f"{settings.public_url}/inbox", flow=flow.flow_id)


async def resend(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /resend: the mail once more, if it may be; the page says when, and how often (UM10)."""
    browser, where, flow = await flows.need(ports, request, request.form.get("flow"))
    with concerning(where):
        read_own_form(request, settings.public_url, browser.csrf)
        if flow.purpose != "first_sign_in" or flow.step != "inbox":
            return await link.led_to(ports, settings, request, where, flow)
        await _mail(ports, settings, request, where, flow, flow.email)
        return redirect(_inbox_url(settings, flow))


async def _mail(ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow, email: str) -> None:
    """A mail to `email`, unless it is too early or one too many. Of several at once one is sent (RC13)."""
    now = ports.now()
    if not first_rules.may_mail(flow, email, now):
        return
    if not await ports.marks.first_use("mail-pause", f"{flow.flow_id} {email}", first_rules.PAUSE_SECONDS):
        return
    sent = await ports.marks.count("mails", flow.flow_id, flows.seconds_left(ports, flow))
    if sent > 1 + first_rules.RESENDS:
        return
    flow = steps.go(flow, "mailed", email=email, mails=sent, mailed=now)
    if await first_limits.may_mail(ports, flow, email, request.client):
        await _send(ports, settings, request, where, flow)
    await flows.keep(ports, flow)


async def _send(ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow) -> None:
    token, now = ports.token(), ports.now()
    proof = MailProof(
        flow_id=flow.flow_id,
        client_id=flow.client_id,
        username=flow.account.username if flow.account else "",
        email=flow.email,
        started=now,
        expires=now + first_rules.MAIL_SECONDS,
        user_agent=request.headers.get("user-agent", "")[:256],
        ip=request.client,
    )
    # Kept for longer than it is good for: who reads the mail tomorrow is told where to start again (AKE-26).
    await ports.mail_proofs.put(token, proof, first_rules.MAIL_KEPT_SECONDS)
    mail = await notices.verification(ports, settings, request, where, proof, token)
    await ports.outbox.put(mail, now, About(flow.client_id, flow.account.account_id if flow.account else ""))
    await ports.audit.write(audit.of_flow("address_mailed", flow, now, request))


async def inbox(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """GET /inbox?flow=…: "Check your inbox"."""
    browser, where, flow = await flows.need(ports, request, request.query.get("flow"))
    with concerning(where):
        if flow.purpose != "first_sign_in" or flow.step != "inbox":
            return await link.led_to(ports, settings, request, where, flow)
        return await _inbox(ports, browser, where, flow)


async def _inbox(
    ports: Ports,
    browser: Browser,
    where: Place,
    flow: Flow,
    problem: InboxProblem | None = None,
    *,
    ask_code: bool = False,
) -> Response:
    fields = (("flow", flow.flow_id),)
    may = first_rules.may_resend(flow, ports.now())
    html = screens.inbox(
        look=await looks.look_of(ports, where),
        form=Form("/inbox", browser.csrf, fields),
        resend=Form("/resend", browser.csrf, fields) if may.left else None,
        email=flow.email,
        left=may.left,
        wait_seconds=may.wait_seconds,
        another=with_query("/confirm", flow=flow.flow_id),
        start_again=place.at_gate((await flows.opened(ports, where, flow)).product, "login"),
        problem=problem,
        ask_code=ask_code,
        state_url=with_query("/inbox/state", flow=flow.flow_id),
    )
    leads_to = await join.leads_to(ports, where, flow)
    return page(html, status=422 if problem else 200, form_action=leads_to, scripts=not ask_code)


async def state(ports: Ports, _settings: HubSettings, request: Request) -> Response:
    """GET /inbox/state?flow=…: what the page's script asks. Was the address confirmed, in whichever browser?"""
    _, where, flow = await flows.need(ports, request, request.query.get("flow"))
    with concerning(where):
        return json_answer({"confirmed": flow.step != "inbox" or await _confirmed(ports, flow) is not None})


async def _confirmed(ports: Ports, flow: Flow) -> Confirmed | None:
    """The press that counts: of the address that waits now, not of one before (RC16)."""
    found = await ports.mail_proofs.confirmed(flow.flow_id)
    return found if found and found.email == flow.email else None


async def go_on(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /inbox: on, if the address was confirmed in this browser, or with the code that another one shows (LT07)."""
    browser, where, flow = await flows.need(ports, request, request.form.get("flow"))
    with concerning(where):
        form = read_own_form(request, settings.public_url, browser.csrf)
        if flow.purpose != "first_sign_in" or flow.step != "inbox":
            return await link.led_to(ports, settings, request, where, flow)
        confirmed = await _confirmed(ports, flow)
        if confirmed is None:
            return await _inbox(ports, browser, where, flow, "not_yet")
        if confirmed.code_hash:
            if not form.get("code").strip():
                return await _inbox(ports, browser, where, flow, ask_code=True)
            if not await _is_code(ports, flow, confirmed, form.get("code")):
                return await _inbox(ports, browser, where, flow, "wrong_code", ask_code=True)
        return await join.decide(ports, settings, request, where, flow)


async def _is_code(ports: Ports, flow: Flow, confirmed: Confirmed, typed: str) -> bool:
    """Raises RequestRefused(code="expired") when there have been too many wrong ones: the flow is over."""
    tries = await ports.marks.count("mail-code", flow.flow_id, flows.seconds_left(ports, flow))
    is_right = hmac.compare_digest(confirmed.code_hash, code_hash(flow.flow_id, first_rules.read_code(typed)))
    if tries <= first_rules.CODE_TRIES and is_right:
        return True
    if tries >= first_rules.CODE_TRIES:
        await flows.keep(ports, replace(steps.go(flow, "dropped"), error="expired"))
        raise RequestRefused("too many wrong codes", code="expired")
    return False


def code_hash(flow_id: str, code: str) -> str:
    """What is kept of a code: good for this flow alone."""
    return sha256_hex(f"{flow_id} {code}")
