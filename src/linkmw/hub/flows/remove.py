"""Removing a link in the manager: a question, then the act, by somebody who signed in lately (MIM-20, MIM-28)."""

from __future__ import annotations

import re

from linkmw.errors import RequestRefused
from linkmw.http import Request, Response, redirect, with_query
from linkmw.hub import place, removal, rules
from linkmw.hub.browser import read_own_form
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows import manager, sign_in
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import HubSession, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Link
from linkmw.pages.screens import Form, RemoveDialog

PRESSED, PRESSED_SECONDS = "link-removed", 60

_NUMBER = re.compile(r"[0-9]{1,18}\Z")


async def ask(ports: Ports, settings: HubSettings, request: Request, organization_id: str, link_id: str) -> Response:
    """GET /t/{organization_id}/remove/{link_id}: the manager with the question. Changes nothing."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        _check_number(link_id)
        session = await flows.session_of(ports, settings, request)
        if not rules.opens(session, where.tenant):
            return await sign_in.to_manager(ports, settings, request, where, _path(where, link_id))
        of, link = _found(await _own(ports, where, session, link_id))
        if not rules.is_recent(session.auth_time, settings.fresh_seconds, ports.now()):
            return await sign_in.to_manager(ports, settings, request, where, _path(where, link_id), session)
        dialog = RemoveDialog(
            account=link.username,
            product=of.product.name,
            form=Form(_path(where, link_id), session.csrf),
            cancel=place.in_manager(where.tenant),
            has_password=await removal.leaves_password(ports, of, link),
        )
        return await manager.dashboard(ports, request, where, session, dialog)


async def remove(ports: Ports, settings: HubSettings, request: Request, organization_id: str, link_id: str) -> Response:
    """POST …: the link is gone, and everybody who should know is told (MIM-24). Twice is once (RC02)."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        _check_number(link_id)
        session = await flows.session_of(ports, settings, request)
        if not rules.opens(session, where.tenant):
            return await sign_in.to_manager(ports, settings, request, where, _path(where, link_id))
        read_own_form(request, settings.public_url, session.csrf)
        own = await _own(ports, where, session, link_id)
        if own is None and await _was_pressed(ports, session, link_id):
            return redirect(with_query(place.manager(settings, where.tenant), done="gone"))
        of, link = _found(own)
        if not rules.is_recent(session.auth_time, settings.fresh_seconds, ports.now()):
            return await sign_in.to_manager(ports, settings, request, where, _path(where, link_id), session)
        await ports.marks.count(PRESSED, _press(session, link_id), PRESSED_SECONDS)
        facts = await removal.facts_of(ports, of, link)
        gone = await removal.remove(ports, settings, request, of, link, facts, actor="manager")
        told = {"done": "removed", "client_id": link.client_id} if gone else {"done": "gone"}
        return redirect(with_query(place.manager(settings, where.tenant), **told))


def _check_number(link_id: str) -> None:
    """Raises RequestRefused, 404, for what is no link's id at all: it becomes part of an address."""
    if not _NUMBER.match(link_id):
        raise RequestRefused("not the id of a link", code="not_found", status=404)


async def _own(ports: Ports, where: Place, session: HubSession, link_id: str) -> tuple[Place, Link] | None:
    """This person's link of that id, and its product; None for anybody else's."""
    clients = {client.client_id: client for client in await ports.registry.clients_of(where.tenant.organization_id)}
    link = rules.chosen(link_id, await ports.links.of_identity(session.identity, list(clients)))
    return (Place(where.tenant, clients[link.client_id]), link) if link else None


def _found(own: tuple[Place, Link] | None) -> tuple[Place, Link]:
    """Raises RequestRefused, 404, when there is none: another's looks like one that never was (LT14)."""
    if own is None:
        raise RequestRefused("no such link of this identity", code="not_found", status=404)
    return own


async def _was_pressed(ports: Ports, session: HubSession, link_id: str) -> bool:
    """Has this person just removed this very link? Then a second press has found nothing left to do (FC05)."""
    return await ports.marks.counted(PRESSED, _press(session, link_id)) > 0


def _press(session: HubSession, link_id: str) -> str:
    return f"{session.public_sid} {link_id}"


def _path(where: Place, link_id: str) -> str:
    return place.removal(where.tenant, link_id)
