"""The one place where an error becomes an answer: a page with a way on, a line in the log, one reference on both."""

from __future__ import annotations

import logging

from linkmw import log
from linkmw.errors import UNEXPECTED, LinkmwError, TooMany, Unavailable
from linkmw.http import Request, Response, json_answer, page
from linkmw.hub import first_rules, looks, place
from linkmw.hub.place import NotLinkedYet, Place, Refused
from linkmw.hub.ports import Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Client
from linkmw.pages import screens
from linkmw.pages.look import Look
from linkmw.pages.problems import problem_of
from linkmw.reference import Reference, new_reference

logger = logging.getLogger("linkmw.hub")

_RETRY_SECONDS = 5


def note(error: Exception, reference: Reference, route: str) -> None:
    """A line in the log, findable by the reference on the page. route: the pattern, never the path with its token."""
    refused, where = known(error)
    log.refusal(
        logger,
        error,
        code=refused.code,
        ref=reference,
        route=route,
        tenant=where.tenant.organization_id if where else "",
        client_id=where.client.client_id if where and where.client else "",
        defect=refused.code == UNEXPECTED,
    )


def noted(error: Exception, route: str) -> Reference:
    """A reference that is in the log, for a page that says no without being an error page."""
    reference = new_reference()
    note(error, reference, route)
    return reference


def known(error: Exception) -> tuple[LinkmwError, Place | None]:
    """What was refused and where; an exception that nobody foresaw is an error of ours without more to say."""
    if isinstance(error, Refused):
        return error.error, error.place
    return (error if isinstance(error, LinkmwError) else LinkmwError(code=UNEXPECTED)), None


async def answer_browser(
    ports: Ports, settings: HubSettings, request: Request, error: Exception, reference: Reference
) -> Response:
    """The page for `error`, in the tenant's look when it is known whose page it is."""
    refused, where = known(error)
    where = where or await _only_tenant(ports)
    look = await _look(ports, where)
    headers = _retry_after(refused)
    if isinstance(refused, NotLinkedYet) and where is not None:
        html = screens.not_linked_yet(
            look=look,
            try_again=refused.try_again or place.at_gate(where.product, "login"),
            go_on=refused.go_on,
            reference=reference,
            reason=refused.reason,
        )
    else:
        html = _error_page(settings, request, refused, where, look, reference)
    return page(html, status=refused.status, headers=headers)


def _error_page(
    settings: HubSettings, request: Request, error: LinkmwError, where: Place | None, look: Look, reference: Reference
) -> str:
    client = where.client if where else None
    start = place.at_gate(client, "login") if client and client.proof != "none" else ""
    away = isinstance(error, Unavailable)
    problem = problem_of(error)
    return screens.error(
        look=look,
        problem=problem,
        reference=reference,
        start_again="" if away else start,
        try_again=start or _again(settings, request) if away else "",
        manager=place.manager(settings, where.tenant) if where else "",
        native_login=_native_login(client, away=away) if client else "",
        wait_seconds=error.retry_after if isinstance(error, TooMany) else 0,
        lifetime_seconds=first_rules.MAIL_SECONDS if problem == "link_expired" else settings.sign_in_seconds,
    )


def _native_login(client: Client, *, away: bool) -> str:
    """While a part is away a door that is closed otherwise stands open, unless the product wants it so (P-5)."""
    return client.login_url or client.public_url if away else place.native_login(client)


def _again(settings: HubSettings, request: Request) -> str:
    """The address that was asked for, or the page whose form was sent: a part that was away took nothing from it."""
    if request.method == "GET":
        return f"{request.path}?{request.query_string}" if request.query_string else request.path
    before = request.headers.get("referer", "")  # our Referrer-Policy is same-origin
    return before if before.startswith(f"{settings.public_url}/") else ""


async def _only_tenant(ports: Ports) -> Place | None:
    """Whose page it must be when nobody can say, and the way on from it: the one tenant there is."""
    try:
        tenants = await ports.registry.tenants()
    except LinkmwError:
        return None
    return Place(tenants[0]) if len(tenants) == 1 else None


async def _look(ports: Ports, where: Place | None) -> Look:
    """Whose page it is. An error page never fails for its looks: what cannot be asked for is left out."""
    try:
        return await looks.look_of(ports, where) if where else looks.NEUTRAL.look
    except LinkmwError:
        return looks.NEUTRAL.look


def answer_client(error: Exception) -> Response:
    """The back channel's answer: a code and nothing else (RFC 6749, 5.2)."""
    refused, _ = known(error)
    status = refused.status
    challenge = (("WWW-Authenticate", f'{_scheme(refused)} realm="linkmw"'),) if status == 401 else ()
    code = "temporarily_unavailable" if status == 503 else refused.code if status < 500 else "server_error"
    return json_answer({"error": code}, status=status, headers=(*challenge, *_retry_after(refused)))


def _scheme(error: LinkmwError) -> str:
    return "Bearer" if error.code == "invalid_token" else "Basic"


def _retry_after(error: LinkmwError) -> tuple[tuple[str, str], ...]:
    seconds = (
        error.retry_after if isinstance(error, TooMany) else _RETRY_SECONDS if isinstance(error, Unavailable) else 0
    )
    return (("Retry-After", str(seconds)),) if seconds else ()
