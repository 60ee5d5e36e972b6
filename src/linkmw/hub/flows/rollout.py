"""How far a tenant has come: linked accounts over time, the steps to a link, and what stands in its way."""

from __future__ import annotations

from linkmw.http import Request, Response
from linkmw.hub import audit, looks, place
from linkmw.hub.flows import support
from linkmw.hub.place import concerning
from linkmw.hub.ports import Ports
from linkmw.hub.settings import HubSettings
from linkmw.pages import rollout as screens

SPANS = (30, 90, 365)  # days; each query reads no more than that


async def show(ports: Ports, settings: HubSettings, request: Request, organization_id: str) -> Response:
    """GET /t/{organization_id}/support/rollout?days=…: numbers only, of nobody in particular."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        desk = await support.enter(ports, settings, request, where, support.at(where, "rollout"))
        if isinstance(desk, Response):
            return desk
        days = next((span for span in SPANS if request.query.get("days") == str(span)), SPANS[0])
        found = await ports.support.rollout(where.tenant.organization_id, desk.client_ids(), ports.now(), days)
        await ports.audit.write(audit.of_support("support_looked", desk.by, where, ports.now(), request))
        html = screens.rollout(
            look=await looks.look_of(ports, where),
            head=support.head(desk),
            days=days,
            spans=[(span, f"{desk.at('rollout')}?days={span}") for span in SPANS],
            linked=found.linked,
            steps=found.steps,
            failures=[(event, code, many) for (event, code), many in found.failures.items()],
        )
        return support.answered(desk, html)
