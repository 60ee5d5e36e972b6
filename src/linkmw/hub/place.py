"""Where a request is: its tenant, its product, the addresses of both, and an error that remembers them.

Who asks for no language of ours is answered in the tenant's, from here on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from linkmw import log
from linkmw.errors import LinkmwError, TenantNotEnabled
from linkmw.hub import rules
from linkmw.hub.ports import Flow, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Client, Tenant
from linkmw.pages import language


@dataclass(frozen=True, slots=True)
class Place:
    """A tenant, and the product that is concerned, if one is."""

    tenant: Tenant
    client: Client | None = None

    @property
    def product(self) -> Client:
        """The product. Raises TenantNotEnabled where none is concerned."""
        if self.client is None:
            raise TenantNotEnabled("no product is concerned here")
        return self.client


class Refused(Exception):
    """An error and whom it met: what the error page needs to wear the right brand and to offer a way on."""

    def __init__(self, error: LinkmwError, place: Place) -> None:
        super().__init__(str(error))
        self.error = error
        self.place = place


class NotLinkedYet(LinkmwError):
    """The account is proven, its product's session stands, and the link was not made (PR22, DF01).

    go_on: the address that leads back to the product. try_again: where it is tried again, "" for the sign-in.
    """

    code = "not_linked_yet"
    status = 200  # the person is signed in to the product, and the page says so

    def __init__(self, reason: Literal["away", "expired"], go_on: str, try_again: str = "") -> None:
        super().__init__(f"not linked: {reason}")
        self.reason = reason
        self.go_on = go_on
        self.try_again = try_again


@contextmanager
def concerning(place: Place) -> Iterator[None]:
    """Whatever is refused in here concerns `place`."""
    try:
        yield
    except LinkmwError as error:
        raise Refused(error, place) from error


async def of_tenant(ports: Ports, organization_id: str) -> Place:
    """An enabled tenant. Raises TenantNotEnabled."""
    tenant = await ports.registry.tenant(organization_id)
    if tenant is None or not tenant.enabled:
        raise TenantNotEnabled("no such tenant")
    language.fall_back_to(tenant.language)
    return Place(tenant)


async def of_client(ports: Ports, client_id: str) -> Place:
    """An enabled product of an enabled tenant. Raises TenantNotEnabled, the same for every reason (PR08)."""
    client = await ports.registry.client(client_id)
    tenant = await ports.registry.tenant(client.organization_id) if client else None
    if client is None or tenant is None or not rules.is_open(tenant, client):
        raise TenantNotEnabled("no such client")
    language.fall_back_to(tenant.language)
    return Place(tenant, client)


async def of_flow(ports: Ports, flow: Flow) -> Place:
    """Where `flow` leads; asked anew at each step, for a product may be switched off meanwhile (LT17)."""
    log.follow(flow.name)
    if not flow.client_id:
        return await of_tenant(ports, flow.organization_id)
    place = await of_client(ports, flow.client_id)
    if place.tenant.organization_id != flow.organization_id:
        raise TenantNotEnabled("the client changed its tenant")
    return place


def issuer(settings: HubSettings, client_id: str) -> str:
    """The client's own issuer (PR09)."""
    return f"{settings.public_url}/o/{client_id}"


def callback(settings: HubSettings, tenant: Tenant) -> str:
    """The one redirect URI of a tenant at Keycloak (protocol, section 6; FC10)."""
    return f"{settings.public_url}/t/{tenant.organization_id}/callback"


def manager(settings: HubSettings, tenant: Tenant) -> str:
    return settings.public_url + in_manager(tenant)


def in_manager(tenant: Tenant, page: str = "") -> str:
    """The path of a page of the tenant's manager, or of the manager itself."""
    return f"/t/{tenant.organization_id}/{page}"


def removal(tenant: Tenant, link_id: str) -> str:
    """The path of the manager's question whether that link is to go."""
    return in_manager(tenant, f"remove/{link_id}")


def at_gate(client: Client, route: str) -> str:
    """A page of the product's gate: next to its redirect URI, whatever prefix the product chose."""
    return client.redirect_uri.rpartition("/")[0] + "/" + route


def by_back_channel(client: Client, url: str) -> str:
    """`url` of the product as this machine reaches it: the same path at the internal URL, where there is one."""
    if not client.internal_url:
        return url
    return client.internal_url + url.removeprefix(client.public_url)


def host_by_back_channel(client: Client) -> dict[str, str]:
    """The Host header for a call to the internal URL: an application answers to its public name, often to no other."""
    return {"Host": urlsplit(client.public_url).netloc} if client.internal_url else {}


def is_closed(client: Client) -> bool:
    """Has the hub closed the product's own login (P-3)?"""
    return client.mode == "replace" and client.percent >= 100


def native_login(client: Client) -> str:
    """The product's own login page; "" while the hub has it closed: it would lead back here (P-3)."""
    return "" if is_closed(client) else client.login_url or client.public_url


def signed_out(settings: HubSettings, tenant: Tenant) -> str:
    """Where Keycloak sends browsers after a sign-out: the tenant's one post-logout redirect URI there."""
    return settings.public_url + in_manager(tenant, "signed-out")


def post_logout_redirect_uri(client: Client) -> str:
    """Where the client has browsers sent after a sign-out; "" when it has registered nothing."""
    return client.post_logout_redirect_uri if client.proof == "none" else at_gate(client, "signed-out")


def logout_uri(client: Client) -> str:
    """Where this machine hands in the client's logout tokens; "" when it takes none."""
    return client.logout_uri if client.proof == "none" else by_back_channel(client, at_gate(client, "logout"))
