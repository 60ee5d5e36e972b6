"""Signing out: of this browser, of another of one's own, of everywhere (MIM-9, SC11, OPS-8).

What is ours has ended, and products are being told, before the browser goes on to Keycloak: nothing that goes wrong
there keeps anybody signed in here (FC22).
"""

from __future__ import annotations

from linkmw.errors import LinkmwError, Unavailable
from linkmw.http import Request, Response, page, redirect, set_cookie, with_query
from linkmw.hub import audit, logouts, looks, place, refusals, rules
from linkmw.hub.browser import BROWSER, SESSION, Browser, browser_or_new, read_own_form, read_token, sha256_hex
from linkmw.hub.flows import flow as flows
from linkmw.hub.place import Place, concerning
from linkmw.hub.ports import HubSession, Ports, SignOut
from linkmw.hub.settings import HubSettings
from linkmw.pages import screens
from linkmw.reference import new_reference
from linkmw.secret import Secret

SIGNED_OUT = set_cookie(SESSION, "", seconds=0)
PRESS_SECONDS = 60  # so long the button may be pressed once more


async def sign_out(ports: Ports, settings: HubSettings, request: Request, organization_id: str) -> Response:
    """POST /t/{organization_id}/sign-out: out of the manager, of what it opened, and of Keycloak on this browser."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        session = await _own_session(ports, settings, request, where)
        if session is None and (onward := await _pressed_before(ports, request)):
            return redirect(onward, [SIGNED_OUT])
        return await leave(ports, settings, request, where, session)


async def leave(
    ports: Ports, settings: HubSettings, request: Request, where: Place, session: HubSession | None, then: str = ""
) -> Response:
    """The session has ended; on to Keycloak, to end that one too, and from there to `then` or our own page."""
    if session is not None:
        await end_session(ports, request, where, session, session.public_sid)
    browser = browser_or_new(request, ports.token)
    record = SignOut(ports.token(), where.client.client_id if where.client else "", then)
    if session is not None and session.by_proof:  # nobody is signed in at Keycloak (PR21)
        return await _arrive(ports, settings, browser, where, record)
    try:
        onward = await ports.provider.end_session_url(
            where.tenant,
            place.signed_out(settings, where.tenant),
            id_token=session.id_token if session else "",
            state=record.record_id,
        )
    except Unavailable as error:
        return await _arrive(ports, settings, browser, where, _alone(where, record, error))
    await ports.sign_outs.put(browser.key, record, settings.sign_in_seconds)
    if session is not None:
        again = SignOut(_press(session.csrf), then=onward)
        await ports.sign_outs.put(browser.key, again, PRESS_SECONDS)
    return redirect(onward, [SIGNED_OUT, *browser.cookies])


def _press(csrf: str) -> str:
    """What a press on a form of the session with this token is kept under: more than one, and the last one counts."""
    return sha256_hex(f"press {csrf}")


async def _pressed_before(ports: Ports, request: Request) -> str:
    """Where the press before this one led: without the session Keycloak would have to ask (FC05)."""
    secret, csrf = read_token(request, BROWSER), request.form.get("csrf")
    found = await ports.sign_outs.take(Browser(Secret(secret)).key, _press(csrf)) if secret and csrf else None
    return found.then if found else ""


async def end_session(ports: Ports, request: Request, where: Place, session: HubSession, public_sid: str) -> None:
    """The hub session of that name, of the person of `session`, has ended, and what it opened is going to."""
    if not await ports.sessions.end_public(session.identity, public_sid):
        return
    await logouts.tell(ports, session.identity, public_sid)
    await ports.audit.write(audit.of_person("signed_out", session.identity, where, ports.now(), request))


async def end(ports: Ports, settings: HubSettings, request: Request, organization_id: str) -> Response:
    """POST /t/{organization_id}/end: one of the person's own sessions, in whichever browser (SC11)."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        session = await _own_session(ports, settings, request, where)
        public_sid = request.form.get("session")
        if session is None or public_sid == session.public_sid:
            return await leave(ports, settings, request, where, session)
        keycloak_sid = await _keycloak_sid(ports, session, public_sid)
        await end_session(ports, request, where, session, public_sid)
        done = "session_ended" if await _is_told(ports, where, session, keycloak_sid) else "session_ended_here"
        return redirect(with_query(place.manager(settings, where.tenant), done=done))


