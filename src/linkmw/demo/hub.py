"""The hub as the demo runs it: registered tenants and products in SQLite, `linkmw hub serve` as a process."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from linkmw.demo import settings_file
from linkmw.demo.kept import Kept
from linkmw.demo.parts.answering import status
from linkmw.demo.parts.processes import Process, Processes
from linkmw.demo.parts.progress import Say, silent
from linkmw.demo.parts.realm import ACME, CLIENT_ID, Organization
from linkmw.demo.parts.redis import Redis
from linkmw.model import Client, Tenant
from linkmw.secret import Secret
from linkmw.signed import Seal
from linkmw.stores.sql.admin import Admin
from linkmw.stores.sql.engine import Database, open_engine

BRAND = ACME.brand
_COMMAND = Path(sys.executable).with_name("linkmw")
_START_SECONDS = 60


class Hub:
    """One hub and its tenants. `start` and `stop` may alternate.

    settings: `LINKMW_HUB_…` values, all of them; a change counts from the next start. organization_id: ACME's.
    in_file: they are in its folder, in `linkmw-hub.toml`, where commands find them too.
    """

    def __init__(
        self,
        processes: Processes,
        kept: Kept,
        folder: Path,
        *,
        smtp_url: str,
        settings: Mapping[str, str],
        in_file: bool = False,
    ) -> None:
        port = kept.port("hub")
        self.organization_id = ACME.key
        self.url = f"http://hub.localhost:{port}"
        self.internal_url = f"http://127.0.0.1:{port}"
        self.redis = Redis(
            processes, "hub's redis", folder / "redis", port=kept.port("hub redis"), password=kept.secret("hub redis")
        )
        self.process: Process | None = None
        self.command = _COMMAND  # `linkmw`, of this version or of another
        self._processes = processes
        self._kept = kept
        self._folder = folder
        self._port = port
        self._in_file = in_file
        self.settings = {
            "LINKMW_HUB_PUBLIC_URL": self.url,
            "LINKMW_HUB_DATABASE_URL": f"sqlite:///{folder / 'hub.db'}",
            "LINKMW_HUB_REDIS_URL": self.redis.url,
            "LINKMW_HUB_KEY": kept.secret("hub key"),
            "LINKMW_HUB_SMTP_URL": smtp_url,
            "LINKMW_HUB_MAIL_FROM": f"{ACME.brand} <{ACME.address}>",
            **settings,
        }

    @property
    def keycloak_secret(self) -> Secret:
        """The hub's client secret in ACME's realm."""
        return self.keycloak_secret_of(ACME)

    def keycloak_secret_of(self, organization: Organization) -> Secret:
        """The hub's client secret in this organization's realm."""
        name = "keycloak client" if organization == ACME else f"keycloak client of {organization.key}"
        return Secret(self._kept.secret(name))

    def tenant(self, organization: Organization, issuer: str, internal_issuer: str) -> Tenant:
        """The organization as this hub knows it."""
        return Tenant(
            organization_id=organization.key,
            brand=organization.brand,
            issuer=issuer,
            internal_issuer=internal_issuer,
            keycloak_client_id=CLIENT_ID,
            keycloak_client_secret=self.keycloak_secret_of(organization),
            primary=organization.primary,
            time_zone="UTC",
            contact=organization.contact,
            mail_from=f"{organization.brand} <{organization.address}>",
        )

    def prepare(self, tenants: Iterable[tuple[Tenant, str]]) -> None:
        """The database is there and in it these tenants, each with its logo. Repeatable while ports and secrets are
        kept.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        admin = self._admin()
        admin.prepare()
        known = [tenant.organization_id for tenant in admin.tenants()]
        for tenant, logo in tenants:
            if tenant.organization_id not in known:
                admin.add_tenant(tenant, logo)

    def register(self, key: str, client: Client, logo: str = "") -> tuple[Client, Secret]:
        """The product is registered, as `linkmw hub product add` does it: once while the folder stays.

        What was registered under `key` before is answered again, whatever `client` says now.
        """
        admin = self._admin()
        known = {found.client_id: found for found in admin.clients()}
        if before := known.get(self._kept.value(f"{key} client id")):
            return before, Secret(self._kept.value(f"{key} client secret"))
        secret = admin.add_client(client, self.url, logo)
        self._kept.keep(f"{key} client id", client.client_id)
        self._kept.keep(f"{key} client secret", str(secret))
        return client, secret

    def start(self, say: Say = silent) -> None:
        """It answers. Raises PartFailed, Stopping."""
        say("starting")
        if not self.redis.answers():
            self.redis.start()
        self.process = self._processes.start(
            "hub",
            [self.command, "hub", "serve", "--host", "127.0.0.1", "--port", str(self._port)],
            log=self._folder / "hub.log",
            env=self._environment(),
            cwd=self._folder,
        )
        self._processes.wait(self.answers, what="the hub to answer", seconds=_START_SECONDS, process=self.process)
        say("ready")

    def _environment(self) -> dict[str, str]:
        if not self._in_file:
            return self.settings
        settings_file.write(self._folder / "linkmw-hub.toml", "LINKMW_HUB_", self.settings)
        return {}

    def stop(self) -> None:
        if self.process:
            self.process.stop()

    def answers(self) -> bool:
        """Is it alive?"""
        return status(f"{self.internal_url}/healthz") == 200

    def _admin(self) -> Admin:
        database = Database(open_engine(self.settings["LINKMW_HUB_DATABASE_URL"]))
        return Admin(database, Seal.read(self.settings["LINKMW_HUB_KEY"]), lambda: int(time.time()))
