"""What a verification mail's link opens, in any browser; looking changes nothing, a button confirms (AKE-13, LT07)."""

from __future__ import annotations

from linkmw.errors import RequestRefused
from linkmw.http import Request, Response, page, redirect, set_cookie, with_query
from linkmw.hub import first_rules, looks, place, rules
from linkmw.hub.browser import BROWSER, CONFIRM, Browser, form_token, read_own_form, read_token
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows.confirm import code_hash
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import Confirmed, Flow, MailProof, Ports
from linkmw.hub.settings import HubSettings
from linkmw.pages import screens
from linkmw.pages.browsers import describe
from linkmw.pages.screens import Form
from linkmw.secret import Secret


async def arrive(ports: Ports, settings: HubSettings, _request: Request, token: str) -> Response:
    """GET /confirm-email/{token}: the token leaves the address bar; no history and no Referer holds it (UM12)."""
    await _need(ports, token)
    cookie = set_cookie(CONFIRM, token, seconds=first_rules.MAIL_SECONDS)
    return redirect(f"{settings.public_url}/confirm-email", [cookie])


async def preview(ports: Ports, _settings: HubSettings, request: Request) -> Response:
    """GET /confirm-email: what it is about. Any number of times (UM01)."""
    token = read_token(request, CONFIRM) or ""
    where, proof = await _need(ports, token)
    with concerning(where):
        html = screens.confirm_mail(
            look=await looks.look_of(ports, where),
            form=Form("/confirm-email", form_token(token)),
            product=where.product.name,
            account=proof.username,
            started=proof.started,
            where=", ".join(filter(None, (describe(proof.user_agent), proof.ip))),
            zone=where.tenant.time_zone,
        )
        return page(html)


async def press(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /confirm-email: confirmed. Another browser than the waiting one gets a code, which that one asks for."""
    token = read_token(request, CONFIRM) or ""
    read_own_form(request, settings.public_url, form_token(token))
    where, proof = await _need(ports, token)
    with concerning(where):
        flow = await ports.flows.get(proof.flow_id)
        if flow is None or flow.expires <= ports.now():
            raise RequestRefused("the sign-in that waited has expired", code="expired")
        waits = flow.step == "inbox"  # else it went on already, and no code is asked for
        code = first_rules.short_code(ports.token()) if waits and not _is_waiting_here(request, flow) else ""
        if waits:
            kept = Confirmed(proof.email, code_hash(flow.flow_id, code) if code else "")
            await ports.mail_proofs.confirm(flow.flow_id, kept, flows.seconds_left(ports, flow))
        on = with_query("/inbox", flow=flow.flow_id) if _is_waiting_here(request, flow) else ""
        return page(screens.mail_confirmed(look=await looks.look_of(ports, where), code=code, continue_url=on))


def _is_waiting_here(request: Request, flow: Flow) -> bool:
    secret = read_token(request, BROWSER)
    return secret is not None and rules.is_of_browser(flow, Browser(Secret(secret)).key)


async def _need(ports: Ports, token: str) -> tuple[Place, MailProof]:
    """The link's own proof and its product. Raises RequestRefused(code="link_expired") for an old or unknown one."""
    proof = await ports.mail_proofs.get(token) if token else None
    if proof is None:
        raise RequestRefused("no such link", code="link_expired")
    where = await place.of_client(ports, proof.client_id)
    with concerning(where):
        if proof.expires <= ports.now():
            raise RequestRefused("the link is too old", code="link_expired")
    return where, proof
