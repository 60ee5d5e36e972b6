"""The last step of a sign-in through a link: the second factor where it is due, then the native session (MIM-5).

"identity": unless the identity's sign-in showed a second factor. "linked": only when linking. "always": as it says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from linkmw.errors import LinkmwError, LinkRefused, NoCookie, RequestRefused, TooMany
from linkmw.gate import answers, audit, codes, native, native_login, places, shown, under_way
from linkmw.gate.browser import Browser, check_form, known
from linkmw.gate.codes import Typed
from linkmw.gate.ports import Entry, OwnCheck, Ports, SecondFactor, Totp, UnknownFactor
from linkmw.gate.rounds import count_round
from linkmw.http import Request, Response, page, redirect
from linkmw.model import Account, Marker, Session
from linkmw.pages import screens
from linkmw.pages.screens import Form
from linkmw.settings import Settings

# What an ID token says of a sign-in that showed more than a password (RFC 8176, 2).
SECOND_FACTORS = frozenset(("mfa", "otp", "hwk", "swk"))

NAME = "second-factor"


async def enter(
    ports: Ports,
    settings: Settings,
    request: Request,
    browser: Browser,
    entry: Entry,
    *,
    nobody_here: bool = False,
) -> Response:
    """Into the product, by way of its second factor where that is due. Raises LinkRefused (BC10, BC12).

    nobody_here: the product has said of this request that nobody is signed in.
    """
    factor = await _due(ports, settings, request, entry, nobody_here=nobody_here)
    if factor is None:
        return await _open(ports, settings, request, browser, entry)
    if isinstance(factor, UnknownFactor):
        return await _stopped(ports, settings, request, entry, factor)
    await ports.entries.put(browser.key, entry, entry.expires - ports.now())
    return redirect(places.ours(settings, NAME, record=entry.record_id))


async def show(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET second-factor?record=…: "Two-factor authentication"."""
    browser, entry = await _found(ports, settings, request, request.query.get("record"))
    cancel = await native_login.url(ports, settings, request)
    return await codes.page(ports, settings, request, _form(settings, browser, entry), cancel)


async def check(ports: Ports, settings: Settings, request: Request) -> Response:
    """POST second-factor: the code, and with the right one into the product."""
    browser, entry = await _found(ports, settings, request, request.form.get("record"))
    check_form(settings, request, browser, entry.record_id)
    await _check_who_is_here(ports, request, entry)
    factor = await _due(ports, settings, request, entry)
    if isinstance(factor, UnknownFactor):
        return await _stopped(ports, settings, request, entry, factor)
    if factor is not None:
        refused = await _refused(ports, settings, request, browser, entry, factor)
        if refused is not None:
            return refused
    await ports.entries.drop(browser.key, entry.record_id)
    return await _open(ports, settings, request, browser, entry)


async def _due(
    ports: Ports, settings: Settings, request: Request, entry: Entry, *, nobody_here: bool = False
) -> SecondFactor:
    """The second factor that is asked for now; None for none. Asked of the product anew each time (OT09, OT10)."""
    if settings.second_factor_at_sign_in == "linked":
        return None
    if not nobody_here and await _is_here(ports, request, entry):
        return None
    if await shown.was(ports, settings, request, entry.session.account_id):
        return None
    if settings.second_factor_at_sign_in == "identity" and SECOND_FACTORS.intersection(entry.amr):
        return None
    async with _gone_is_told(ports, entry):
        return await codes.factor_of(ports, request, entry.session.account_id)


@asynccontextmanager
async def _gone_is_told(ports: Ports, entry: Entry) -> AsyncIterator[None]:
    """An account that the product no longer knows has no link any more either: its id may be given anew (LT19)."""
    try:
        yield
    except LinkRefused as refused:
        if refused.code == "account_gone":
            with suppress(LinkmwError):  # told again by the next who tries
                await ports.hub.account_gone(entry.session.account_id)
        raise


async def _is_here(ports: Ports, request: Request, entry: Entry) -> bool:
    """Is this very account signed in here, wholly? So it is after a proof, which asked for everything just now."""
    present = await ports.call(ports.product.current_account, request)
    is_here = present is not None and present.account_id == entry.session.account_id
    return is_here and await ports.call(ports.product.is_complete, request)


