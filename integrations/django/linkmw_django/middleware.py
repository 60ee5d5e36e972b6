"""The Django shell: translates, nothing else. Under WSGI a flow runs in place, under ASGI it is awaited."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.exceptions import DisallowedHost, MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from linkmw.gate.claim import Claim
from linkmw.gate.hosts import Gates
from linkmw.http import PASS, Answer, Decorate, Response
from linkmw.run import run_now
from linkmw.settings import Settings
from linkmw_django import settle, translate
from linkmw_django.configuration import Configuration, configuration
from linkmw_django.product import Product
from linkmw_django.watch import Guards, Watch, begin, listen

if TYPE_CHECKING:
    from linkmw.gate.ports import Ports

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("linkmw")


class LinkMiddleware:
    """Put after AuthenticationMiddleware. Of both kinds, each without a thread hop for requests that are not ours.

    Sessions that linkmw opened are watched (`watch`) and what the product did to them is seen to (`settle`).

    Our routes are answered before any view is looked up, so no URLconf, `csrf_exempt` or login-required setting
    matters to them: they carry linkmw's own protection against forged requests (security.md, XS01).
    While linkmw is off, Django leaves this middleware out altogether (P-1).
    """

    sync_capable = True
    async_capable = True

    def __new__(cls, get_response: Callable[[HttpRequest], Any], at: Configuration | None = None) -> Any:
        """The gate that `at` describes; else the project's own: where it serves several hosts, a choice of gates."""
        found = at or configuration()
        return super().__new__(cls) if at or not found.settings.hosts else ByHost(cls, get_response, found)

    def __init__(self, get_response: Callable[[HttpRequest], Any], at: Configuration | None = None) -> None:
        self._configuration = at or configuration()
        self._settings = self._configuration.settings
        claim = Claim(self._settings)
        if not claim.on:
            raise MiddlewareNotUsed
        self._claims = claim.claims
        self._get_response = get_response
        self._opening = threading.Lock()
        self._opened: tuple[asyncio.AbstractEventLoop | None, Ports] | None = None
        self._guards = Guards(self._settings)
        listen()
        self._ours: Callable[..., Any] = self._ours_now
        self._products: Callable[..., Any] = self._products_now
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)
            self._ours, self._products = self._ours_awaited, self._products_awaited

    def __call__(self, request: HttpRequest) -> Any:
        """The response, or a coroutine that gives it, as `get_response` does."""
        watch = begin(request, self._guards)
        if self._claims(request.path_info) and not translate.is_seen(request):
            return self._ours(request, watch)
        if watch is None and not self._guards.closes:
            return self._get_response(request)
        return self._products(request, watch)

    def _ours_now(self, request: HttpRequest, watch: Watch | None) -> HttpResponseBase:
        try:
            ports = self._open(None)
            answer = run_now(self._flow(ports, request))
            if watch is not None and isinstance(answer, Response):
                run_now(settle.after_ours(ports, self._settings, request, watch))
        except Exception:
            answer = _failed()
        if isinstance(answer, Response):
            return translate.response(answer)
        return _decorated(self._products_now(_prepared(request, answer), watch), answer)

    async def _ours_awaited(self, request: HttpRequest, watch: Watch | None) -> HttpResponseBase:
        try:
            ports = await self._ports()
            answer = await self._flow(ports, request)
            if watch is not None and isinstance(answer, Response):
                await settle.after_ours(ports, self._settings, request, watch)
        except Exception:
            answer = _failed()
        if isinstance(answer, Response):
            return translate.response(answer)
        return _decorated(await self._products_awaited(_prepared(request, answer), watch), answer)

    def _products_now(self, request: HttpRequest, watch: Watch | None) -> HttpResponseBase:
        response: HttpResponseBase = self._get_response(request)
        instead: Answer | None = None
        try:
            if watch is not None and settle.is_needed(request, watch):
                instead = run_now(settle.after_product(self._open(None), self._settings, request, watch))
            if self._guards.closes and settle.has_signed_in(request, watch):
                run_now(settle.let_in_or_out(self._open(None), request))
        except Exception:
            instead = _failed()
        return translate.instead(response, instead) if isinstance(instead, Response) else response

    async def _products_awaited(self, request: HttpRequest, watch: Watch | None) -> HttpResponseBase:
        response: HttpResponseBase = await self._get_response(request)
        instead: Answer | None = None
        try:
            if watch is not None and settle.is_needed(request, watch):
                instead = await settle.after_product(await self._ports(), self._settings, request, watch)
            if self._guards.closes and settle.has_signed_in(request, watch):
                await settle.let_in_or_out(await self._ports(), request)
        except Exception:
            instead = _failed()
        return translate.instead(response, instead) if isinstance(instead, Response) else response

    async def _flow(self, ports: Ports, request: HttpRequest) -> Answer:
        from linkmw.gate import routes  # loads what a product process need not hold before somebody signs in

        asked = translate.request(request)
        if routes.reads_body(self._settings, asked):
            asked = translate.request(request, translate.body(request))
        return await routes.answer(ports, self._settings, asked)

    async def _ports(self) -> Ports:
        """Ports of this event loop: connections can't be shared. Made in a thread, for imports take long."""
        loop = asyncio.get_running_loop()
        if self._opened is None or self._opened[0] is not loop:
            return await asyncio.to_thread(self._open, loop)
        return self._opened[1]

    def _open(self, loop: asyncio.AbstractEventLoop | None) -> Ports:
        from linkmw.gate.build import build

        with self._opening:
            if self._opened is None or self._opened[0] is not loop:
                product = Product(self._configuration)
                if loop is None:
                    self._opened = (None, build(self._settings, product, blocking=True))
                else:
                    self._opened = (loop, build(self._settings, product, blocking=False, call=in_django_thread))
            return self._opened[1]


class ByHost:
    """Each request goes to the gate of its host (P-4). While linkmw is off for all of them, it is left out."""

    def __init__(
        self, gate: type[LinkMiddleware], get_response: Callable[[HttpRequest], Any], project: Configuration
    ) -> None:
        def made(settings: Settings) -> Callable[[HttpRequest], Any]:
            try:
                return gate(get_response, replace(project, settings=settings))
            except MiddlewareNotUsed:
                return get_response

        self._gates = Gates(project.settings, made)
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
