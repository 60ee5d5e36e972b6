"""A product asks who this is: the hub's authorization endpoint, and which way a sign-in begins there."""

from __future__ import annotations

from linkmw.http import Request, Response
from linkmw.hub import provider
from linkmw.hub.browser import browser_or_new
from linkmw.hub.flows import first_sign_in, sign_in
from linkmw.hub.flows.flow import Wish
from linkmw.hub.place import concerning
from linkmw.hub.ports import Ports
from linkmw.hub.settings import HubSettings
from linkmw.oidc import authorize
from linkmw.whence import is_navigation


async def start(ports: Ports, settings: HubSettings, request: Request, client_id: str) -> Response:
    """GET /o/{client_id}/authorize: to Keycloak; in a product that has moved over, by way of who is known here."""
    if not is_navigation(request):
        return sign_in.NOTHING  # an image, a frame or a prefetch starts nothing (FC17)
    where = await provider.accept_client(ports, client_id)
    with concerning(where):
        try:
            asked = provider.read_request(request.query, where.product)
        except authorize.RedirectableError as error:
            state = request.query.get("state")  # read_request has found it fit to echo
            return provider.refuse(settings, where.product, state, error.error, error.description)
        if where.product.mode == "replace" and where.product.proof != "none":
            return await first_sign_in.start(ports, settings, request, where, asked)
        browser = browser_or_new(request, ports.token)
        return await sign_in.to_provider(ports, settings, browser, where, Wish("sign_in", asked))
