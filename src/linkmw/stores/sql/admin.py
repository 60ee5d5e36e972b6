"""What operators do to the hub's database: set it up, register tenants and products. Blocking, for the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, TypeVar

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from linkmw.errors import RegistrationRefused
from linkmw.hub.ports import AuditEvent, Event
from linkmw.hub.registration import check_client, check_logo, check_moving, check_tenant
from linkmw.model import Client, Tenant
from linkmw.secret import Secret
from linkmw.signed import Seal
from linkmw.stores.sql import audit as trail
from linkmw.stores.sql import client_secrets, keys, schema, version
from linkmw.stores.sql.applied import Applier
from linkmw.stores.sql.client_secrets import LiveSecret
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.keys import SigningKey
from linkmw.stores.sql.registry import read_client, read_tenant, secret_purpose

T = TypeVar("T")

# Who did it, in the trail: the command that was typed.
TENANT_SET, TENANT_SECRET, PRODUCT_SET = "linkmw hub tenant set", "linkmw hub tenant secret", "linkmw hub product set"


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

    def add_tenant(self, tenant: Tenant, logo_svg: str = "", *, actor: str = "") -> None:
        """Register the tenant. actor: the command, for the trail; without one nothing is written there.

        Raises RegistrationRefused, also when its id is taken.
        """
        check_tenant(tenant)
        check_logo(logo_svg)
        sealed = self._seal.close(tenant.keycloak_client_secret.encode(), secret_purpose(tenant.organization_id))
        row = insert(schema.tenants).values({**asdict(tenant), "keycloak_client_secret": sealed, "logo_svg": logo_svg})
        told = {"organization_id": tenant.organization_id, "actor": actor}
        try:
            self._told(
                AuditEvent("tenant_added", "ok", self._now(), **told), lambda connection: connection.execute(row)
            )
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
        event = AuditEvent("tenant_changed", "ok", self._now(), organization_id=organization_id, actor=TENANT_SET)
        self._told(event, lambda connection: connection.execute(row))
        return changed

    def set_keycloak_secret(self, organization_id: str, secret: Secret) -> None:
        """The hub's client secret at the tenant's Keycloak from now on. Raises RegistrationRefused."""
        sealed = self._seal.close(secret.encode(), secret_purpose(organization_id))
        changed = update(schema.tenants).where(schema.tenants.c.organization_id == organization_id)

        def change(connection: Connection) -> None:
            if not connection.execute(changed.values(keycloak_client_secret=sealed)).rowcount:
                raise RegistrationRefused(f"there is no tenant {organization_id}")

        told = {"organization_id": organization_id, "actor": TENANT_SECRET}
        self._told(AuditEvent("tenant_changed", "ok", self._now(), **told), change)

    def add_client(self, client: Client, hub_url: str, logo_svg: str = "", *, actor: str = "") -> Secret:
        """Register the product; its client secret, which nobody can ask for again. actor: as for `add_tenant`.

        Raises RegistrationRefused.
        """
        check_client(client, hub_url)
        check_logo(logo_svg)
        secret = client_secrets.new_secret()

        def add(connection: Connection) -> None:
            connection.execute(insert(schema.clients).values({**asdict(client), "logo_svg": logo_svg}))
            client_secrets.add(connection, client.client_id, secret, self._now())

        told = {"organization_id": client.organization_id, "client_id": client.client_id, "actor": actor}
        try:
            self._told(AuditEvent("product_added", "ok", self._now(), **told), add)
        except IntegrityError:
            problem = f"there is no tenant {client.organization_id}, or a client {client.client_id} exists already"
            raise RegistrationRefused(problem) from None
        return secret

    def change_client(self, client_id: str, **changes: Any) -> Client:
        """The product with these fields changed: `mode`, `percent` and their like. Raises RegistrationRefused."""
        changed = replace(self._client(client_id), **changes)
        check_moving(changed)
        row = update(schema.clients).where(schema.clients.c.client_id == client_id).values(changes)
        told = {"organization_id": changed.organization_id, "client_id": client_id, "actor": PRODUCT_SET}
        self._told(AuditEvent("product_changed", "ok", self._now(), **told), lambda connection: connection.execute(row))
        return changed

    def applier(self, hub_url: str, *, prune: bool) -> Applier:
        """What makes tenants and products as a file declares them."""
        return Applier(self._database, self._seal, self._now, hub_url, prune)

    def add_secret(self, client_id: str, overlap: int | None = None) -> Secret:
        """A new client secret. With the one before it two are live, that one for `overlap` more seconds; any older ends
        now. Raises RegistrationRefused."""
        return self._told(
            self._of_secret("secret_rotated", client_id),
            lambda connection: client_secrets.rotate(connection, client_id, self._now(), overlap),
        )

    def retire_secrets(self, client_id: str) -> int:
        """All client secrets but the newest end now; how many that were. Raises RegistrationRefused."""
        return self._told(
            self._of_secret("secret_retired", client_id),
            lambda connection: client_secrets.retire(connection, client_id, self._now()),
        )

    def _of_secret(self, event: Event, client_id: str) -> AuditEvent:
        told = {"organization_id": self._client(client_id).organization_id, "client_id": client_id}
        return AuditEvent(event, "ok", self._now(), **told, actor="linkmw hub product")

    def _client(self, client_id: str) -> Client:
        """Raises RegistrationRefused."""
        known = next((client for client in self.clients() if client.client_id == client_id), None)
        if known is None:
            raise RegistrationRefused(f"there is no client {client_id}")
        return known

    def live_secrets(self, client_id: str) -> list[LiveSecret]:
        """Which secrets open now, the newest first; never what they are."""
        return self._database.read_now(lambda connection: client_secrets.live(connection, client_id, self._now()))

    def links_of(self, client_id: str) -> int:
        """How many accounts of the product are linked."""
        query = select(func.count()).select_from(schema.links).where(schema.links.c.client_id == client_id)
        return int(self._database.read_now(lambda connection: connection.execute(query).scalar_one()))

    def signing_keys(self) -> list[SigningKey]:
        """Every key that is published now, by algorithm, the newest first."""
        return self._database.read_now(lambda connection: keys.published(connection, self._now()))

    def rotate_key(self, algorithm: str, lead: int) -> SigningKey:
        """A new key: published now, signing in `lead` seconds; the one before it goes a while after that."""
        return self._told(
            AuditEvent("key_rotated", "ok", self._now(), actor="linkmw hub keys"),
            lambda connection: keys.rotate(connection, self._seal, algorithm, self._now(), lead),
        )

    def retire_key(self, kid: str) -> SigningKey | None:
        """The key is published no more, from now on; the next one of its algorithm, if that signs earlier for it.

        Raises RegistrationRefused for one that is not there, or has none to follow it.
        """
        return self._told(
            AuditEvent("key_retired", "ok", self._now(), actor="linkmw hub keys"),
            lambda connection: keys.retire(connection, kid, self._now()),
        )

    def _told(self, event: AuditEvent, work: Callable[[Connection], T]) -> T:
        """`work`, with its line of the trail if somebody did it, in one transaction."""

        def write(connection: Connection) -> T:
            done = work(connection)
            if event.actor:
                trail.record(connection, event)
            return done

        done = self._database.write_now(write)
        if event.actor:
            trail.announce(event)
        return done

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
