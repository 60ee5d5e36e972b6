"""A forgotten product password on the way to a link: the product's own mail, and back to the form (AKE-19 to AKE-22).

Whether anybody has the address is not told: same answer, same time (BF08).
"""

from __future__ import annotations

from linkmw.errors import LinkmwError, NoCookie, RequestRefused, Unavailable
from linkmw.gate import answers, audit, forgotten, limits, places
from linkmw.gate.browser import address, check_form
from linkmw.gate.names import is_address
from linkmw.gate.ports import Ports
from linkmw.gate.proof_pages import Proving
from linkmw.gate.prove import find
from linkmw.http import Request, Response, page, redirect
from linkmw.pages import first_sign_in
from linkmw.pages.first_sign_in import AddressProblem
from linkmw.settings import Settings


async def show(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET forgot?record=…: the form; with `sent`, that a mail is on its way."""
    if "sent" in request.query and settings.closes:
        return await _sent(ports, settings, request.query.get("record"))
    try:
        proving = await find(ports, settings, request, request.query.get("record"))
    except (NoCookie, RequestRefused):
        return redirect(places.ours(settings, "login"))
    return await _form(proving, _known_address(proving)) if await proving.takes_over() else _products_own(proving)


async def send(ports: Ports, settings: Settings, request: Request) -> Response:
    """POST forgot: the product sends its own mail, if it knows the address."""
    proving = await find(ports, settings, request, request.form.get("record"))
    check_form(settings, request, proving.browser, proving.record.record_id)
    if not await proving.takes_over():
        return _products_own(proving)
    email = request.form.get("email").strip()
    if not is_address(email):
        return await _form(proving, email, "no_address" if email else "empty")
    wait = await limits.may_send_reset(ports, email, address(settings, request))
    if wait:
        return await _form(proving, email, "too_many", wait)
    return await _asked(proving, email)


async def _asked(proving: Proving, email: str) -> Response:
    ports, settings = proving.ports, proving.settings
    await forgotten.remember(ports, proving.browser, email, proving.record.request.identity_email)
    proving = proving.having(typed=email)
    await proving.keep()
    if not await _sends_reset(proving, email):
        return _products_own(proving)
    audit.note(ports, settings, proving.request, "reset", "ok")
    return redirect(places.ours(settings, "forgot", record=proving.record.record_id, sent="1"))


async def _sends_reset(proving: Proving, email: str) -> bool:
    """False where the product has no such mail. A mail that failed is in the log, and no answer tells of it (BF08)."""
    try:
        return await proving.ports.call(proving.ports.product.send_reset, proving.request, email)
    except LinkmwError:
        return True


def _products_own(proving: Proving) -> Response:
    """To the product's page for it. Raises Unavailable where there is none."""
    own = places.own(proving.settings, proving.settings.forgot_password)
    if not own:
        raise Unavailable("the product sends no reset mail, and `forgot_password` names no page")
    return redirect(own)


def _known_address(proving: Proving) -> str:
    """What was typed here, or at the hub, or whose identity it is, as far as it is an address."""
    record = proving.record
    known = (record.typed, record.request.hint, record.request.identity_email)
    return next((text for text in known if is_address(text)), "")


async def _form(proving: Proving, email: str, problem: AddressProblem | None = None, wait: int = 0) -> Response:
    settings = proving.settings
    html = first_sign_in.forgot(
        look=await proving.look(),
        form=answers.form(settings, proving.browser, "forgot", proving.record.record_id),
        email=email,
        back=proving.url("prove"),
        problem=problem,
        wait_seconds=wait,
    )
    return answers.step_page(settings, html, problem, wait)


async def _sent(ports: Ports, settings: Settings, record_id: str) -> Response:
    """The proof need not be there any more: its address leads on all the same (AKE-22)."""
    back = places.ours(settings, "prove", record=record_id)
    return page(first_sign_in.reset_sent(look=await answers.look_of(ports, settings), back=back))
