"""Wiki: a Starlette application with its user's id in SessionMiddleware's cookie. ASGI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyotp
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from linkmw import redirects
from linkmw.demo.products import accounts, serve
from linkmw.demo.products.accounts import Member
from linkmw.demo.products.people import people_of

LOGIN_PATH = "/login"
HERE = Path(__file__).parent
PAGES = (
    ("How we name machines", "After people, and never after two of the same name."),
    ("What to do when the engine jams", "Turn it back by one tooth, and write down the number."),
    ("Style", "Short sentences. Say who does what."),
)

templates = Jinja2Templates(directory=HERE / "templates" / "wiki")
templates.env.globals["product"] = serve.name("Wiki")


async def load(account_id: str) -> Member | None:
    return await run_in_threadpool(accounts.by_id, account_id)


def joining(email: str) -> list[tuple[Member, bool, int | None]]:
    return [(member, accounts.may_join(member), member.last_used) for member in accounts.by_email(email)]


async def signed_in(request: Request) -> Member | None:
    found = request.session.get("member")
    return None if found is None else await load(str(found))


def page(request: Request, name: str, status: int = 200, **words: Any) -> Response:
    return templates.TemplateResponse(request, f"{name}.html", words, status_code=status)


async def start(request: Request) -> Response:
    return page(request, "start", member=await signed_in(request))


async def pages(request: Request) -> Response:
    member = await signed_in(request)
    if member is None:
        return RedirectResponse(f"{LOGIN_PATH}?next=/pages", 303)
    return page(request, "pages", member=member, pages=PAGES)


async def login(request: Request) -> Response:
    if request.method == "GET":
        return page(request, "login", target=redirects.judge(request.query_params.get("next", "/")))
    form = await request.form()
    username, password = str(form.get("username", "")), str(form.get("password", ""))
    target = redirects.judge(str(form.get("next", "/")))
    member = await run_in_threadpool(accounts.check, username, password)
    if member is None:
        return page(request, "login", 401, target=target, wrong=True, username=username)
    if member.totp_secret:
        request.session["pending"] = [member.id, target]
        return RedirectResponse("/login/code", 303)
    return await _enter(request, member, target)


async def code(request: Request) -> Response:
    """The second step: the code of an authenticator app."""
    member_id, target = request.session.get("pending", (None, "/"))
    member = await load(str(member_id))
    if member is None:
        return RedirectResponse(LOGIN_PATH, 303)
    if request.method == "GET":
        return page(request, "code")
    typed = str((await request.form()).get("code", "")).replace(" ", "")
    if not pyotp.TOTP(member.totp_secret).verify(typed, valid_window=1):
        return page(request, "code", 401, wrong=True)
    return await _enter(request, member, target)


async def _enter(request: Request, member: Member, target: str) -> Response:
    await run_in_threadpool(accounts.note_sign_in, member.id)
    request.session.clear()
    request.session["member"] = member.id
    return RedirectResponse(target, 303)


async def logout(request: Request) -> Response:
    request.session.clear()
    return RedirectResponse("/", 303)


async def forgot(request: Request) -> Response:
    return page(request, "forgot", sent=request.method == "POST")


async def two_factor_help(request: Request) -> Response:
    return page(request, "two_factor_help")


ROUTES = [
    Route("/", start),
    Route("/pages", pages),
    Route(LOGIN_PATH, login, methods=["GET", "POST"]),
    Route("/login/code", code, methods=["GET", "POST"]),
    Route("/logout", logout, methods=["POST"]),
    Route("/forgot", forgot, methods=["GET", "POST"]),
    Route("/help/two-factor", two_factor_help),
    Mount("/static", StaticFiles(directory=HERE / "static" / "wiki")),
]


def create_app(*more: Middleware) -> Starlette:
    """Wiki as it is without linkmw; `more` middleware stands behind the session's."""
    session = Middleware(
        SessionMiddleware,
        secret_key=serve.secret(),
        session_cookie="wiki_session",
        same_site=serve.same_site(),
    )
    return Starlette(routes=ROUTES, middleware=[session, *more])


def linkmw() -> Middleware:
    """What adding linkmw to Wiki comes to."""
    from linkmw_starlette import LinkMiddleware, Product

    return Middleware(
        LinkMiddleware,
        product=Product(
            verify_password=accounts.check,
            load=load,
            find=accounts.by_name,
            totp_secret=lambda member: member.totp_secret or None,
            joining=joining,
            owns_password=lambda _member: True,
            is_staff=lambda _member: False,
            session_key="member",
        ),
        settings={
            "login_paths": LOGIN_PATH,
            "forgot_password": "/forgot",
            "second_factor_help": "/help/two-factor",
        },
    )


def prepare() -> None:
    accounts.prepare(people_of("wiki"))


unwrapped = create_app()
asgi_application = create_app(linkmw()) if serve.wrapped() else unwrapped

if __name__ == "__main__":
    serve.main("linkmw.demo.products.wiki", ("asgi",), prepare)
