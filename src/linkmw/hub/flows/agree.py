"""Link this account to this identity? Asked after a proof by the product's own login, before the commit (PR05).

For a login may have been meant for something else: another tab, another hour, somebody who sent a form.
"""

from __future__ import annotations

from linkmw.errors import RequestRefused
from linkmw.http import Request, Response, origin_of, page, redirect
from linkmw.hub import audit, looks, place, rules, steps
from linkmw.hub.browser import read_own_form
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows import link
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import Flow, Ports
from linkmw.hub.settings import HubSettings
from linkmw.pages import screens
from linkmw.pages.screens import Form

_DECLINED = "declined"  # why a flow is over whose question was answered with no


async def show(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """GET /agree?flow=…: the question. Back and reload find it again; what is past it leads on (FC05)."""
    browser, where, flow = await flows.need(ports, request, request.query.get("flow"))
    with concerning(where):
        if flow.step != "agree":
            return await _led_to(ports, settings, request, where, flow)
        if flow.account is None:
            raise RequestRefused("nothing was proven", code="wrong_step")
        html = screens.agree(
            look=await looks.look_of(ports, where),
            form=Form("/agree", browser.csrf, (("flow", flow.flow_id),)),
            account=flow.account.username,
            identity_email=flow.identity_email,
        )
        return page(html, form_action=[origin_of(where.product.redirect_uri)])


async def answer(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /agree: with `choice=link` the link is made, with anything else nothing is."""
    browser, where, flow = await flows.need(ports, request, request.form.get("flow"))
    with concerning(where):
        form = read_own_form(request, settings.public_url, browser.csrf)
        verdict = rules.may_agree(flow, await flows.session_of(ports, settings, request), ports.now())
        if verdict == "used":  # pressed twice: the first press counts
            return await _led_to(ports, settings, request, where, flow)
        if verdict != "commit":
            flow = await flows.keep(ports, steps.go(flow, "failed", error=verdict))
            return await link.led_to(ports, settings, request, where, flow)
        if form.get("choice") == "link":
            return await link.add(ports, settings, request, where, flow)
        await ports.audit.write(audit.of_flow("link_refused", flow, ports.now(), request, code="declined"))
        flow = await flows.keep(ports, steps.go(flow, "dropped", error=_DECLINED))
        return await _led_to(ports, settings, request, where, flow)


async def _led_to(ports: Ports, settings: HubSettings, request: Request, where: Place, flow: Flow) -> Response:
    if flow.step == "refused" and flow.error == _DECLINED:
        manager = place.manager(settings, where.tenant)
        return redirect(link.leave_url(settings, where, flow) if flow.request else manager)
    return await link.led_to(ports, settings, request, where, flow)
