"""Reports: a Starlette application whose OpenID Connect client is Authlib's. `python -m` of it serves it."""

from __future__ import annotations

import os
from typing import Any

import uvicorn
from authlib.integrations.starlette_client import OAuth, OAuthError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from tests.e2e.standard_clients import (
    CALLBACK,
    SIGNED_OUT,
    documented,
    front_page,
    listening_port,
    login_page,
    resolve_localhost,
)

NAME = "Reports"
USERS = {"7": "rita"}


def _code() -> dict[str, Any]:
    """What the page says, as it stands; without PKCE and with the scope that the test asks for, if it does."""
    code = documented("authlib")
    if os.environ.get("PKCE") == "no":
        code = code.replace(', "code_challenge_method": "S256"', "")
    if scope := os.environ.get("SCOPE"):
        code = code.replace('"scope": "openid"', f'"scope": "{scope}"')
    names: dict[str, Any] = {
        "os": os,
        "OAuth": OAuth,
        "OAuthError": OAuthError,
        "RedirectResponse": RedirectResponse,
    }
    exec(code, names)
    _keep_what_was_said(names["hub"])
    return names


def _keep_what_was_said(hub: Any) -> None:
    """For the test to look at: the ID token, its claims as Authlib verified them, and userinfo."""
    authorize_access_token = hub.authorize_access_token

    async def kept(request: Request, **more: Any) -> Any:
        token = await authorize_access_token(request, **more)
        request.session["claims"] = dict(token["userinfo"])
        request.session["userinfo"] = dict(await hub.userinfo(token=token))
        return token

    hub.authorize_access_token = kept


async def front(request: Request) -> Response:
    user = USERS.get(request.session.get("user_id", ""))
    return HTMLResponse(front_page(NAME, user or "", "/sign-out", "get"))


async def said(request: Request) -> Response:
    return JSONResponse({name: request.session.get(name, {}) for name in ("claims", "userinfo")})


async def login(request: Request) -> Response:
    return HTMLResponse(login_page(NAME, "/sign-in", request.url.query))


def build() -> Starlette:
    code = _code()

    async def signed_out(request: Request) -> Response:
        """Back from the hub, with the state that Authlib gave to this browser."""
        await code["hub"].validate_logout_response(request)
        return HTMLResponse(f"<h1>You are signed out of {NAME}</h1>")

    routes = [
        Route("/", front),
        Route("/said", said),
        Route("/login", login),
        Route("/login/", login),
        Route("/sign-in", code["sign_in"]),
        Route(CALLBACK, code["callback"]),
        Route("/sign-out", code["sign_out"]),
        Route(SIGNED_OUT, signed_out),
    ]
    return Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, secret_key="s" * 32)])


if __name__ == "__main__":
    resolve_localhost()
    uvicorn.run(build(), host="127.0.0.1", port=listening_port(), access_log=False, log_level="warning")
