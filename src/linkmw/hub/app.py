"""The hub's routes: each calls a flow and follows its answer, or its error, through one door."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route as StarletteRoute
from starlette.types import Lifespan

from linkmw import log, metrics, tracing
from linkmw.errors import RequestRefused, StateMismatch
from linkmw.http import GUARD_HEADERS, Request, Response
from linkmw.hub import audit, back_channel, health, looks, monitor, provider, refusals, translate
from linkmw.hub.flows import (
    add,
    agree,
    authorize,
    choose,
    confirm,
    end_session,
    first_sign_in,
    join,
    link,
    mail_link,
    manager,
    order,
    provider_logout,
    remove,
    rollout,
    sign_in,
    sign_out,
    support,
    unlink,
)
from linkmw.hub.ports import Ports
from linkmw.hub.settings import HubSettings
from linkmw.pages import negotiation
from linkmw.reference import Reference, new_reference

Handler = Callable[..., Awaitable[Response]]

access = logging.getLogger("linkmw.hub.access")


@dataclass(frozen=True, slots=True)
class Route:
    """A path, what answers it, and whom: a browser gets pages, a client codes.

    audited: a failure is a failed sign-in. head: HEAD asks the handler; elsewhere it acts on nothing (I3).
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    to: Literal["browser", "client"] = "browser"
    audited: bool = False
    head: bool = False


async def speak(_ports: Ports, settings: HubSettings, request: Request) -> Response:
    """POST /language: the pages' language, from now on in this browser."""
    return negotiation.switch(request, settings.public_url, default="/")


ROUTES: tuple[Route, ...] = (
    Route("GET", "/", manager.front),
    # A sign-in's own first: they are looked for in this order.
    Route("GET", "/o/{client_id}/authorize", authorize.start, audited=True),
    Route("GET", "/t/{organization_id}/callback", sign_in.finish, audited=True),
    Route("POST", "/o/{client_id}/token", provider.token, "client"),
    Route("GET", "/proved", link.commit, audited=True),
    Route("GET", "/linked", link.linked),
    Route("POST", "/continue", link.go_on),
    Route("GET", "/agree", agree.show),
    Route("POST", "/agree", agree.answer, audited=True),
    Route("GET", "/switch-identity", link.not_you),
    Route("POST", "/switch-identity", sign_in.again),
    Route("GET", "/choose", choose.show),
    Route("POST", "/choose", choose.choose),
    Route("GET", "/sign-in", first_sign_in.show),
    Route("POST", "/sign-in", first_sign_in.identify, audited=True),
    Route("GET", "/confirm", confirm.show),
    Route("POST", "/confirm", confirm.confirm),
    Route("GET", "/inbox", confirm.inbox),
    Route("POST", "/inbox", confirm.go_on, audited=True),
    Route("GET", "/inbox/state", confirm.state),
    Route("POST", "/resend", confirm.resend),
    Route("GET", "/confirm-email/{token}", mail_link.arrive),
    Route("GET", "/confirm-email", mail_link.preview),
    Route("POST", "/confirm-email", mail_link.press),
    Route("GET", "/accounts", join.show),
    Route("POST", "/accounts", join.choose, audited=True),
    Route("GET", "/known", join.known),
    Route("POST", "/known", join.sign_in_there),
    Route("GET", "/t/{organization_id}", manager.without_slash),
    Route("GET", "/t/{organization_id}/", manager.show),
    Route("GET", "/t/{organization_id}/sign-in", sign_in.start_manager),
    Route("GET", "/t/{organization_id}/add/{client_id}", add.show),
    Route("POST", "/t/{organization_id}/add/{client_id}", add.begin),
    Route("POST", "/t/{organization_id}/order", order.change),
    Route("GET", "/t/{organization_id}/remove/{link_id}", remove.ask),
    Route("POST", "/t/{organization_id}/remove/{link_id}", remove.remove),
    Route("GET", "/t/{organization_id}/support", support.show),
    Route("POST", "/t/{organization_id}/support", support.find),
    Route("GET", "/t/{organization_id}/support/rollout", rollout.show),
    Route("GET", "/t/{organization_id}/support/person/{subject}", support.person),
    Route("POST", "/t/{organization_id}/support/person/{subject}/end", support.end),
    Route("POST", "/t/{organization_id}/support/person/{subject}/resend", support.resend),
    Route("GET", "/t/{organization_id}/support/person/{subject}/remove/{link_id}", support.ask_remove),
    Route("POST", "/t/{organization_id}/support/person/{subject}/remove/{link_id}", support.remove),
    Route("POST", "/t/{organization_id}/sign-out", sign_out.sign_out),
    Route("POST", "/t/{organization_id}/end", sign_out.end),
    Route("POST", "/t/{organization_id}/end-all", sign_out.end_all),
    Route("GET", "/t/{organization_id}/signed-out", sign_out.signed_out),
    Route("GET", "/o/{client_id}/end_session", end_session.start),
    Route("POST", "/o/{client_id}/end_session", end_session.start_by_form),
    Route("POST", "/o/{client_id}/end_session/confirm", end_session.confirm),
    Route("GET", "/unlink/{token}", unlink.arrive),
    Route("GET", "/unlink", unlink.preview),
    Route("POST", "/unlink", unlink.remove),
    Route("GET", "/unlinked", unlink.removed),
    Route("POST", "/language", speak),
    Route("GET", "/assets/{name}", looks.asset, head=True),
    Route("POST", "/t/{organization_id}/backchannel-logout", provider_logout.take, "client"),
    Route("GET", "/gate", back_channel.gate, "client"),
    Route("POST", "/proof-requests", back_channel.proof_request, "client"),
    Route("POST", "/proofs", back_channel.proof, "client"),
    Route("POST", "/accounts/gone", back_channel.account_gone, "client"),
    Route("GET", "/o/{client_id}/.well-known/openid-configuration", provider.discovery, "client", head=True),
    Route("GET", "/o/{client_id}/jwks", provider.jwks, "client", head=True),
    Route("GET", "/o/{client_id}/userinfo", provider.userinfo, "client"),
    Route("POST", "/o/{client_id}/userinfo", provider.userinfo, "client"),
    Route("GET", "/healthz", health.healthz, "client", head=True),
    Route("GET", "/readyz", health.readyz, "client", head=True),
    Route("GET", "/metrics", monitor.metrics, "client"),
)

