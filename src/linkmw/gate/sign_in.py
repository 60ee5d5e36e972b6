"""A sign-in, from the button to the native session: the product is relying party, the hub its provider."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from linkmw import log, redirects
from linkmw.errors import NoCookie, ProviderRefused, RequestRefused, StateMismatch, Unavailable
from linkmw.gate import answers, audit, places
from linkmw.gate.browser import Browser, check_form, known, known_or_new
from linkmw.gate.entry import enter
from linkmw.gate.ports import Entry, Ports
from linkmw.gate.rounds import check_rounds
from linkmw.http import Request, Response, page, redirect
from linkmw.model import Account, Session, SignIn
from linkmw.oidc import authorize
from linkmw.pages import language, screens
from linkmw.reference import flow_name
from linkmw.settings import Settings
from linkmw.switch import effective
from linkmw.whence import is_cross_site_arrival, is_navigation

_OURS = ("state", "code", "iss", "error")  # what an answer may not say twice (FC08)


async def start(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET login: off to the hub, with a state that only this browser can bring back.

    Of the query `next` alone is read; nothing else reaches the hub (FC18).
    """
    if not is_navigation(request):
        return answers.NOTHING
    then = redirects.judge(request.query.get("next"), default=places.landing(settings))
    if is_cross_site_arrival(request) and not await _stands_for_login(ports, settings):
        url = places.ours(settings, "login", next=then)
        return page(screens.confirm_start(look=await answers.look_of(ports, settings), url=url))
    return await begin(ports, settings, request, then)


async def _stands_for_login(ports: Ports, settings: Settings) -> bool:
    """In `replace` the login route itself leads here, wherever somebody came from (FC17)."""
    return settings.replaces and (await ports.hub.state()).mode == "replace"


async def begin(ports: Ports, settings: Settings, request: Request, then: str, login_hint: str = "") -> Response:
    """Off to the hub. then: where in this site it ends. login_hint: the e-mail of an identity, to be asked at once."""
    state = await ports.hub.state()
    if not state.healthy:
        raise Unavailable("the hub says that a part of it is away")
    if effective(settings.mode, state.mode, healthy=True, percent=state.percent) == "off":
        return redirect(places.native_login(settings))
    browser = known_or_new(settings, request, ports.token)
    await check_rounds(ports, request, browser)
    sign_in = authorize.new_sign_in(ports.token, then, ports.now())
    log.follow(flow_name(sign_in.state))
    await ports.sign_ins.put(browser.key, sign_in, settings.sign_in_seconds)
    return redirect(_request_url(settings, sign_in, login_hint), browser.headers)


def _request_url(settings: Settings, sign_in: SignIn, login_hint: str) -> str:
    return authorize.request_url(
        f"{settings.issuer}/authorize",
        client_id=settings.client_id,
        redirect_uri=settings.redirect_uri,
        state=sign_in.state,
        nonce=sign_in.nonce,
        verifier=sign_in.verifier,
        login_hint=login_hint,
        **language.handed_on(),
    )


