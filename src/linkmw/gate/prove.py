"""A proof: this browser shows that it owns an account here, on the product's own origin (design.md, 3).

Which step comes next is read from the record, never from the form (LT10). The hub is told once everything was shown.
"""

from __future__ import annotations

from linkmw import log
from linkmw.errors import NoCookie, ProtocolError, RequestRefused, TooMany, Unavailable
from linkmw.gate import answers, audit, codes, forgotten, limits, native_proof, places, shown, sign_in, under_way
from linkmw.gate.after import account_before
from linkmw.gate.browser import address, check_form, known, known_or_new
from linkmw.gate.codes import Typed
from linkmw.gate.limits import Guess
from linkmw.gate.names import is_name
from linkmw.gate.password_hash import argon2id
from linkmw.gate.password_rules import falls_short
from linkmw.gate.ports import OwnCheck, Ports, ProofRecord, Totp, UnknownFactor
from linkmw.gate.proof_kind import Kind
from linkmw.gate.proof_pages import (
    Proving,
    code_page,
    not_linked_yet,
    password_page,
    still_signed_in,
    unknown_factor,
)
from linkmw.http import Headers, Request, Response, redirect
from linkmw.model import Account, Proof
from linkmw.pages import language
from linkmw.secret import Secret
from linkmw.settings import Settings
from linkmw.whence import is_navigation

SECOND_PRESS_LOOKS = 20  # so often a second press looks again whether the first is through
MAX_USERNAME = 320  # characters
MAX_PASSWORD = 1024  # bytes
CARRIED_SECONDS = 1800  # how long a password's hash waits for the hub at most (PR10)


