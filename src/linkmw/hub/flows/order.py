"""The owner's order of the accounts of one product, changed by a button or by dragging (MIM-19)."""

from __future__ import annotations

from linkmw.errors import RequestRefused
from linkmw.http import Params, Request, Response, json_answer, redirect, with_query
from linkmw.hub import place, rules
from linkmw.hub.browser import read_own_form
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows import sign_in
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import Ports
from linkmw.hub.settings import HubSettings


async def change(ports: Ports, settings: HubSettings, request: Request, organization_id: str) -> Response:
    """POST /t/{organization_id}/order: saved at once, if the order is still the one that the page showed.

    Else nothing changes, and the answer is the order that holds: of two who move at once neither undoes the other.
    """
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        wants_json = "application/json" in request.headers.get("accept", "")
        session = await flows.session_of(ports, settings, request)
        if not rules.opens(session, where.tenant):
            return await _signed_out(ports, settings, request, where, wants_json=wants_json)
        form = read_own_form(request, settings.public_url, session.csrf)
        client_id, seen, wanted = await _asked(ports, where, form)
        links = await ports.links.reorder(session.identity, client_id, seen, wanted)
        holds = tuple(link.link_id for link in links)
        if wants_json:
            return json_answer({"order": holds}, status=200 if holds == wanted else 409)
        told = _moved(form) if holds == wanted else {"done": "order_changed"}
        return redirect(with_query(place.manager(settings, where.tenant), **told))


async def _signed_out(
    ports: Ports, settings: HubSettings, request: Request, where: Place, *, wants_json: bool
) -> Response:
    if wants_json:
        return json_answer({"error": "login_required"}, status=401)
    return await sign_in.to_manager(ports, settings, request, where)


async def _asked(ports: Ports, where: Place, form: Params) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """The product, the order that was seen and the one that is wanted. Raises RequestRefused."""
    client_id = form.get("client_id")
    clients = await ports.registry.clients_of(where.tenant.organization_id)
    if client_id not in [client.client_id for client in clients]:
        raise RequestRefused("no such product", code="not_found", status=404)
    seen = rules.read_order(form.get("seen"))
    if "order" in form:
        return client_id, seen, rules.read_order(form.get("order"))
    arrow = "up" if "up" in form else "down"
    (link_id,) = rules.read_order(form.get(arrow))[:1]
    return client_id, seen, rules.moved(seen, link_id, -1 if arrow == "up" else 1)


def _moved(form: Params) -> dict[str, str]:
    """What the manager then says: which arrow was pressed, if one was."""
    for arrow in ("up", "down"):
        if arrow in form:
            return {"done": "moved", "link": form.get(arrow), "arrow": arrow}
    return {}
