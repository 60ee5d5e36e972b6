"""Which client calls: HTTP Basic on every back-channel request (protocol, section 3)."""

from __future__ import annotations

from linkmw.errors import RequestRefused, TenantNotEnabled
from linkmw.http import Request
from linkmw.hub import place
from linkmw.hub.place import Place
from linkmw.hub.ports import Ports
from linkmw.oidc.client_auth import read_basic


def _refused() -> RequestRefused:
    return RequestRefused("no such client, or not its secret", code="invalid_client", status=401)


async def authenticate(ports: Ports, request: Request, client_id: str | None = None) -> Place:
    """The client that calls; `client_id`, where given, is the only one welcome.

    Raises RequestRefused(code="invalid_client", 401), the same for every reason (BC01).
    """
    credentials = read_basic(request.headers.get("authorization", ""))
    # The secret is compared first, for unknown clients too, so that time tells nothing about which ids exist.
    if not await ports.registry.check_secret(credentials.client_id, credentials.secret, ports.now()):
        raise _refused()
    if client_id is not None and client_id != credentials.client_id:
        raise _refused()
    try:
        return await place.of_client(ports, credentials.client_id)
    except TenantNotEnabled:
        raise _refused() from None