async def arrive(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET prove?handle=…: the hub's request is fetched, once, and is this browser's own from here on (PR08, PR22)."""
    if not is_navigation(request):
        return answers.NOTHING
    found = await ports.hub.proof_request(request.query.get("handle"))
    if found is None:
        raise RequestRefused("the proof request is unknown, or was fetched before", code="expired")
    log.follow(found.flow)
    browser = known_or_new(settings, request, ports.token)
    typed = await forgotten.address(ports, settings, browser)
    record = ProofRecord(ports.token(), found, ports.now() + settings.proof_seconds, typed=typed)
    proving = Proving(ports, settings, request, browser, record)
    await proving.keep()
    return proving.again(browser.headers)


async def show(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET prove?record=…: the step that is next."""
    try:
        proving = await find(ports, settings, request, request.query.get("record"))
    except RequestRefused:
        identity_email = await forgotten.identity(ports, settings, request)
        if identity_email is None:
            raise
        # The reset mail took longer than a proof may. Whose it was may still be signed in at Keycloak (AKE-22).
        return await sign_in.begin(ports, settings, request, places.landing(settings), identity_email)
    record, kind = proving.record, await proving.kind()
    present = await _somebody_else(proving, kind)
    if present is not None:
        return await still_signed_in(proving, present)
    if record.proven_at:
        return redirect(proving.url("go"))
    if kind == "native":
        return await native_proof.show(proving)
    _check_kind(kind)
    if record.account is None:
        return await password_page(proving, record.typed or record.request.hint)
    if _has_shown_code(proving) and await ports.marks.count("second-press", record.record_id, 60) <= SECOND_PRESS_LOOKS:
        return await answers.going_on(ports, settings, proving.url("prove"), "product")
    return await code_page(proving)


async def check(ports: Ports, settings: Settings, request: Request) -> Response:
    """POST prove: one step."""
    form = request.form
    proving = await find(ports, settings, request, form.get("record"))
    check_form(settings, request, proving.browser, proving.record.record_id)
    if "sign_out" in form:
        return proving.again(await ports.call(ports.product.end_session, request))
    kind = await proving.kind()
    if proving.record.proven_at or await _somebody_else(proving, kind):
        return proving.again()
    if kind == "native":
        return await native_proof.arm(proving)
    _check_kind(kind)
    account = proving.record.account
    if account is None:
        hint = proving.record.request.hint if proving.is_first else ""  # given at the hub, not by this form (LT10)
        return await _check_password(proving, hint or form.get("username"), Secret(form.get("password")))
    return await _check_code(proving, account, form.get("code"))


async def go(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET go?record=…: leaves for the hub, with the code in this redirect's Location and nowhere else (PR17)."""
    proving = await find(ports, settings, request, request.query.get("record"))
    account = proving.record.account
    if not proving.record.proven_at or account is None:
        return proving.again()
    if not proving.record.code:
        factor = None if proving.record.native else await codes.factor_of(ports, request, account.account_id)
        if factor is not None and not _has_shown_code(proving):  # set up since the session began (OT09)
            return await _advance(proving.having(proven_at=0), account)
        try:
            proving = await _pushed(proving)
        except (Unavailable, ProtocolError) as error:
            return await not_linked_yet(proving, error)
    return redirect(places.at_hub(settings, "proved", code=proving.record.code, **language.handed_on()))


async def find(ports: Ports, settings: Settings, request: Request, record_id: str) -> Proving:
    """This browser's own proof. Raises NoCookie, and RequestRefused when there is none, or no more."""
    browser = known(settings, request)
    if browser is None:
        raise NoCookie("this browser began no proof here")
    record = await ports.proofs.get(browser.key, record_id) if record_id else None
    if record is None or record.expires <= ports.now():
        raise RequestRefused("this browser has no such proof under way", code="expired")
    log.follow(record.request.flow)
    return Proving(ports, settings, request, browser, record)


def _check_kind(kind: Kind | None) -> None:
    """Is there a way to prove an account here? Raises RequestRefused."""
    if kind is None:
        raise RequestRefused("no proof is possible here: see the log of the start", code="no_proof", status=409)


async def _somebody_else(proving: Proving, kind: Kind | None) -> Account | None:
    """Whom the native session names, if not the account proven here: it is never replaced silently (LT12).

    Before a native proof a half-finished sign-in is nobody's: it is dropped when the proof is armed (PR05).
    """
    ports = proving.ports
    present = await (
        ports.call(account_before, ports.product, proving.request)
        if kind == "native"
        else ports.call(ports.product.current_account, proving.request)
    )
    proven = proving.record.account
    own = present is not None and proven is not None and present.account_id == proven.account_id
    return None if own else present


async def _check_password(proving: Proving, username: str, password: Secret) -> Response:
    if not username or not password:  # an empty password is not even asked about (DIS-8)
        return await password_page(proving, username, "no_password" if username else "no_username")
    name = await _sign_in_name(proving, username)
    guess = _guess(proving, name)
    wait = await limits.may_try_password(proving.ports, proving.settings, guess)
    if wait:
        proving.refused("too_many")
        return await password_page(proving, username, "too_many", wait)
    account = await _verified(proving, name, password)
    if account is None:
        proving.refused("wrong_pair")
        return await password_page(proving, username, "wrong_pair")
    await limits.password_was_right(proving.ports, proving.settings, guess)
    made = await _hash(proving, account, password)
    short = falls_short(proving.record.request.password_rules, password, account) if made else None
    return await _advance(proving.having(account=account, amr=("pwd",), password_hash=made, falls_short=short), account)


async def _sign_in_name(proving: Proving, typed: str) -> str:
    """What the product's login is to be asked with: in `replace` a username or an e-mail may be typed (AKE-9).

    Looked up for everybody, so that it takes as long for who is not there (BF07).
    """
    if not is_name(typed) or not await proving.takes_over():
        return typed
    facts = await proving.ports.call(proving.ports.product.find_by_name, typed)
    return facts.sign_in_name or typed if facts else typed


async def _hash(proving: Proving, account: Account, password: Secret) -> str:
    """What the identity's password can be made of; "" unless product and settings let it be carried on (PR10)."""
    if not proving.is_first or not proving.settings.carry_password:
        return ""
    if not await proving.ports.call(proving.ports.product.owns_password, account.account_id):
        return ""
    return await proving.ports.call(argon2id, str(password))


def _guess(proving: Proving, username: str) -> Guess:
    whose = limits.identity_of(proving.record.request)
    return Guess(username, address(proving.settings, proving.request), whose, proving.ports.token())


async def _verified(proving: Proving, username: str, password: Secret) -> Account | None:
    """The account whose password this is. What fits no product's field is no password, and is not asked about."""
    if len(username) > MAX_USERNAME or len(password.encode()) > MAX_PASSWORD:
        return None
    ports = proving.ports
    return await ports.call(ports.product.verify_password, proving.request, username, str(password))


async def _check_code(proving: Proving, account: Account, typed: str) -> Response:
    ports, settings, record_id = proving.ports, proving.settings, proving.record.record_id
    factor = await codes.factor_of(ports, proving.request, account.account_id)
    if not isinstance(factor, Totp | OwnCheck):
        return await _advance(proving, account)
    try:
        verdict = await codes.judge(
            ports, settings, proving.request, factor, Typed(record_id, account.account_id, typed)
        )
    except TooMany:
        proving.refused("too_many_codes", account)
        await ports.proofs.drop(proving.browser.key, record_id)
        raise
    if verdict.problem is not None:
        if _has_shown_code(await find(ports, settings, proving.request, record_id)):
            return proving.again()  # pressed twice: the first press has used the code up, and goes on (OT01)
        if verdict.is_guess:
            proving.refused("too_many_codes" if verdict.wait else "wrong_code", account)
        return await code_page(proving, verdict)
    proving = proving.having(amr=("pwd", "otp", "mfa"))
    await proving.keep()  # before anything else, for the second of two presses
    return await _advance(proving, account)


async def _advance(proving: Proving, account: Account) -> Response:
    """What comes after a step. The second factor is asked about anew: it may have been set up since (OT09)."""
    factor = await codes.factor_of(proving.ports, proving.request, account.account_id)
    if isinstance(factor, UnknownFactor):
        return await unknown_factor(proving, account, factor)
    if factor is not None and not _has_shown_code(proving):
        await proving.keep()
        return proving.again()
    return await _complete(proving, account)


def _has_shown_code(proving: Proving) -> bool:
    return "otp" in proving.record.amr


async def _complete(proving: Proving, account: Account) -> Response:
    """The account is proven: signed in to the product, whatever becomes of the hub; then the hub is told.

    In `replace` nobody is signed in by that: the callback is, once the hub has made the link (PR03).
    """
    ports, settings = proving.ports, proving.settings
    headers: Headers = ()
    under_way.check(ports)
    if await proving.takes_over():
        if _has_shown_code(proving):
            await shown.note(ports, settings, proving.browser, account.account_id)
    else:
        headers = await ports.call(ports.product.start_session, proving.request, account.account_id, None)
    audit.note(ports, settings, proving.request, "proof", "ok", account_id=account.account_id)
    try:
        proving = (await _handed_over(proving)).having(proven_at=ports.now())
        await proving.keep()
        await forgotten.forget(ports, settings, proving.browser)
        await _pushed(proving)
    except Exception as error:
        # The session has begun: its cookies reach the browser even when something of ours is broken.
        return await not_linked_yet(proving, error, headers)
    return await answers.going_on(ports, settings, proving.url("go"), "brand", headers)


async def _handed_over(proving: Proving) -> Proving:
    """The password's hash waits for the hub, for as long as this proof would have lasted."""
    record = proving.record
    if record.password_hash:
        seconds = min(record.expires - proving.ports.now(), CARRIED_SECONDS)
        await proving.ports.password_hashes.put(record.request.transaction, record.password_hash, seconds)
    return proving.having(password_hash="")


async def _pushed(proving: Proving) -> Proving:
    """With the hub's code in its record; a repeated push is answered by a fresh one (PR17)."""
    record = proving.record
    if record.account is None:
        raise RequestRefused("nothing was proven", code="expired")
    if record.native and "native" not in (await proving.ports.hub.state()).proofs:
        raise RequestRefused("this hub would link without asking", code="no_proof", status=409)
    proof = Proof(
        record.request.transaction,
        record.account,
        record.amr,
        record.proven_at,
        record.falls_short,
        native=record.native,
    )
    proving = proving.having(code=await proving.ports.hub.push_proof(proof))
    await proving.keep()
    return proving