NOTHING = Response(200, GUARD_HEADERS)

# Pages to come back to at their own address: whatever a GET answers, but for an address that is a token itself.
_STAYING = frozenset(route.path for route in ROUTES if route.method == "GET" and "{token}" not in route.path)


class _Door:
    """What every request passes: translated in, answered, refused in words, written down."""

    def __init__(self, ports: Ports, settings: HubSettings) -> None:
        self._ports = ports
        self._settings = settings

    def route(self, route: Route) -> StarletteRoute:
        async def endpoint(raw: StarletteRequest) -> StarletteResponse:
            began = time.monotonic()
            head = translate.read_head(raw, self._settings.trusted_proxies)
            asked = negotiation.asked_for(head) if route.to == "browser" and route.method == "GET" else ""
            with tracing.span(f"{route.method} {route.path}"), log.one_request(), negotiation.answering(head, asked):
                answer = negotiation.kept(asked, await self._answer(route, raw, head))
                self._write_down(raw, route.path, answer, began)
                return translate.write(negotiation.labelled(answer))

        return StarletteRoute(route.path, endpoint, methods=[route.method])

    async def not_routed(self, raw: StarletteRequest, error: Exception) -> StarletteResponse:
        """Starlette found no route: 404, or 405 for another method."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        refused = RequestRefused("no such page", code="not_found", status=status)
        head = translate.read_head(raw, self._settings.trusted_proxies)
        more = error.headers if isinstance(error, HTTPException) and error.headers else {}
        with negotiation.answering(head):
            self._offer_languages(head, stays=status == 404)
            answer = await self._refusal(ROUTES[0], Request(raw.method, raw.url.path), "(none)", refused)
            return translate.write(negotiation.labelled(answer.with_headers(more.items())))

    async def _answer(self, route: Route, raw: StarletteRequest, head: Request) -> Response:
        request = head
        try:
            request = await translate.read(raw, head)
            self._offer_languages(request, stays=route.path in _STAYING)
            if request.method == "HEAD" and not route.head:
                return NOTHING
            return await route.handler(self._ports, self._settings, request, **raw.path_params)
        except Exception as error:  # the visitor gets our page and a reference, the log gets the traceback
            return await self._refusal(route, request, route.path, error)

    def _offer_languages(self, request: Request, *, stays: bool) -> None:
        negotiation.offer_switch(request, "/language", self._settings.public_url, stays=stays)

    async def _refusal(self, route: Route, request: Request, path: str, error: Exception) -> Response:
        reference = new_reference()
        refusals.note(error, reference, path)
        if route.to == "client":
            return refusals.answer_client(error)
        if route.audited:
            await self._audit(request, reference, error)
        return await refusals.answer_browser(self._ports, self._settings, request, error, reference)

    async def _audit(self, request: Request, reference: Reference, error: Exception) -> None:
        """A sign-in that failed. Not what anybody can send by the thousand without a sign-in under way (DS06)."""
        refused, where = refusals.known(error)
        if where is None or isinstance(refused, StateMismatch | RequestRefused):
            return
        now = self._ports.now()
        event = audit.of_failure("sign_in_failed", refused.code, str(reference), where, now, request)
        await self._ports.audit.write(event)

    def _write_down(self, raw: StarletteRequest, path: str, answer: Response, began: float) -> None:
        # The pattern, not the path: paths hold tokens, queries hold codes (I9).
        seconds = time.monotonic() - began
        metrics.observe(metrics.REQUESTS, f"{raw.method} {path}", str(answer.status), seconds=seconds)
        milliseconds = round(seconds * 1000)
        extra: dict[str, Any] = {"method": raw.method, "route": path, "status": answer.status, "ms": milliseconds}
        access.info("%s %s %d", raw.method, path, answer.status, extra={**extra, "flow": log.flow()})


def build_app(ports: Ports, settings: HubSettings, lifespan: Lifespan[Starlette] | None = None) -> Starlette:
    """The hub as an ASGI application. lifespan: what runs beside it (the outbox) and is closed after it."""
    door = _Door(ports, settings)
    app = Starlette(
        routes=[door.route(route) for route in ROUTES],
        exception_handlers={HTTPException: door.not_routed},
        lifespan=lifespan,
    )
    # Starlette would build the address of a redirect from the visitor's Host header (HT09).
    app.router.redirect_slashes = False
    return app
