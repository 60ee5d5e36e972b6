"""Authlib on Starlette. STORE: the session is in a signed cookie, or in Redis by starsessions.

TUNED: one SSL context for all of its clients. As documented there is a new one for each call, which loads every
certificate authority anew, also for http://.
"""

import os
import ssl

import redis.asyncio
from authlib.integrations.starlette_client import OAuth
from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route
from starsessions import SessionAutoloadMiddleware
from starsessions import SessionMiddleware as StarSessions
from starsessions.stores.redis import RedisStore

tuned = {"verify": ssl.create_default_context()} if os.environ.get("TUNED") else {}
oauth = OAuth()
oauth.register(
    "op",
    client_id="bench",
    client_secret="secret",
    server_metadata_url=os.environ["ISSUER"] + "/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256", **tuned},
)


async def login(request):
    return await oauth.op.authorize_redirect(request, os.environ["URL"] + "/callback")


async def callback(request):
    token = await oauth.op.authorize_access_token(request)
    request.session["user"] = {name: token["userinfo"][name] for name in ("sub", "email", "name")}
    return RedirectResponse("/done", 302)


async def me(request):
    return JSONResponse(request.session.get("user"))


app = Starlette(routes=[Route("/login", login), Route("/callback", callback), Route("/me", me)])
if os.environ["STORE"] == "redis":
    store = RedisStore(connection=redis.asyncio.Redis.from_url(os.environ["REDIS"]))
    app = StarSessions(SessionAutoloadMiddleware(app), store=store, lifetime=3600, cookie_https_only=False)
else:
    app = SessionMiddleware(app, secret_key="x" * 32)
