"""The hub as the demo runs it: registered tenants and products in SQLite, `linkmw hub serve` as a process."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from linkmw.demo.kept import Kept
from linkmw.demo.parts.answering import status
from linkmw.demo.parts.processes import Process, Processes
from linkmw.demo.parts.progress import Say, silent
from linkmw.demo.parts.realm import CLIENT_ID, REALM
from linkmw.demo.parts.redis import Redis
from linkmw.model import Client, Secret, Tenant
from linkmw.signed import Seal
from linkmw.stores.sql.admin import Admin
from linkmw.stores.sql.engine import Database, open_engine

BRAND = "ACME ID"
_COMMAND = Path(sys.executable).with_name("linkmw")
_START_SECONDS = 60


class Hub:
    """One hub with one tenant. `start` and `stop` may alternate.

    settings: `LINKMW_HUB_…` values, all of them; a change counts from the next start.
    """

    def __init__(
        self, processes: Processes, kept: Kept, folder: Path, *, smtp_url: str, settings: Mapping[str, str]
    ) -> None:
        port = kept.port("hub")
        self.organization_id = REALM
        self.url = f"http://hub.localhost:{port}"
        self.internal_url = f"http://127.0.0.1:{port}"
        self.redis = Redis(
            processes, "hub's redis", folder / "redis", port=kept.port("hub redis"), password=kept.secret("hub redis")
        )
        self.process: Process | None = None
        self._processes = processes
        self._kept = kept
        self._folder = folder
        self._port = port
        self.settings = {
            "LINKMW_HUB_PUBLIC_URL": self.url,
            "LINKMW_HUB_DATABASE_URL": f"sqlite:///{folder / 'hub.db'}",
            "LINKMW_HUB_REDIS_URL": self.redis.url,
            "LINKMW_HUB_KEY": kept.secret("hub key"),
            "LINKMW_HUB_SMTP_URL": smtp_url,
            "LINKMW_HUB_MAIL_FROM": f"{BRAND} <id@acme.example>",
            **settings,
        }

    @property
    def keycloak_secret(self) -> Secret:
        """The hub's client secret at Keycloak."""
        return Secret(self._kept.secret("keycloak client"))

    def prepare(self, issuer: str, internal_issuer: str, logo: str) -> None:
        """The database is there and in it the tenant. Repeatable while ports and secrets are kept."""
        self._folder.mkdir(parents=True, exist_ok=True)
        admin = self._admin()
        admin.prepare()
        if REALM not in [tenant.organization_id for tenant in admin.tenants()]:
            admin.add_tenant(
                Tenant(
                    organization_id=REALM,
                    brand=BRAND,
                    issuer=issuer,
                    internal_issuer=internal_issuer,
                    keycloak_client_id=CLIENT_ID,
                    keycloak_client_secret=self.keycloak_secret,
                    time_zone="UTC",
                    contact="help@acme.example",
                    mail_from=f"{BRAND} <id@acme.example>",
                ),
                logo,
            )

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
            [_COMMAND, "hub", "serve", "--host", "127.0.0.1", "--port", str(self._port)],
            log=self._folder / "hub.log",
            env=self.settings,
            cwd=self._folder,
        )
        self._processes.wait(self.answers, what="the hub to answer", seconds=_START_SECONDS, process=self.process)
        say("ready")

    def stop(self) -> None:
        if self.process:
            self.process.stop()

    def answers(self) -> bool:
        """Is it alive?"""
        return status(f"{self.internal_url}/healthz") == 200

    def _admin(self) -> Admin:
        database = Database(open_engine(self.settings["LINKMW_HUB_DATABASE_URL"]))
        return Admin(database, Seal.read(self.settings["LINKMW_HUB_KEY"]), lambda: int(time.time()))
