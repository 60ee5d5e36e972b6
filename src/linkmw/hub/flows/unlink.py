"""Removing a link from its mail (style, walk 8). Nobody has to be signed in; opening it changes nothing (MIM-23).

While the product's own login is closed, the mail alone removes nothing: it may have been forwarded, and whoever knows
the account's old password could link it anew (PR11). Then the account's sessions end, and its owner decides, signed in.
"""

from __future__ import annotations

from linkmw.errors import LinkmwError, TenantNotEnabled
from linkmw.http import Request, Response, origin_of, page, redirect, set_cookie, with_query
from linkmw.hub import audit, looks, place, refusals, removal
from linkmw.hub.browser import UNLINK, form_token, read_own_form, read_token, sha256_hex
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import Logout, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Link
from linkmw.pages import screens
from linkmw.pages.screens import Form
from linkmw.reference import new_reference

COOKIE_SECONDS = 1800


async def arrive(ports: Ports, settings: HubSettings, _request: Request, token: str) -> Response:
    """GET /unlink/{token}: the token leaves the address bar; no history and no Referer holds it (PR11, UM12)."""
    if await ports.links.by_unlink_token(sha256_hex(token)) is None:
        return await _gone(ports, settings, token)
    return redirect(f"{settings.public_url}/unlink", [set_cookie(UNLINK, token, seconds=COOKIE_SECONDS)])


async def preview(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """GET /unlink: what would be removed. Any number of times (UM01)."""
    token = read_token(request, UNLINK) or ""
    link = await _link_of(ports, token)
    if link is None:
        return await _gone(ports, settings, token)
    where = await place.of_client(ports, link.client_id)
    with concerning(where):
        html = screens.unlink(
            look=await looks.look_of(ports, where),
            form=Form("/unlink", form_token(token)),
            account=link.username,
            linked=link.created,
            zone=where.tenant.time_zone,
            has_password=await removal.leaves_password(ports, where, link),
            closed=place.is_closed(where.product),
        )
        onward = [origin_of(where.tenant.issuer)] if place.is_closed(where.product) else []  # over our own 303 (PR18)
        return page(html, form_action=onward)


async def remove(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /unlink: the link is gone, and everybody who should know is told (MIM-24); or it is held (PR11)."""
    token = read_token(request, UNLINK) or ""
    read_own_form(request, settings.public_url, form_token(token))
    link = await _link_of(ports, token)
    if link is None:
        return await _gone(ports, settings, token)
    where = await place.of_client(ports, link.client_id)
    with concerning(where):
        if place.is_closed(where.product):
            return await _held(ports, settings, request, where, link)
        facts = await removal.facts_of(ports, where, link)
        if await removal.remove(ports, settings, request, where, link, facts, actor="mail") is None:
            return await _gone(ports, settings, token)
        return redirect(with_query(f"{settings.public_url}/unlinked", client_id=link.client_id))


async def removed(ports: Ports, _settings: HubSettings, request: Request) -> Response:
    """GET /unlinked?client_id=…: "The link has been removed". The product is named for its look and its login only."""
    try:
        where = await place.of_client(ports, request.query.get("client_id"))
    except TenantNotEnabled:
        return page(screens.unlinked(look=looks.NEUTRAL.look))
    with concerning(where):
        login = where.product.login_url or where.product.public_url
        closed = not place.native_login(where.product)
        return page(screens.unlinked(look=await looks.look_of(ports, where), sign_in=login, closed=closed))


async def _held(ports: Ports, settings: HubSettings, request: Request, where: Place, link: Link) -> Response:
    """What was opened for the account ends. On to the manager's question, which takes a sign-in of the link's owner.

    A hub session by proof (PR21) would open the product again, and nobody has signed in at Keycloak for it.
    """
    now = ports.now()
    await ports.logouts.put([Logout(link.client_id, link.account_id)], now)
    for one in await ports.sessions.of_identity(link.identity):
        if not one.keycloak_sid:
            await ports.sessions.end_public(link.identity, one.public_sid)
    await ports.audit.write(audit.of_link("signed_out", link, where, now, request, actor="mail"))
    return redirect(settings.public_url + place.removal(where.tenant, str(link.link_id)))


async def _link_of(ports: Ports, token: str) -> Link | None:
    return await ports.links.by_unlink_token(sha256_hex(token)) if token else None


async def _gone(ports: Ports, settings: HubSettings, token: str) -> Response:
    """An old, used or mutilated link says what is the case (UM03, UM04)."""
    removed = await ports.links.removed(sha256_hex(token)) if token else None
    tenants = await ports.registry.tenants()
    only = Place(tenants[0]) if len(tenants) == 1 else None  # else nobody knows whose link it was
    reference = new_reference()
    refusals.note(LinkmwError("no link has this token", code="unlink_gone"), reference, "/unlink")
    html = screens.unlink_gone(
        look=await looks.look_of(ports, only) if only else looks.NEUTRAL.look,
        reason="unknown" if removed is None else "replaced" if removed.linked_again else "removed",
        reference=reference,
        removed=removed.removed if removed else None,
        zone=only.tenant.time_zone if only else "UTC",
        manager=place.manager(settings, only.tenant) if only else "",
    )
    return page(html, status=404)
