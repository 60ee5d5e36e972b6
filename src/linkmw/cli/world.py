"""The hub's whole world for one command: its settings, its ports and its SQL, closed afterwards."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import click

from linkmw.cli import configuration
from linkmw.hub.settings import HubSettings

if TYPE_CHECKING:
    from linkmw.hub.ports import KnownIdentity, Ports
    from linkmw.model import Tenant
    from linkmw.stores.sql import SqlStores

T = TypeVar("T")

PATIENCE_SECONDS = 30.0  # for Keycloak and products: nobody waits for a page


class World:
    """As a running hub has it. Redis, Keycloak and products are connected to when they are asked."""

    def __init__(self, settings: HubSettings, ports: Ports, sql: SqlStores) -> None:
        self.settings = settings
        self.ports = ports
        self.sql = sql

    async def tenants(self, organization_id: str | None) -> list[Tenant]:
        """The one named, or all. Raises UsageError for one that is not there."""
        found = await self.ports.registry.tenants()
        named = [one for one in found if organization_id in (None, one.organization_id)]
        if not named:
            raise click.UsageError(f"there is no tenant {organization_id}, or it is disabled")
        return named

    async def known_by(self, address: str, tenants: list[Tenant]) -> list[KnownIdentity]:
        """Who has this e-mail address at the tenants' Keycloak. Raises Unavailable."""
        found = [one for tenant in tenants for one in await self.ports.identities.of_address(tenant, address)]
        having = [one for one in found if one.email.casefold() == address.casefold()]
        return list({one.identity: one for one in having}.values())


def run(work: Callable[[World], Awaitable[T]]) -> T:
    """What `work` answers. Raises SettingsError, Unavailable."""
    return asyncio.run(_run(work))


async def _run(work: Callable[[World], Awaitable[T]]) -> T:
    from linkmw.hub.build import Connections, ports_of

    settings = replace(configuration.settings(), http_timeout=PATIENCE_SECONDS)
    connections = Connections.open(settings)
    try:
        return await work(World(settings, ports_of(settings, connections), connections.sql))
    finally:
        await connections.close()


def actor(command: str) -> str:
    """Who does it, for the trail: the command, and the user of this machine that ran it."""
    return f"{command} by {os.environ.get('SUDO_USER') or getpass.getuser()}"
