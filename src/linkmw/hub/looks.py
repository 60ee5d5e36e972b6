"""How the hub's pages look for a tenant and a product, and the files they need."""

from __future__ import annotations

from linkmw.errors import RequestRefused
from linkmw.http import Request, Response
from linkmw.hub.place import Place
from linkmw.hub.ports import Ports
from linkmw.hub.settings import HubSettings
from linkmw.pages.assets import Asset
from linkmw.pages.look import Dress, Look, dress

ASSETS = "/assets/"

# For pages that concern no tenant, or whose tenant cannot be asked for.
NEUTRAL = dress(owner="brand", assets_url=ASSETS, brand="Single sign-on", brand_primary="#48505c")


async def dress_of(ports: Ports, where: Place) -> Dress:
    """The brand's look, the product beside it. Computed once; asked for with each page, so a new logo shows at once."""
    tenant, client = where.tenant, where.client
    return dress(
        owner="brand",
        assets_url=ASSETS,
        brand=tenant.brand,
        product=client.name if client else "",
        brand_primary=tenant.primary,
        product_primary=client.primary if client else "",
        ground=tenant.ground,
        brand_logo=await ports.registry.logo(f"tenant:{tenant.organization_id}"),
        product_logo=await ports.registry.logo(f"client:{client.client_id}") if client else "",
        contact=tenant.contact,
        help_url=tenant.help_url,
        privacy_url=tenant.privacy_url,
    )


async def look_of(ports: Ports, where: Place) -> Look:
    return (await dress_of(ports, where)).look


async def asset(ports: Ports, _settings: HubSettings, _request: Request, name: str) -> Response:
    """GET /assets/{name}. Raises RequestRefused, 404, for a name that no page of ours says now."""
    found = NEUTRAL.assets.get(name) or await _of_some_tenant(ports, name)
    if found is None:
        raise RequestRefused("no such file", code="not_found", status=404)
    return found.response


async def _of_some_tenant(ports: Ports, name: str) -> Asset | None:
    """Whose it is, its name does not say: whichever tenant or product has a file of this very content."""
    for tenant in await ports.registry.tenants():
        clients = await ports.registry.clients_of(tenant.organization_id)
        for where in (Place(tenant), *(Place(tenant, client) for client in clients)):
            found = (await dress_of(ports, where)).assets.get(name)
            if found is not None:
                return found
    return None
