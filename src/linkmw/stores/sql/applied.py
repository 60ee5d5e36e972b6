"""A declaration applied: tenants and products as a file says, in one transaction with the trail of it (OPS-4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, insert, select, text, update

from linkmw.hub.declared import Change, Declared, Kind, Known, Sign, plan
from linkmw.hub.ports import AuditEvent, Event
from linkmw.model import Client, Tenant
from linkmw.secret import Secret
from linkmw.signed import Seal
from linkmw.stores.sql import audit as trail
from linkmw.stores.sql import client_secrets, schema
from linkmw.stores.sql.engine import Database
from linkmw.stores.sql.registry import read_client, read_tenant, secret_purpose

ACTOR = "linkmw hub apply"

Deliver = Callable[[Client, Secret], None]  # hands a new product's secret on, before the commit; may raise

_EVENTS: Mapping[tuple[Kind, Sign], Event] = {
    ("tenant", "+"): "tenant_added",
    ("tenant", "~"): "tenant_changed",
    ("tenant", "-"): "tenant_disabled",
    ("product", "+"): "product_added",
    ("product", "~"): "product_changed",
    ("product", "-"): "product_disabled",
}


@dataclass(frozen=True, slots=True)
class Applier:
    """prune: what is not in the file is disabled."""

    database: Database
    seal: Seal
    now: Callable[[], int]
    hub_url: str
    prune: bool = False

    def foresee(self, declared: Declared) -> list[Change]:
        """What would change; nothing does. Raises RegistrationRefused."""
        return self.database.read_now(lambda connection: self._plan(connection, declared))

    def apply(self, declared: Declared, deliver: Deliver) -> list[Change]:
        """Everything is as declared, or nothing has changed. Raises RegistrationRefused, and what `deliver` raises."""

        def write(connection: Connection) -> tuple[list[Change], list[AuditEvent]]:
            if (
                connection.dialect.name == "postgresql"
            ):  # two of us at once: the second compares with what the first did
                connection.execute(text("LOCK TABLE tenants, clients IN SHARE ROW EXCLUSIVE MODE"))
            changes = self._plan(connection, declared)
            events = [self._event(change) for change in changes]
            for change, event in zip(changes, events, strict=True):
                self._write(connection, change, deliver)
                trail.record(connection, event)
            return changes, events

        changes, events = self.database.write_now(write)
        for event in events:
            trail.announce(event)
        return changes

    def _plan(self, connection: Connection, declared: Declared) -> list[Change]:
        return plan(declared, self._known(connection), self.hub_url, prune=self.prune)

    def _known(self, connection: Connection) -> Known:
        tenants = connection.execute(select(schema.tenants).order_by(schema.tenants.c.organization_id)).mappings()
        clients = connection.execute(select(schema.clients).order_by(schema.clients.c.client_id)).mappings()
        return Known(
            {row["organization_id"]: (read_tenant(row, self.seal), row["logo_svg"]) for row in tenants},
            {row["client_id"]: (read_client(row), row["logo_svg"]) for row in clients},
        )

    def _write(self, connection: Connection, change: Change, deliver: Deliver) -> None:
        value, row = change.value, {**asdict(change.value), "logo_svg": change.logo}
        table, key = (schema.tenants, "organization_id") if isinstance(value, Tenant) else (schema.clients, "client_id")
        if isinstance(value, Tenant):
            purpose = secret_purpose(value.organization_id)
            row["keycloak_client_secret"] = self.seal.close(value.keycloak_client_secret.encode(), purpose)
        if change.sign != "+":
            connection.execute(update(table).where(table.c[key] == change.of).values(row))
            return
        connection.execute(insert(table).values(row))
        if isinstance(value, Client):
            secret = client_secrets.new_secret()
            client_secrets.add(connection, value.client_id, secret, self.now())
            deliver(value, secret)

    def _event(self, change: Change) -> AuditEvent:
        value = change.value
        return AuditEvent(
            event=_EVENTS[change.kind, change.sign],
            result="ok",
            time=self.now(),
            organization_id=value.organization_id,
            client_id=value.client_id if isinstance(value, Client) else "",
            actor=ACTOR,
        )


def says(changes: Sequence[Change]) -> str:
    """The changes, as a person reads them."""
    return "\n".join(map(str, changes))
