"""Tenants and products, read from SQL and kept for a second."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, or_, select

from linkmw.model import Client, Tenant
from linkmw.secret import Secret
from linkmw.signed import Seal
from linkmw.stores.sql import schema
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.recent import Recent
from linkmw.stores.sql.values import fits

LIVE_SECRETS = 2  # of one client, at one time
_NO_HASH = "0" * 64


def secret_hash(secret: str) -> str:
    """SHA-256 (hex). Enough, and fast, because the secret is 256 random bits and nothing a person chose."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def secret_purpose(organization_id: str) -> str:
    """What a tenant's Keycloak client secret is sealed for."""
    return f"tenants:{organization_id}:keycloak_client_secret"


def read_tenant(row: RowMapping, seal: Seal) -> Tenant:
    """A row of `tenants` as a value. Raises Unopenable."""
    values: dict[str, Any] = {name: value for name, value in row.items() if name != "logo_svg"}
    sealed = values["keycloak_client_secret"]
    opened = seal.open(sealed, secret_purpose(row["organization_id"])).decode()
    return Tenant(**{**values, "keycloak_client_secret": Secret(opened)})


def read_client(row: RowMapping) -> Client:
    """A row of `clients` as a value."""
    return Client(**{name: value for name, value in row.items() if name != "logo_svg"})


def live_clients() -> Select[Any]:
    """Clients that are enabled, of tenants that are."""
    clients, tenants = schema.clients, schema.tenants
    both = clients.join(tenants, clients.c.organization_id == tenants.c.organization_id)
    return select(clients).select_from(both).where(clients.c.enabled, tenants.c.enabled)


def _live_hashes(connection: Connection, client_id: str, now: int) -> list[str]:
    kept = schema.client_secrets
    alive = (
        live_clients().with_only_columns(kept.c.secret_hash).join(kept, kept.c.client_id == schema.clients.c.client_id)
    )
    mine = alive.where(kept.c.client_id == client_id, or_(kept.c.expires.is_(None), kept.c.expires > now))
    return list(connection.execute(mine.order_by(kept.c.secret_id.desc()).limit(LIVE_SECRETS)).scalars())


class SqlRegistry:
    """Implements hub.ports.Registry. A disabled tenant, like a disabled client, is an unknown one."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal
        self._all: Recent[list[Tenant]] = Recent()
        self._tenants: Recent[Tenant | None] = Recent()
        self._clients: Recent[Client | None] = Recent()
        self._clients_of: Recent[list[Client]] = Recent()
        self._hashes: Recent[list[str]] = Recent()
        self._logos: Recent[str] = Recent()

    async def _rows(self, query: Select[Any]) -> list[RowMapping]:
        return await self._database.read(lambda connection: list(connection.execute(query).mappings()))

    async def tenants(self) -> list[Tenant]:
        return await self._all.get("", lambda: self._read_tenants(schema.tenants.c.organization_id != ""))

    async def tenant(self, organization_id: str) -> Tenant | None:
        async def load() -> Tenant | None:
            found = await self._read_tenants(schema.tenants.c.organization_id == organization_id)
            return found[0] if found else None

        return await self._tenants.get(organization_id, load) if fits(organization_id, schema.ID) else None

    async def _read_tenants(self, condition: Any) -> list[Tenant]:
        table = schema.tenants
        rows = await self._rows(select(table).where(condition, table.c.enabled).order_by(table.c.organization_id))
        return [read_tenant(row, self._seal) for row in rows]

    async def client(self, client_id: str) -> Client | None:
        async def load() -> Client | None:
            rows = await self._rows(live_clients().where(schema.clients.c.client_id == client_id))
            return read_client(rows[0]) if rows else None

        return await self._clients.get(client_id, load) if fits(client_id, schema.ID) else None

    async def clients_of(self, organization_id: str) -> list[Client]:
        async def load() -> list[Client]:
            table = schema.clients
            mine = live_clients().where(table.c.organization_id == organization_id)
            return [read_client(row) for row in await self._rows(mine.order_by(table.c.name, table.c.client_id))]

        return await self._clients_of.get(organization_id, load) if fits(organization_id, schema.ID) else []

    async def check_secret(self, client_id: str, secret: str, now: int) -> bool:
        """Always one hash and two comparisons, over all their length: time tells neither secret nor client."""

        async def load() -> list[str]:
            return await self._database.read(lambda connection: _live_hashes(connection, client_id, now))

        hashes = await self._hashes.get(client_id, load) if fits(client_id, schema.ID) else []
        given = secret_hash(secret)
        newest, older = (*hashes, _NO_HASH, _NO_HASH)[:LIVE_SECRETS]
        # `|` and not `or`: the second is compared whatever the first said.
        return hmac.compare_digest(given, newest) | hmac.compare_digest(given, older)

    async def logo(self, owner: str) -> str:
        kind, _, key = owner.partition(":")
        tables = {"tenant": schema.tenants, "client": schema.clients}
        if kind not in tables or not fits(key, schema.ID):
            return ""
        table = tables[kind]
        query = select(table.c.logo_svg).where(table.primary_key.columns[0] == key)

        async def load() -> str:
            rows = await self._rows(query)
            return str(rows[0]["logo_svg"]) if rows else ""

        return await self._logos.get(owner, load)
