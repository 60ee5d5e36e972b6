"""Starlette that greets whom its session names; with linkmw where it is told of a Redis for that.

SESSION: "cookie", that of SessionMiddleware; "free", one that is simply there.
"""

import os

from bench.signed_in import greeting, with_session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from linkmw_starlette import LinkMiddleware, Product


async def hello(request):
    return PlainTextResponse(greeting(request.session))


session = {"cookie": Middleware(SessionMiddleware, secret_key="k" * 32), "free": Middleware(with_session)}
product = Product(session_key="user", load=lambda account_id: {"id": account_id, "username": "ada"})
linked = [Middleware(LinkMiddleware, product=product)] if "LINKMW_REDIS_URL" in os.environ else []
app = Starlette(routes=[Route("/orders/17", hello)], middleware=[session[os.environ["SESSION"]], *linked])
