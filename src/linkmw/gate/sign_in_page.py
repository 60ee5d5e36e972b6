"""A page of our own with the button, for a product whose login page can't carry it (XS09)."""

from __future__ import annotations

from linkmw import redirects
from linkmw.errors import Unavailable
from linkmw.gate import answers, native_login, places
from linkmw.gate.ports import Ports
from linkmw.http import Request, Response, page, redirect
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
    then = redirects.judge(request.query.get("next"), default="")
    url = places.ours(settings, "login", **({"next": then} if then else {}))
    own = await native_login.url(ports, settings, request)
    if not own:
        return redirect(url)
    look = answers.dressed(settings, state.branding).look
    return page(screens.sign_in(look=look, url=url, native_login=own))