async def _found(ports: Ports, settings: Settings, request: Request, record_id: str) -> tuple[Browser, Entry]:
    """This browser's own sign-in. Raises NoCookie, and RequestRefused when there is none, or no more."""
    browser = known(settings, request)
    if browser is None:
        raise NoCookie("this browser began no sign-in here")
    entry = await ports.entries.get(browser.key, record_id) if record_id else None
    if entry is None or entry.expires <= ports.now():
        raise RequestRefused("this browser has no such sign-in under way", code="expired")
    return browser, entry


async def _check_who_is_here(ports: Ports, request: Request, entry: Entry) -> None:
    """Nobody is replaced who was not named on the page that asked (MIM-14, LT12). Raises RequestRefused."""
    present: Account | None = await ports.call(ports.product.current_account, request)
    if present is not None and present.account_id not in (entry.session.account_id, entry.replaces):
        raise RequestRefused("somebody else has signed in here meanwhile", code="expired")


async def _refused(
    ports: Ports, settings: Settings, request: Request, browser: Browser, entry: Entry, factor: Totp | OwnCheck
) -> Response | None:
    """The page again, saying what is wrong with the code; None when it is right. Raises TooMany, and it is over."""
    typed = Typed(entry.record_id, entry.session.account_id, request.form.get("code"))
    try:
        verdict = await codes.judge(ports, settings, request, factor, typed)
    except TooMany:
        await ports.entries.drop(browser.key, entry.record_id)
        _note(ports, settings, request, entry, "too_many_codes")
        raise
    if verdict.problem is None:
        return None
    if verdict.is_guess:
        _note(ports, settings, request, entry, "too_many_codes" if verdict.wait else "wrong_code")
    form, cancel = _form(settings, browser, entry), await native_login.url(ports, settings, request)
    return await codes.page(ports, settings, request, form, cancel, verdict)


async def _open(ports: Ports, settings: Settings, request: Request, browser: Browser, entry: Entry) -> Response:
    """The native session. It is on the allow-list first, so that it never stands without being there.

    Raises SwitchedOff, and RequestRefused (`expired`) when a logout that came meanwhile has named it (RC11).
    """
    session = entry.session
    under_way.check(ports)
    await count_round(ports, browser)
    await shown.forget(ports, settings, browser, session.account_id)
    await _listed(ports, session)
    try:
        async with _gone_is_told(ports, entry):
            headers = await ports.call(ports.product.start_session, request, session.account_id, _marker(session))
        await _referenced(ports, settings, request, session)
    except Exception:
        await ports.sessions.end(session.sid)
        raise
    audit.note(ports, settings, request, "sign_in", "ok", account_id=session.account_id, sub=session.identity)
    return redirect(entry.then, headers)


def _marker(session: Session) -> Marker:
    return Marker(session.sid, session.expires)


async def _listed(ports: Ports, session: Session) -> None:
    if not await ports.sessions.put(session):
        raise RequestRefused("the sign-in was ended before it was finished", code="expired")


async def _referenced(ports: Ports, settings: Settings, request: Request, session: Session) -> None:
    """What ends the native session from outside is known with it; without that the session is not begun at all."""
    try:
        reference = await ports.call(ports.product.reference, request)
        if reference:
            await _listed(ports, replace(session, native=native.closed(settings, reference)))
    except Exception:
        await ports.call(ports.product.end_session, request)  # in place: its cookies were never sent
        raise


async def _stopped(ports: Ports, settings: Settings, request: Request, entry: Entry, factor: UnknownFactor) -> Response:
    """OT08: a second factor that cannot be checked here is never skipped; the native login can check it."""
    _note(ports, settings, request, entry, "second_factor_unknown")
    refused = LinkmwError(f"second factor: {factor.kind}", code="second_factor_unknown")
    html = screens.unknown_second_factor(
        look=await answers.look_of(ports, settings),
        account=entry.username,
        native_login=await native_login.url(ports, settings, request),
        start_again=places.ours(settings, "login"),
        reference=answers.noted(settings, request, refused),
        help_url=places.own(settings, settings.second_factor_help),
        purpose="sign_in",
    )
    return page(html, status=422)


def _note(ports: Ports, settings: Settings, request: Request, entry: Entry, code: str) -> None:
    session = entry.session
    whose = {"account_id": session.account_id, "sub": session.identity}
    audit.note(ports, settings, request, "sign_in", "refused", code=code, **whose)


def _form(settings: Settings, browser: Browser, entry: Entry) -> Form:
    return answers.form(settings, browser, NAME, entry.record_id)
