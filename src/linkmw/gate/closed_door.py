"""The product's own login route while it is closed: people go to the hub, all else is turned away (P-6)."""

from __future__ import annotations

from linkmw.errors import Unavailable
from linkmw.gate import answers, places
from linkmw.gate.browser import wants_page
from linkmw.gate.ports import Ports
from linkmw.http import PASS, Answer, Request, Response, json_answer, page, redirect
from linkmw.pages import screens
from linkmw.pages.problems import problem_of
from linkmw.settings import Settings

_LOOKS = ("GET", "HEAD")
_SIGNS_IN = ("POST", "PUT", "PATCH")  # a DELETE signs out, where it is anything


async def answer(ports: Ports, settings: Settings, request: Request, *, away: bool) -> Answer:
    """away: no way leads on, and the operator wants it so. A fault of ours opens nothing (PR02)."""
    if request.method not in (*_LOOKS, *_SIGNS_IN):
        return PASS
    try:
        if away:
            return await _nothing_answers(ports, settings, request)
        if not _is_person(request):
            return _elsewhere(settings)
        if request.method in _LOOKS:
            return redirect(places.start(settings, request))
        look = await answers.look_of(ports, settings)
        return page(screens.door_closed(look=look, url=places.start(settings, request)), status=403)
    except Exception as error:
        return await answers.refusal(ports, settings, request, error)


def _is_person(request: Request) -> bool:
    return wants_page(request) and "json" not in request.headers.get("content-type", "").lower()


def _elsewhere(settings: Settings) -> Response:
    """401, with where people sign in: a script is never sent to another origin (P-6)."""
    url = places.ours(settings, "login")
    return json_answer(
        {"error": "sign_in_required", "sign_in": url},
        status=401,
        headers=(("WWW-Authenticate", "Link"), ("Link", f'<{url}>; rel="login"')),
    )


async def _nothing_answers(ports: Ports, settings: Settings, request: Request) -> Response:
    error = Unavailable("the hub, Redis or Keycloak is away, and the product's own login stays closed")
    retry = (("Retry-After", "1"),)
    if not _is_person(request):
        return json_answer({"error": error.code}, status=503, headers=retry)
    html = screens.error(
        look=await answers.look_of(ports, settings),
        problem=problem_of(error),
        reference=answers.noted(settings, request, error),
        try_again=places.own(settings, request.path),
    )
    return page(html, status=503, headers=retry)
