"""A page of our own with the button: for a login page that can't carry it, or before every one by choice (XS09)."""

from __future__ import annotations

from linkmw.errors import Unavailable
from linkmw.gate import answers, native_login, places
from linkmw.gate.browser import cookie_name
from linkmw.gate.ports import Ports
from linkmw.http import Request, Response, page, redirect, set_cookie, with_query
from linkmw.pages import screens
from linkmw.settings import Settings
from linkmw.switch import effective


async def show(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET sign-in: the button and the native login; only the one of them that leads anywhere. Raises Unavailable."""
    state = await ports.hub.state()
    if not state.healthy:
        raise Unavailable("the hub says that a part of it is away")
    if effective(settings.mode, state.mode, healthy=True, percent=state.percent) == "off":
        return redirect(places.native_login(settings))
    await ports.ping()
    following = places.following(request)
    url = places.ours(settings, "login", **following)
    own = await native_login.url(ports, settings, request)
    if not own:
        return redirect(url)
    if settings.button == "interstitial":
        own = places.ours(settings, "native", **following)
    look = answers.dressed(settings, state.branding).look
    return page(screens.sign_in(look=look, url=url, native_login=own))


async def go_native(ports: Ports, settings: Settings, request: Request) -> Response:
    """GET native: the product's own login, which this browser is shown as it is while a sign-in may take.

    A cookie says so, for products lead back to their login page when a password was wrong.
    """
    own = await native_login.url(ports, settings, request)
    if not own:
        return redirect(places.ours(settings, "login", **places.following(request)))
    following = places.following(request)
    chosen = set_cookie(_chosen(settings), "1", seconds=settings.sign_in_seconds)
    return redirect(with_query(own, **following) if following else own, [chosen])


async def is_past(ports: Ports, settings: Settings, request: Request) -> bool:
    """Does this page stand before the login pages, and is it behind this browser: chosen from, or signed in already?"""
    if settings.button != "interstitial":
        return False
    if request.cookie(_chosen(settings)) is not None:
        return True
    return await ports.call(ports.product.current_account, request) is not None


def _chosen(settings: Settings) -> str:
    return f"{cookie_name(settings.client_id)}-native"
