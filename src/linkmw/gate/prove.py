"""A proof: this browser shows that it owns an account here, on the product's own origin (design.md, 3).

Which step comes next is read from the record, never from the form (LT10). The hub is told once everything was shown.
"""

from __future__ import annotations

from linkmw import log
from linkmw.errors import ProtocolError, RequestRefused, TooMany, Unavailable
from linkmw.gate import answers, audit, limits, places, second_factor
from linkmw.gate.browser import check_form, known, known_or_new
from linkmw.gate.limits import CodeTry
from linkmw.gate.ports import OwnCheck, Ports, ProofRecord, SecondFactor, Totp, UnknownFactor
from linkmw.gate.proof_pages import (
    Proving,
    code_page,
    not_linked_yet,
    password_page,
    still_signed_in,
    unknown_factor,
)
from linkmw.http import Request, Response, redirect
from linkmw.model import Account, Proof
from linkmw.pages.screens import CodeProblem
from linkmw.settings import Settings
from linkmw.whence import is_navigation

MAX_USERNAME = 320  # characters
MAX_PASSWORD = 1024  # bytes
REPLAY_STEPS = 4  # for so many periods a used code is remembered: until no window reaches it any more (OT01)


async def arrive(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET prove?handle=…: the hub's request is fetched, once, and is this browser's own from here on (PR08, PR22)."""
    if not is_navigation(request):
        return answers.NOTHING
    found = await ports.hub.proof_request(request.query.get("handle"))
    if found is None:
        raise RequestRefused("the proof request is unknown, or was fetched before", code="expired")
    log.follow(found.flow)
    browser = known_or_new(settings, request, ports.token)
    record = ProofRecord(ports.token(), found, ports.now() + settings.proof_seconds)
    proving = Proving(ports, settings, request, browser, record)
    await proving.keep()
    return proving.again(browser.headers)


async def show(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET prove?record=…: the step that is next."""
    proving = await _found(ports, settings, request, request.query.get("record"))
    record = proving.record
    present = await _somebody_else(proving)
    if present is not None:
        return await still_signed_in(proving, present)
    if record.proven_at:
        return redirect(proving.url("go"))
    if record.account is None:
        return await password_page(proving, record.request.hint)
    return await code_page(proving)


async def check(ports: Ports, settings: Settings, request: Request) -> Response:
    """POST prove: one step."""
    form = request.form
    proving = await _found(ports, settings, request, form.get("record"))
    check_form(settings, request, proving.browser, proving.record.record_id)
    if "sign_out" in form:
        return proving.again(await ports.call(ports.product.end_session, request))
    if proving.record.proven_at or await _somebody_else(proving):
        return proving.again()
    account = proving.record.account
    if account is None:
        return await _check_password(proving, form.get("username"), form.get("password"))
    return await _check_code(proving, account, form.get("code"))


async def go(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET go?record=…: leaves for the hub, with the code in this redirect's Location and nowhere else (PR17)."""
    proving = await _found(ports, settings, request, request.query.get("record"))
    if not proving.record.proven_at:
        return proving.again()
    if not proving.record.code:
        try:
            proving = await _pushed(proving)
        except (Unavailable, ProtocolError) as error:
            return await not_linked_yet(proving, error)
    return redirect(places.at_hub(settings, "proved", code=proving.record.code))


async def _found(ports: Ports, settings: Settings, request: Request, record_id: str) -> Proving:
    """This browser's own proof. Raises RequestRefused when there is none, or no more."""
    browser = known(settings, request)
    record = await ports.proofs.get(browser.key, record_id) if browser and record_id else None
    if browser is None or record is None or record.expires <= ports.now():
        raise RequestRefused("this browser has no such proof under way", code="expired")
    log.follow(record.request.flow)
    return Proving(ports, settings, request, browser, record)


async def _somebody_else(proving: Proving) -> Account | None:
    """Whom the native session names, if not the account proven here: it is never replaced silently (LT12)."""
    present = await proving.ports.call(proving.ports.product.current_account, proving.request)
    proven = proving.record.account
    own = present is not None and proven is not None and present.account_id == proven.account_id
    return None if own else present


async def _check_password(proving: Proving, username: str, password: str) -> Response:
    if not username or not password:  # an empty password is not even asked about (DIS-8)
        return await password_page(proving, username, "no_password" if username else "no_username")
    marks = proving.ports.marks
    if not await limits.may_try_password(marks, proving.record, username, proving.settings.password_tries):
        proving.refused("too_many")
        return await password_page(proving, username, "too_many")
    account = await _verified(proving, username, password)
    if account is None:
        proving.refused("wrong_pair")
        return await password_page(proving, username, "wrong_pair")
    await limits.password_was_right(marks, username)
    return await _advance(proving.having(account=account, amr=("pwd",)), account)


async def _verified(proving: Proving, username: str, password: str) -> Account | None:
    """The account whose password this is. What fits no product's field is no password, and is not asked about."""
    if len(username) > MAX_USERNAME or len(password.encode()) > MAX_PASSWORD:
        return None
    ports = proving.ports
    return await ports.call(ports.product.verify_password, proving.request, username, password)


async def _check_code(proving: Proving, account: Account, typed: str) -> Response:
    factor = await _factor(proving, account)
    if not isinstance(factor, Totp | OwnCheck):
        return await _advance(proving, account)
    code = second_factor.read_code(typed, factor.digits if isinstance(factor, Totp) else 6)
    if code is None:
        return await code_page(proving, "no_code")
    marks = proving.ports.marks
    allowed = await limits.may_try_code(marks, proving.record, account.account_id, proving.settings.code_tries)
    if allowed is not CodeTry.YES:
        return await _no_more_codes(proving, account, allowed)
    problem = await _code_problem(proving, account, factor, code)
    if problem is not None:
        proving.refused("wrong_code", account)
        return await code_page(proving, problem)
    await limits.code_was_right(marks, account.account_id)
    return await _advance(proving.having(amr=("pwd", "otp", "mfa")), account)


async def _no_more_codes(proving: Proving, account: Account, allowed: CodeTry) -> Response:
    """Refused whether the code is right or wrong (OT07); this proof ends after too many of its own (OT06)."""
    proving.refused("too_many_codes", account)
    if allowed is CodeTry.ACCOUNT_USED_UP:
        return await code_page(proving, "too_many")
    await proving.ports.proofs.drop(proving.browser.key, proving.record.record_id)
    raise TooMany(limits.CODE_SECONDS)


async def _code_problem(proving: Proving, account: Account, factor: Totp | OwnCheck, code: str) -> CodeProblem | None:
    """What is wrong with the code; None when it is right, and used up now."""
    ports = proving.ports
    if isinstance(factor, OwnCheck):
        right = await ports.call(ports.product.verify_second_factor, proving.request, account.account_id, code)
        return None if right else "wrong"
    step = second_factor.matching_step(factor, code, ports.now())
    if step is None:
        return "wrong"
    first = await ports.marks.first_use("totp", f"{account.account_id}:{step}", REPLAY_STEPS * factor.period)
    return None if first else "used"


async def _factor(proving: Proving, account: Account) -> SecondFactor:
    ports = proving.ports
    return second_factor.readable(await ports.call(ports.product.second_factor, proving.request, account.account_id))


async def _advance(proving: Proving, account: Account) -> Response:
    """What comes after a step. The second factor is asked about anew: it may have been set up since (OT09)."""
    factor = await _factor(proving, account)
    if isinstance(factor, UnknownFactor):
        return await unknown_factor(proving, account, factor)
    if factor is not None and "otp" not in proving.record.amr:
        await proving.keep()
        return proving.again()
    return await _complete(proving, account)


async def _complete(proving: Proving, account: Account) -> Response:
    """The account is proven: signed in to the product, whatever becomes of the hub; then the hub is told."""
    ports, settings = proving.ports, proving.settings
    headers = await ports.call(ports.product.start_session, proving.request, account.account_id, None)
    audit.note(ports, settings, proving.request, "proof", "ok", account_id=account.account_id)
    proving = proving.having(proven_at=ports.now())
    try:
        await proving.keep()
        await _pushed(proving)
    except Exception as error:
        # The session has begun: its cookies reach the browser even when something of ours is broken.
        return await not_linked_yet(proving, error, headers)
    return await answers.going_on(ports, settings, proving.url("go"), "brand", headers)


async def _pushed(proving: Proving) -> Proving:
    """With the hub's code in its record; a repeated push is answered by a fresh one (PR17)."""
    record = proving.record
    if record.account is None:
        raise RequestRefused("nothing was proven", code="expired")
    proof = Proof(record.request.transaction, record.account, record.amr, record.proven_at)
    proving = proving.having(code=await proving.ports.hub.push_proof(proof))
    await proving.keep()
    return proving
