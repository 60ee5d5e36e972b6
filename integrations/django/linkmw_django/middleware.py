"""The Django shell: translates, nothing else. Under WSGI a flow runs in place, under ASGI it is awaited."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import DisallowedHost, MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from linkmw import http
from linkmw.gate import proof_kind
from linkmw.gate.claim import Claim
from linkmw.gate.hosts import Gates
from linkmw.gate.in_force import InForce
from linkmw.http import PASS, Answer, Decorate, Response
from linkmw.run import run_now
from linkmw.settings import Settings
from linkmw_django import settle, translate
from linkmw_django.configuration import Configuration, configuration
from linkmw_django.configuration import in_force as configured_in_force
from linkmw_django.product import Product
from linkmw_django.watch import Guards, Watch, begin, listen

if TYPE_CHECKING:
    from linkmw.gate.native_proof import Watching
    from linkmw.gate.ports import Ports

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("linkmw")


class LinkMiddleware:
    """Put after AuthenticationMiddleware. Of both kinds, each without a thread hop for requests that are not ours.

    Sessions that linkmw opened are watched (`watch`) and what the product did to them is seen to (`settle`).

    Our routes are answered before any view is looked up, so no URLconf, `csrf_exempt` or login-required setting
    matters to them: they carry linkmw's own protection against forged requests (security.md, XS01).
    While linkmw is off, every answer is the project's own; Django leaves this middleware out altogether where nothing
    but a restart can switch it on (P-1).
    """

    sync_capable = True
    async_capable = True

    def __new__(cls, get_response: Callable[[HttpRequest], Any], in_force: InForce | None = None) -> Any:
        """The gate for these settings; else the project's own: where it serves several hosts, a choice of gates."""
        found = in_force or configured_in_force()
        return super().__new__(cls) if in_force or not found.settings.hosts else ByHost(cls, get_response, found)

    def __init__(self, get_response: Callable[[HttpRequest], Any], in_force: InForce | None = None) -> None:
        self._in_force = in_force or configured_in_force()
        self._take_on()
        if not self._claim.on:
            raise MiddlewareNotUsed
        self._get_response = get_response
        self._opening = threading.Lock()
        self._opened: tuple[asyncio.AbstractEventLoop | None, Settings, Ports] | None = None
        listen()
        self._ours: Callable[..., Any] = self._ours_now
        self._products: Callable[..., Any] = self._products_now
        self._armed: Callable[..., Any] = self._armed_now
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)
            self._ours, self._products = self._ours_awaited, self._products_awaited
            self._armed = self._armed_awaited

    def _take_on(self) -> None:
        """The settings in force are ours from now on."""
        self._settings = self._in_force.settings
        self._claim = Claim(self._settings, may_be_on=self._in_force.may_be_on)
        self._claims = self._claim.claims
        # What a Cookie header holds while a native proof waits for this browser's sign-in; None: there are none here.
        self._arming = proof_kind.watched(self._settings, Product)
        self._guards = Guards(self._settings, self._look)

    def _look(self) -> Settings:
        """The settings in force: a look at the clock, and once a second at the configuration file."""
        if self._in_force.look():
            self._take_on()
        return self._settings

    def _is_over(self, settings: Settings) -> bool:
        """Was linkmw switched off, or made another client, since a request began under these settings? (RC08)"""
        if self._in_force.look_now():
            self._take_on()
        return not self._settings.on or self._settings.client_id != settings.client_id

    def __call__(self, request: HttpRequest) -> Any:
        """The response, or a coroutine that gives it, as `get_response` does."""
        claimed = self._claims(request.path_info) and not translate.is_seen(request)
        if (claimed or self._guards.closes or not self._settings.on) and not self._look().on:
            return self._while_off(request, claimed)
        watch = begin(request, self._guards)
        if self._arming is not None and self._arming in request.META.get("HTTP_COOKIE", ""):
            return self._armed(request, watch, claimed=claimed)
        if claimed:
            return self._ours(request, watch)
        if watch is None and not self._guards.closes:
            return self._get_response(request)
        return self._products(request, watch)

    def _while_off(self, request: HttpRequest, claimed: bool) -> Any:
        if self._settings.has_ended_sessions:
            begin(request, self._guards)
        if claimed:
            from linkmw.gate import under_way

            answer = under_way.answer(self._settings, translate.request(request), int(time.time()))
            if isinstance(answer, Response):
                response = translate.response(answer)
                return _at_once(response) if iscoroutinefunction(self._get_response) else response
        return self._get_response(request)

    def _ours_now(self, request: HttpRequest, watch: Watch | None) -> HttpResponseBase:
        try:
            settings, ports = self._open(None)
            answer = run_now(self._flow(ports, settings, request))
            if watch is not None and isinstance(answer, Response):
                run_now(settle.after_ours(ports, settings, request, watch))
        except Exception:
            answer = _failed()
        if isinstance(answer, Response):
            return translate.response(answer)
        return _decorated(self._products_now(_prepared(request, answer), watch), answer)

    async def _ours_awaited(self, request: HttpRequest, watch: Watch | None) -> HttpResponseBase:
        try:
            settings, ports = await self._world()
            answer = await self._flow(ports, settings, request)
            if watch is not None and isinstance(answer, Response):
                await settle.after_ours(ports, settings, request, watch)
        except Exception:
            answer = _failed()
        if isinstance(answer, Response):
            return translate.response(answer)
        return _decorated(await self._products_awaited(_prepared(request, answer), watch), answer)

    def _products_now(self, request: HttpRequest, watch: Watch | None) -> HttpResponseBase:
        response: HttpResponseBase = self._get_response(request)
        instead: Answer | None = None
        try:
            if watch is not None and self._settings.on and settle.is_needed(request, watch):
                settings, ports = self._open(None)
                instead = run_now(settle.after_product(ports, settings, request, watch))
            if self._guards.closes and settle.has_signed_in(request, watch):
                run_now(settle.let_in_or_out(self._open(None)[1], request))
        except Exception:
            instead = _failed()
        return translate.instead(response, instead) if isinstance(instead, Response) else response

    async def _products_awaited(self, request: HttpRequest, watch: Watch | None) -> HttpResponseBase:
        response: HttpResponseBase = await self._get_response(request)
        instead: Answer | None = None
        try:
            if watch is not None and self._settings.on and settle.is_needed(request, watch):
                settings, ports = await self._world()
                instead = await settle.after_product(ports, settings, request, watch)
            if self._guards.closes and settle.has_signed_in(request, watch):
                await settle.let_in_or_out((await self._world())[1], request)
        except Exception:
            instead = _failed()
        return translate.instead(response, instead) if isinstance(instead, Response) else response

    def _armed_now(self, request: HttpRequest, watch: Watch | None, *, claimed: bool) -> HttpResponseBase:
        """A request of a browser whose native proof is armed: it may be the sign-in that counts."""
        try:
            settings, ports = self._open(None)
            found = run_now(self._watching(ports, settings, request))
        except Exception:
            _failed()
            found = None
        if isinstance(found, Response):
            return translate.response(found)
        response: HttpResponseBase = (self._ours_now if claimed else self._products_now)(request, watch)
        if found is None:
            return response
        try:
            instead = run_now(_judged(found, response))
        except Exception:
            instead = None
            _failed()
        return response if instead is None else translate.instead(response, instead)

    async def _armed_awaited(self, request: HttpRequest, watch: Watch | None, *, claimed: bool) -> HttpResponseBase:
        try:
            settings, ports = await self._world()
            found = await self._watching(ports, settings, request)
        except Exception:
            _failed()
            found = None
        if isinstance(found, Response):
            return translate.response(found)
        answering = self._ours_awaited if claimed else self._products_awaited
        response = await answering(request, watch)
        if found is None:
            return response
        try:
            instead = await _judged(found, response)
        except Exception:
            instead = None
            _failed()
        return response if instead is None else translate.instead(response, instead)

    async def _watching(self, ports: Ports, settings: Settings, request: HttpRequest) -> Watching | Response | None:
        from linkmw.gate import native_proof
        from linkmw_django import visit

        async def status(asked: http.Request) -> int:
            response = self._get_response(await ports.call(visit.of, request, asked.path))
            if iscoroutinefunction(self._get_response):
                response = await response
            for close in response._resource_closers:  # `close()` would say that this request is over
                close()
            return int(response.status_code)

        return await native_proof.begin(ports, settings, translate.request(request), status)

    async def _flow(self, ports: Ports, settings: Settings, request: HttpRequest) -> Answer:
        from linkmw.gate import routes  # loads what a product process need not hold before somebody signs in

        asked = translate.request(request)
        if routes.reads_body(settings, asked):
            asked = translate.request(request, translate.body(request))
        return await routes.answer(ports, settings, asked)

    async def _world(self) -> tuple[Settings, Ports]:
        """The settings in force, and what was made for them in this event loop: connections can't be shared.

        Made in a thread, for imports take long.
        """
        loop, opened = asyncio.get_running_loop(), self._opened
        if opened is None or opened[0] is not loop or opened[1] is not self._settings:
            return await asyncio.to_thread(self._open, loop)
        return opened[1:]

    def _open(self, loop: asyncio.AbstractEventLoop | None) -> tuple[Settings, Ports]:
        with self._opening:
            settings, opened = self._settings, self._opened
            if opened is None or opened[0] is not loop or opened[1] is not settings:
                opened = self._opened = (loop, settings, self._made(settings, blocking=loop is None))
            return opened[1:]

    def _made(self, settings: Settings, *, blocking: bool) -> Ports:
        from linkmw.gate.build import build
        from linkmw_django import routes  # needs the models: Django imports us before those

        call = None if blocking else in_django_thread
        for path in routes.unlisted():
            log.warning("the login route %s is not in LOGIN_PATHS: linkmw leaves it as it is", path)
        ports = build(settings, self.product_of(configuration(settings)), blocking=blocking, call=call)
        return replace(ports, is_over=lambda: self._is_over(settings))

    def product_of(self, configuration: Configuration) -> Product:
        """The project, as the gate asks it."""
        return Product(configuration)