async def finish(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET callback: the hub's answer becomes a native session, or a page that says why not."""
    browser, found = await _taken(ports, settings, request)
    present = await ports.call(ports.product.current_account, request)
    if browser is None or found is None:
        return _nothing_waits(settings, request, browser, present)
    try:
        code = authorize.read_answer(request.query, found, settings.issuer, iss_promised=True)
    except ProviderRefused as refused:
        audit.note(ports, settings, request, "sign_in", "refused", code=refused.error)
        if present is None:
            raise
        return redirect(found.then)  # the hub said no, and here somebody is signed in all the same (MIM-8)
    entry = await _redeemed(ports, settings, found, code)
    if present is not None and present.account_id != entry.session.account_id:
        return await _ask(ports, settings, browser, present, entry)
    return await enter(ports, settings, request, browser, entry, nobody_here=present is None)


async def _taken(ports: Ports, settings: Settings, request: Request) -> tuple[Browser | None, SignIn | None]:
    """This browser, and the sign-in it began with this state. A malformed answer takes nothing (FC01, FC08)."""
    values = {name: request.query.get(name) for name in _OURS}
    browser = known(settings, request)
    if browser is None or not values["state"]:
        return browser, None
    log.follow(flow_name(values["state"]))
    return browser, await ports.sign_ins.take(browser.key, values["state"])


def _nothing_waits(settings: Settings, request: Request, browser: Browser | None, present: Account | None) -> Response:
    """Back button and double click find the person signed in already and go on (FC05); anything else is refused."""
    if browser and present and request.query.get("state"):
        return redirect(places.landing(settings))
    if browser is None and request.query.get("state"):
        raise NoCookie("this browser began no sign-in here")
    authorize.read_answer(request.query, None, settings.issuer, iss_promised=True)
    raise StateMismatch


async def _redeemed(ports: Ports, settings: Settings, sign_in: SignIn, code: str) -> Entry:
    """The sign-in that the ID token stands for. `sub` is the account id in this very product (protocol, 4)."""
    tokens = await ports.hub.redeem(code, sign_in.verifier, settings.redirect_uri)
    claims = await ports.hub.verify_id_token(tokens.id_token, sign_in.nonce)
    account_id, now = str(claims["sub"]), ports.now()
    session = Session(
        sid=ports.token(),
        account_id=account_id,
        identity=str(claims.get("identity", "")),
        hub_sid=str(claims.get("sid", "")),
        started=int(str(claims.get("iat", now))),  # by the hub's clock, as a logout's (RC11)
        expires=now + settings.session_seconds,
    )
    return Entry(
        record_id=ports.token(),
        session=session,
        username=str(claims.get("preferred_username") or account_id),
        then=sign_in.then,
        expires=now + settings.sign_in_seconds,
        amr=_methods(claims.get("amr")),
    )


def _methods(amr: object) -> tuple[str, ...]:
    """How the identity signed in, as far as the hub knows (RFC 8176)."""
    return tuple(word for word in amr if isinstance(word, str)) if isinstance(amr, list) else ()


async def _ask(ports: Ports, settings: Settings, browser: Browser, present: Account, entry: Entry) -> Response:
    """Signed in here as another account: says as whom and asks, never silently (MIM-14, LT12)."""
    waiting = replace(authorize.new_sign_in(ports.token, entry.then, ports.now()), flow=_written(entry))
    await ports.sign_ins.put(browser.key, waiting, settings.sign_in_seconds)
    html = screens.switch_account(
        look=await answers.look_of(ports, settings),
        form=answers.form(settings, browser, "switch", waiting.state),
        signed_in_as=present.username,
        sign_in_for=entry.username,
    )
    return answers.form_page(settings, html)


async def switch(ports: Ports, settings: Settings, request: Request) -> Response:
    """POST switch: the answer to that page, once."""
    record = request.form.get("record")
    browser = known(settings, request)
    if browser is None:
        raise NoCookie("this browser has nothing to decide")
    check_form(settings, request, browser, record)
    decision = "switch" if request.form.get("choice") == "switch" else "stay"
    if not await ports.marks.first_use(decision, record, settings.sign_in_seconds):
        return redirect(places.landing(settings))  # pressed twice: the first press counts (FC05)
    waiting = await ports.sign_ins.take(browser.key, record)
    entry = _read(waiting.flow) if waiting else None
    if entry is None:
        raise RequestRefused("this was decided before, or too long ago", code="expired")
    if decision == "stay":
        return redirect(entry.then)
    present = await ports.call(ports.product.current_account, request)
    agreed = replace(entry, replaces=present.account_id if present else "")
    return await enter(ports, settings, request, browser, agreed)


def _written(entry: Entry) -> str:
    return json.dumps(asdict(entry))


def _read(text: str) -> Entry | None:
    if not text:
        return None
    found = json.loads(text)
    return Entry(**{**found, "session": Session(**found["session"]), "amr": tuple(found["amr"])})
