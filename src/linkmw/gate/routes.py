"""Path to flow, one table. All that a product process need not hold before somebody signs in hangs off this module.

Nothing that happens here breaks the product: a fault on its login route leaves its own page, one on ours is a page.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from linkmw import log, tracing
from linkmw.errors import RequestRefused
from linkmw.gate import (
    accounts,
    answers,
    entry,
    forgot,
    login_page,
    logout,
    monitor,
    native_proof,
    places,
    prove,
    sign_in,
    sign_in_page,
    sign_out,
    under_way,
)
from linkmw.gate.ports import Ports
from linkmw.http import MAX_FORM, PASS, Answer, Request, Response, redirect
from linkmw.pages import negotiation
from linkmw.settings import Settings
from linkmw.whence import is_cross_site_arrival

Flow = Callable[[Ports, Settings, Request], Awaitable[Answer]]


async def _inside_first(ports: Ports, settings: Settings, request: Request, name: str, flow: Flow) -> Answer:
    """A cross-site arrival goes on inside the site first: SameSite=Strict sessions are not seen before that (PR19)."""
    if is_cross_site_arrival(request):
        url = f"{places.ours(settings, name)}?{urlencode(list(request.query))}"
        return await answers.going_on(ports, settings, url, "product")
    return await flow(ports, settings, request)


async def _callback(ports: Ports, settings: Settings, request: Request) -> Answer:
    return await _inside_first(ports, settings, request, "callback", sign_in.finish)


async def _prove(ports: Ports, settings: Settings, request: Request) -> Answer:
    flow = prove.arrive if "handle" in request.query else prove.show
    return await _inside_first(ports, settings, request, "prove", flow)


async def _signed_out(ports: Ports, settings: Settings, request: Request) -> Answer:
    return await _inside_first(ports, settings, request, "signed-out", sign_out.signed_out)


async def _language(_ports: Ports, settings: Settings, request: Request) -> Answer:
    return negotiation.switch(request, settings.public_url, default=places.landing(settings))


async def _asset(ports: Ports, settings: Settings, request: Request) -> Answer:
    """A stylesheet or logo by its hashed name; the hash of another brand, or an old one, is the product's own 404."""
    name = request.path.removeprefix(f"{settings.prefix}assets/")
    asset = (await answers.dress_of(ports, settings)).assets.get(name)
    return PASS if asset is None else asset.response


_TABLE: dict[tuple[str, str], Flow] = {
    ("GET", "login"): sign_in.start,
    ("GET", "sign-in"): sign_in_page.show,
    ("GET", "native"): sign_in_page.go_native,
    ("GET", "callback"): _callback,
    ("POST", "switch"): sign_in.switch,
    ("GET", "second-factor"): entry.show,
    ("POST", "second-factor"): entry.check,
    ("GET", "prove"): _prove,
    ("POST", "prove"): prove.check,
    ("GET", "go"): prove.go,
    ("GET", "cancel"): native_proof.cancel,
    ("GET", "forgot"): forgot.show,
    ("POST", "forgot"): forgot.send,
    ("GET", "sign-out"): sign_out.go_on,
    ("GET", "signed-out"): _signed_out,
    ("POST", "language"): _language,
    ("GET", "health"): monitor.health,
    ("GET", "metrics"): monitor.metrics,
    ("POST", "accounts"): accounts.answer,
    ("POST", "logout"): logout.answer,
}
# Of the back channel: they answer whatever is wrong themselves, and with no page.
_CALLS = (accounts.answer, logout.answer)


def _flow(settings: Settings, request: Request) -> Flow | None:
    if not request.path.startswith(settings.prefix):
        return None
    name = request.path.removeprefix(settings.prefix)
    if name.startswith("assets/") and request.method == "GET":
        return _asset
    return _TABLE.get((request.method, name))


def reads_body(settings: Settings, request: Request) -> bool:
    """Is the body of this request ours to read? The product's never is (HT14)."""
    return request.method == "POST" and _flow(settings, request) is not None


async def answer(ports: Ports, settings: Settings, request: Request) -> Answer:
    """The answer to a request that `claim` claimed; Pass for all that is no route of ours (BC08)."""
    asked = _asked_by_hub(settings, request)
    with log.one_request(), negotiation.answering(request, asked):
        found = await _answer(ports, settings, request)
        return negotiation.labelled(negotiation.kept(asked, found)) if isinstance(found, Response) else found


def _asked_by_hub(settings: Settings, request: Request) -> str:
    """The hub's language, where it sends somebody to a proof. No address of ours but this one is asked (FC18)."""
    is_arrival = request.method == "GET" and request.path == f"{settings.prefix}prove"
    return negotiation.asked_for(request) if is_arrival else ""


async def _answer(ports: Ports, settings: Settings, request: Request) -> Answer:
    if request.path in settings.login_paths:
        return await _login_page(ports, settings, request)
    flow = _flow(settings, request)
    if flow is None:
        return PASS
    try:
        _offer_languages(settings, request)
        if flow not in _CALLS:
            _check_length(request)
        with tracing.span(f"{request.method} {request.path.removeprefix(settings.prefix)}"):
            return await flow(ports, settings, request)
    except under_way.SwitchedOff:
        return redirect(places.native_login(settings))
    except Exception as error:
        return await answers.refusal(ports, settings, request, error)


def _offer_languages(settings: Settings, request: Request) -> None:
    name = request.path.removeprefix(settings.prefix)
    stays = ("GET", name) in _TABLE
    negotiation.offer_switch(request, places.ours(settings, "language"), settings.public_url, stays=stays)


def _check_length(request: Request) -> None:
    """The body is whole, and no longer than forms are. Raises RequestRefused."""
    if len(request.body) > MAX_FORM:
        raise RequestRefused("the form is too large", code="too_large", status=413)
    announced = request.headers.get("content-length", "")
    if re.fullmatch(r"[0-9]{1,9}", announced) and request.method == "POST" and len(request.body) < int(announced):
        # The client left half-way, or its two lengths are not one (BC06, BC07): half a password is no try.
        raise RequestRefused("the form was cut short")


async def _login_page(ports: Ports, settings: Settings, request: Request) -> Answer:
    try:
        return await login_page.answer(ports, settings, request)
    except Exception as error:
        if ports.said.to("login page", type(error).__name__):  # any visitor can bring it about again (DS06)
            answers.noted(settings, request, error)
        return PASS