async def _at_once(response: HttpResponse) -> HttpResponse:
    return response


class ByHost:
    """Each request goes to the gate of its host (P-4). While linkmw is off for all of them, it is left out."""

    def __init__(
        self, gate: type[LinkMiddleware], get_response: Callable[[HttpRequest], Any], in_force: InForce
    ) -> None:
        def made(own: InForce) -> Callable[[HttpRequest], Any]:
            try:
                return gate(get_response, own)
            except MiddlewareNotUsed:
                return get_response

        self._gates = Gates(in_force, made)
        if all(one is get_response for one in self._gates):
            raise MiddlewareNotUsed
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        return self._gates.of(_host(request))(request)


def _host(request: HttpRequest) -> str:
    """As Django reads it, and so the project: also by USE_X_FORWARDED_HOST. "" for one that it refuses."""
    try:
        return str(request.get_host())
    except DisallowedHost:
        return ""


async def in_django_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `function` where this request's synchronous Django code runs: database connections belong to a thread."""
    answer: T = await sync_to_async(function, thread_sensitive=True)(*args, **kwargs)
    return answer


async def _judged(watching: Watching, response: HttpResponseBase) -> Response | None:
    from linkmw.gate import native_proof

    return await native_proof.answer(watching, response.status_code, tuple(response.items()))


def _failed() -> Answer:
    # Whatever is wrong with us, the product's own page is answered.
    log.exception("linkmw failed, the product answers instead")
    return PASS


def _prepared(request: HttpRequest, answer: Answer) -> HttpRequest:
    return translate.asking_for_plain_html(request) if isinstance(answer, Decorate) else request


def _decorated(response: HttpResponseBase, answer: Answer) -> HttpResponseBase:
    if isinstance(answer, Decorate) and isinstance(response, HttpResponse):
        translate.put_button(response, answer)
    return response
