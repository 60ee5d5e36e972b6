"""One product three times over: Django, Flask and Starlette, each bare and behind linkmw."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.houses.pages import ECHO, LOGIN_PATHS, PAGES, Page, received

Application = Callable[..., Any]


def linkmw_settings(mounted: str = "") -> dict[str, Any]:
    """Everything but what all houses share and read from the environment."""
    return {"LOGIN_PATHS": (*LOGIN_PATHS, "/account/"), "PUBLIC_URL": f"http://product.localhost{mounted}"}


def flask(wrapped: bool, mounted: str = "") -> Application:
    from flask import Flask, Response, request

    from linkmw_flask import LinkMW, Product

    app = Flask("product", static_folder=None)
    app.config["SECRET_KEY"] = "not a secret"

    def view(path: str, page: Page) -> Callable[..., Response]:
        def answer() -> Response:
            if request.method == "POST":
                return Response(received(request.get_data(), request.content_type or ""), content_type="text/plain")
            body: Any = page.chunks[0] if len(page.chunks) == 1 else iter(page.chunks)
            return Response(body, page.status, page.headers)

        return answer

    for number, (path, page) in enumerate((PAGES | {path: Page((b"",)) for path in ECHO}).items()):
        app.add_url_rule(path, str(number), view(path, page), methods=["GET", "POST"])
    if wrapped:
        product = Product(
            verify_password=lambda *_: None, find=lambda _: None, load=lambda _: None, session_key="account"
        )
        LinkMW(app, product, **linkmw_settings(mounted))
    return app


def starlette(wrapped: bool, mounted: str = "") -> Application:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.sessions import SessionMiddleware
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Route

    from linkmw_starlette import LinkMiddleware, Product

    def view(page: Page) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            if request.method == "POST":
                text = received(await request.body(), request.headers.get("content-type", ""))
                return Response(text, media_type="text/plain")
            if len(page.chunks) == 1:
                return Response(page.chunks[0], page.status, page.headers)
            return StreamingResponse(_awaited(page.chunks), page.status, page.headers)

        return answer

    async def state(request: Request) -> Response:
        return PlainTextResponse(request.state.opened)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, str]]:
        yield {"opened": "by lifespan"}

    routes = [Route(path, view(page), methods=["GET", "POST"]) for path, page in PAGES.items()]
    routes += [Route(path, view(Page((b"",))), methods=["GET", "POST"]) for path in ECHO]
    middleware = [Middleware(SessionMiddleware, secret_key="not a secret")]
    if wrapped:
        product = Product(
            verify_password=lambda *_: None, find=lambda _: None, load=lambda _: None, session_key="account"
        )
        middleware.append(Middleware(LinkMiddleware, product=product, settings=linkmw_settings(mounted)))
    return Starlette(routes=[*routes, Route("/state", state)], middleware=middleware, lifespan=lifespan)


async def _awaited(chunks: tuple[bytes, ...]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def django(kind: str, wrapped: bool, mounted: str = "") -> Application:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.houses.django_settings"
    import django
    from django.conf import settings

    django.setup()
    own = [name for name in settings.MIDDLEWARE if not name.startswith("linkmw_")]
    settings.MIDDLEWARE = [*own, *(["linkmw_django.LinkMiddleware"] if wrapped else [])]
    settings.LINKMW = linkmw_settings(mounted)
    if kind == "wsgi":
        from django.core.handlers.wsgi import WSGIHandler

        return WSGIHandler()
    from django.core.handlers.asgi import ASGIHandler

    return ASGIHandler()
