"""linkmw in a Starlette application with SessionMiddleware's cookie; users in SQLite."""

from bench.peers.users import by_id, by_name
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from linkmw_starlette import LinkMiddleware, Product


async def me(request):
    return JSONResponse({"user": found} if (found := request.session.get("user_id")) else {})


async def done(_request):
    return PlainTextResponse("done")


product = Product(verify_password=lambda _name, _password: None, load=by_id, find=by_name, session_key="user_id")
app = Starlette(
    routes=[Route("/me", me), Route("/done", done), Route("/login", done)],
    middleware=[Middleware(SessionMiddleware, secret_key="x" * 32), Middleware(LinkMiddleware, product=product)],
)
