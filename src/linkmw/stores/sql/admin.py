"""What operators do to the hub's database: set it up, register tenants and products. Blocking, for the command line."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from linkmw.errors import RegistrationRefused
from linkmw.hub.registration import check_client, check_logo, check_moving, check_tenant
from linkmw.model import Client, Secret, Tenant
from linkmw.signed import Seal
from linkmw.stores.sql import keys, schema, version
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.registry import LIVE_SECRETS, read_client, read_tenant, secret_hash, secret_purpose


class Admin:
    """Changes are seen by running hubs within a second."""

    def __init__(self, database: Database, seal: Seal, now: Callable[[], int]) -> None:
        self._database = database
        self._seal = seal
        self._now = now

    def prepare(self) -> list[str]:
        """The schema is the newest and every key there; the names of what had to be made. Repeatable."""
        upgraded = ["tables"] if version.upgrade(self._database) else []
        made = self._database.write_now(lambda connection: keys.make_missing(connection, self._seal, self._now()))
        return upgraded + made

    def add_tenant(self, tenant: Tenant, logo_svg: str = "") -> None:
        """Register the tenant. Raises RegistrationRefused, also when its id is taken."""
        check_tenant(tenant)
        check_logo(logo_svg)
        sealed = self._seal.close(tenant.keycloak_client_secret.encode(), secret_purpose(tenant.organization_id))
        row = {**asdict(tenant), "keycloak_client_secret": sealed, "logo_svg": logo_svg}
        try:
            self._database.write_now(lambda connection: connection.execute(insert(schema.tenants).values(row)))
        except IntegrityError:
            raise RegistrationRefused(f"the tenant {tenant.organization_id} exists already") from None

    def change_tenant(self, organization_id: str, **changes: Any) -> Tenant:
        """The tenant with these fields changed: `language`, `fresh_sign_in`, `help_url`, `privacy_url` and their like.

        Raises RegistrationRefused for one that is not there, or could not be registered so.
        """
        known = next((tenant for tenant in self.tenants() if tenant.organization_id == organization_id), None)
        if known is None:
            raise RegistrationRefused(f"there is no tenant {organization_id}")
        changed = replace(known, **changes)
        check_tenant(changed)
        row = update(schema.tenants).where(schema.tenants.c.organization_id == organization_id).values(changes)
        self._database.write_now(lambda connection: connection.execute(row))
        return changed

    def set_keycloak_secret(self, organization_id: str, secret: Secret) -> None:
        """The hub's client secret at the tenant's Keycloak from now on. Raises RegistrationRefused."""
        sealed = self._seal.close(secret.encode(), secret_purpose(organization_id))
        changed = update(schema.tenants).where(schema.tenants.c.organization_id == organization_id)
        found = self._database.write_now(
            lambda connection: connection.execute(changed.values(keycloak_client_secret=sealed)).rowcount
        )
        if not found:
            raise RegistrationRefused(f"there is no tenant {organization_id}")

    def add_client(self, client: Client, hub_url: str, logo_svg: str = "") -> Secret:
        """Register the product; its client secret, which nobody can ask for again. Raises RegistrationRefused."""
        check_client(client, hub_url)
        check_logo(logo_svg)
        secret = _new_secret()

        def add(connection: Connection) -> None:
            connection.execute(insert(schema.clients).values({**asdict(client), "logo_svg": logo_svg}))
            _add_secret(connection, client.client_id, secret, self._now())

        try:
            self._database.write_now(add)
        except IntegrityError:
            problem = f"there is no tenant {client.organization_id}, or a client {client.client_id} exists already"
            raise RegistrationRefused(problem) from None
        return secret

    def change_client(self, client_id: str, **changes: Any) -> Client:
        """The product with these fields changed: `mode`, `percent`. Raises RegistrationRefused."""
        known = next((client for client in self.clients() if client.client_id == client_id), None)
        if known is None:
            raise RegistrationRefused(f"there is no client {client_id}")
        changed = replace(known, **changes)
        check_moving(changed)
        row = update(schema.clients).where(schema.clients.c.client_id == client_id).values(changes)
        self._database.write_now(lambda connection: connection.execute(row))
        return changed

    def add_secret(self, client_id: str) -> Secret:
        """A new client secret. With the one before it two are live; any older ends now."""
        secret = _new_secret()
        self._database.write_now(lambda connection: _add_secret(connection, client_id, secret, self._now()))
        return secret

    def tenants(self) -> list[Tenant]:
        """All tenants, disabled ones too."""
        query = select(schema.tenants).order_by(schema.tenants.c.organization_id)
        rows = self._database.read_now(lambda connection: connection.execute(query).mappings().all())
        return [read_tenant(row, self._seal) for row in rows]

    def clients(self) -> list[Client]:
        """All products, disabled ones too, by tenant and name."""
        table = schema.clients
        query = select(table).order_by(table.c.organization_id, table.c.name, table.c.client_id)
        rows = self._database.read_now(lambda connection: connection.execute(query).mappings().all())
        return [read_client(row) for row in rows]


def _new_secret() -> Secret:
    return Secret(secrets.token_urlsafe(32))  # 256 random bits


def _add_secret(connection: Connection, client_id: str, secret: Secret, now: int) -> None:
    table = schema.client_secrets
    connection.execute(insert(table).values(client_id=client_id, secret_hash=secret_hash(secret), created=now))
    mine = table.c.client_id == client_id
    live = select(table.c.secret_id).where(mine).order_by(table.c.secret_id.desc()).limit(LIVE_SECRETS)
    kept = list(connection.execute(live).scalars())
    older = update(table).where(mine, table.c.secret_id.not_in(kept), table.c.expires.is_(None))
    connection.execute(older.values(expires=now))
