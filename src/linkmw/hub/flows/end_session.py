"""A product asks that its person be signed out (OpenID Connect RP-Initiated Logout 1.0; protocol, section 1)."""

from __future__ import annotations

from linkmw.errors import StateMismatch, TokenRejected
from linkmw.http import Request, Response, origin_of, page, redirect, with_query
from linkmw.hub import looks, place, provider, rules
from linkmw.hub.browser import browser_of, browser_or_new, read_own_form
from linkmw.hub.flows import flow as flows
from linkmw.hub.flows import sign_out
from linkmw.hub.flows.sign_in import NOTHING
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import HubSession, Ports, SignOut
from linkmw.hub.settings import HubSettings
from linkmw.oidc import end_session, id_token
from linkmw.oidc.end_session import EndSessionRequest
from linkmw.oidc.jose import KeySet
from linkmw.pages import screens
from linkmw.pages.screens import Form
from linkmw.whence import is_navigation

_ALGORITHMS = frozenset({"RS256", "ES256"})


async def start(ports: Ports, settings: HubSettings, request: Request, client_id: str) -> Response:
    """GET /o/{client_id}/end_session: done at once for who shows whose session it is, else a page asks.

    Without a session here it is for Keycloak to ask: all that is left to end is there.
    """
    if not is_navigation(request):
        return NOTHING
    where = await provider.accept_client(ports, client_id)
    with concerning(where):
        asked = end_session.read_request(request.query, client_id, place.post_logout_redirect_uri(where.product))
        session = await flows.session_of(ports, settings, request)
        if not rules.is_of(session, where.tenant):
            return await sign_out.leave(ports, settings, request, where, None, asked.then)
        if await _is_of(ports, settings, where, asked, session):
            return await sign_out.leave(ports, settings, request, where, session, asked.then)
        return await _ask(ports, settings, request, where, asked)


async def start_by_form(ports: Ports, settings: HubSettings, request: Request, client_id: str) -> Response:
    """POST /o/{client_id}/end_session: as GET. Another site's form comes without cookies of ours; what it leads to
    has them, and acts no sooner (2: both methods)."""
    where = await provider.accept_client(ports, client_id)
    with concerning(where):
        end_session.read_request(request.form, client_id, place.post_logout_redirect_uri(where.product))
        asked = {name: request.form.get(name) for name in end_session.PARAMETERS if name in request.form}
        return redirect(with_query(f"{place.issuer(settings, client_id)}/end_session", **asked))


async def _is_of(
    ports: Ports, settings: HubSettings, where: Place, asked: EndSessionRequest, session: HubSession
) -> bool:
    """Does the product show, by a hint, that it knows the session of this browser?"""
    if asked.logout_hint and asked.logout_hint == session.public_sid:
        return True
    if not asked.id_token_hint:
        return False
    client_id = where.product.client_id
    try:
        claims = id_token.verify_hint(
            asked.id_token_hint,
            KeySet.read(await ports.keys.public()),
            issuer=place.issuer(settings, client_id),
            audience=client_id,
            algorithms=_ALGORITHMS,
        )
    except TokenRejected:
        return False
    return claims.get("sid") == session.public_sid


async def _ask(
    ports: Ports, settings: HubSettings, request: Request, where: Place, asked: EndSessionRequest
) -> Response:
    browser = browser_or_new(request, ports.token)
    record = SignOut(ports.token(), where.product.client_id, asked.then)
    await ports.sign_outs.put(browser.key, record, settings.sign_in_seconds)
    action = f"/o/{where.product.client_id}/end_session/confirm"
    html = screens.sign_out_question(
        look=await looks.look_of(ports, where),
        form=Form(action, browser.csrf, (("record", record.record_id),)),
        cancel=where.product.public_url,
    )
    onward = [origin_of(where.tenant.issuer), *([origin_of(asked.then)] if asked.then else [])]
    return page(html, headers=browser.cookies, form_action=onward)


async def confirm(ports: Ports, settings: HubSettings, request: Request, client_id: str) -> Response:
    """POST /o/{client_id}/end_session/confirm: the button of that page. Pressed twice it is one press."""
    where = await provider.accept_client(ports, client_id)
    with concerning(where):
        browser = browser_of(request)
        form = read_own_form(request, settings.public_url, browser.csrf)
        record = await ports.sign_outs.take(browser.key, form.get("record"))
        found = await flows.session_of(ports, settings, request)
        session = found if rules.is_of(found, where.tenant) else None
        if record is None and session is None:
            return redirect(place.signed_out(settings, where.tenant))
        if record is None or record.client_id != client_id:
            raise StateMismatch("this browser was asked nothing of the kind")
        return await sign_out.leave(ports, settings, request, where, session, record.then)