async def _keycloak_sid(ports: Ports, session: HubSession, public_sid: str) -> str:
    """The session at Keycloak behind that one of the person's; "" for none, and where it is behind this one too."""
    found = [one for one in await ports.sessions.of_identity(session.identity) if one.public_sid == public_sid]
    behind = found[0].keycloak_sid if found else ""
    return "" if behind == session.keycloak_sid else behind


async def _is_told(ports: Ports, where: Place, session: HubSession, keycloak_sid: str) -> bool:
    """Has that session ended at Keycloak, too? Else one press in that browser signs in again, and nobody is asked."""
    try:
        if keycloak_sid:
            await ports.provider.end_sessions(where.tenant, session.identity, keycloak_sid)
    except LinkmwError as error:
        refusals.note(place.Refused(error, where), new_reference(), "end")
        return False
    return True


async def end_all(ports: Ports, settings: HubSettings, request: Request, organization_id: str) -> Response:
    """POST /t/{organization_id}/end-all: every hub session of the person, every product's, every one of Keycloak's."""
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        session = await _own_session(ports, settings, request, where)
        browser = browser_or_new(request, ports.token)
        record = SignOut(ports.token(), everywhere=True)
        if session is not None:
            await ports.sessions.end_all(session.identity)
            await logouts.tell(ports, session.identity)
            event = audit.of_person("signed_out", session.identity, where, ports.now(), request)
            await ports.audit.write(event)
            record = await _end_at_provider(ports, where, session, record)
        return await _arrive(ports, settings, browser, where, record)


async def _end_at_provider(ports: Ports, where: Place, session: HubSession, record: SignOut) -> SignOut:
    try:
        await ports.provider.end_sessions(where.tenant, session.identity)
    except LinkmwError as error:  # also when the hub may not: all the rest is done, and the person has to know
        return _alone(where, record, error)
    return record


def _alone(where: Place, record: SignOut, error: LinkmwError) -> SignOut:
    """Signed out of all but Keycloak, which does not know of it: the page says so, and the log why."""
    refusals.note(place.Refused(error, where), new_reference(), "signed-out")
    return SignOut(record.record_id, record.client_id, everywhere=record.everywhere, provider_away=True)


async def _arrive(ports: Ports, settings: HubSettings, browser: Browser, where: Place, record: SignOut) -> Response:
    """To our own page, which `record` tells what to say."""
    await ports.sign_outs.put(browser.key, record, settings.sign_in_seconds)
    after = with_query(place.signed_out(settings, where.tenant), state=record.record_id)
    return redirect(after, [SIGNED_OUT, *browser.cookies])


async def _own_session(ports: Ports, settings: HubSettings, request: Request, where: Place) -> HubSession | None:
    """Whose form this is. None: signed out already, in another tab. Raises RequestRefused for another's form."""
    session = await flows.session_of(ports, settings, request)
    if not rules.is_of(session, where.tenant):
        return None
    read_own_form(request, settings.public_url, session.csrf)
    return session


async def signed_out(ports: Ports, settings: HubSettings, request: Request, organization_id: str) -> Response:
    """GET /t/{organization_id}/signed-out: back to the product that asked, or our own page with the way back in.

    state: of a sign-out of this browser, once; any other is as good as none (FC22).
    """
    where = await place.of_tenant(ports, organization_id)
    with concerning(where):
        record = await _record(ports, request) or SignOut("")
        if record.then:
            return redirect(record.then)
        if rules.opens(await flows.session_of(ports, settings, request), where.tenant):
            return redirect(place.manager(settings, where.tenant))
        html = screens.signed_out(
            look=await looks.look_of(ports, where),
            sign_in=place.manager(settings, where.tenant) + "sign-in",
            scope="everywhere" if record.everywhere else "manager",
            brand_away=record.provider_away,
        )
        return page(html)


async def _record(ports: Ports, request: Request) -> SignOut | None:
    secret, state = read_token(request, BROWSER), request.query.get("state")
    return await ports.sign_outs.take(Browser(Secret(secret)).key, state) if secret and state else None
