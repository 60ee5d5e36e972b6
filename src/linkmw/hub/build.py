"""HubSettings → Ports → application. The one place of the hub that knows which stores there are."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import httpx2
from starlette.applications import Starlette

from linkmw.errors import Unavailable
from linkmw.hub import logouts, monitor, web
from linkmw.hub.app import build_app
from linkmw.hub.first_rules import HELD_DAYS
from linkmw.hub.floor import Floor
from linkmw.hub.health import kept_for_a_second
from linkmw.hub.identities import RealmIdentities, Users
from linkmw.hub.mail.outbox import Delivery
from linkmw.hub.mail.smtp import SmtpServer
from linkmw.hub.ports import Ports
from linkmw.hub.products import SignedProducts
from linkmw.hub.relying_party import RelyingParty
from linkmw.hub.retention import Forget, Retention
from linkmw.hub.settings import HubSettings
from linkmw.model import Identity, Tenant
from linkmw.run import run_now
from linkmw.stores import redis_state
from linkmw.stores.redis import Commands, HubStores, connect, connect_blocking
from linkmw.stores.sql import SqlStores, clock

logger = logging.getLogger("linkmw.hub")


def new_token() -> str:
    """32 random bytes, base64url without padding."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Connections:
    """What the process holds open, from its start to its end."""

    sql: SqlStores
    redis: Commands
    http: httpx2.AsyncClient  # to Keycloak
    products: httpx2.AsyncClient

    @classmethod
    def open(cls, settings: HubSettings) -> Connections:
        """Nothing is connected yet but SQL, whose schema is looked at. Raises SettingsError (DF04)."""
        sql = SqlStores.open(settings.database_url, settings.key)
        sql.require_current_schema()
        redis = connect(settings.redis_url, timeout=settings.redis_timeout)
        # A client of their own, that slow products take no connection that a sign-in at Keycloak needs (DS04).
        return cls(sql, redis, web.client(settings.http_timeout), web.client(settings.http_timeout, connections=None))

    async def close(self) -> None:
        await self.http.aclose()
        await self.products.aclose()
        await self.redis.close()
        self.sql.close()


def _end_at_keycloak(tenant: Tenant, identity: Identity, keycloak_sid: str, seconds: float) -> None:
    """As `keycloak.end_sessions`, which is loaded when it is first needed: a hub may do without for long."""
    from linkmw import keycloak

    keycloak.end_sessions(tenant, identity, keycloak_sid, seconds)


def _users_of(tenant: Tenant, seconds: float) -> Users:
    """The tenant's realm, loaded when it is first needed as above."""
    from linkmw import keycloak

    return keycloak.Users.of(tenant, seconds)


def _check_version(tenant: Tenant) -> None:
    """As `keycloak.check_version`, asked by the hub's service account."""
    from linkmw import keycloak

    keycloak.Users.of(tenant).check_version()


def ports_of(settings: HubSettings, connections: Connections) -> Ports:
    sql, http = connections.sql, connections.http
    redis = HubStores(connections.redis, settings.redis_prefix)
    return Ports(
        sign_ins=redis.sign_ins,
        sign_outs=redis.sign_outs,
        flows=redis.flows,
        handles=redis.handles,
        proof_codes=redis.proof_codes,
        grants=redis.grants,
        sessions=redis.sessions,
        mail_proofs=redis.mail_proofs,
        marks=redis.marks,
        links=sql.links,
        held=sql.held,
        registry=sql.registry,
        keys=sql.keys,
        audit=sql.audit,
        outbox=sql.outbox,
        logouts=sql.logouts,
        support=sql.support,
        provider=RelyingParty(http, clock, _end_at_keycloak),
        identities=RealmIdentities(partial(_users_of, seconds=settings.http_timeout), settings.http_timeout),
        products=SignedProducts(connections.products, sql.keys, settings, now=clock, token=new_token),
        ping_redis=kept_for_a_second(connections.redis.ping, clock),
        ping_sql=kept_for_a_second(sql.ping, clock),
        schema_suits=kept_for_a_second(sql.suits, clock),
        now=clock,
        token=new_token,
    )


def require_redis_that_keeps(settings: HubSettings) -> None:
    """Raises SettingsError for a Redis that throws keys away when memory is short (RF05).

    One that does not answer stops nothing: the hub starts, and says itself that it is not ready.
    """
    commands = connect_blocking(settings.redis_url, timeout=settings.redis_timeout)
    try:
        run_now(redis_state.require_noeviction(commands))
    except Unavailable as error:
        logger.warning("nobody knows whether Redis evicts keys: %s", error, extra={"code": error.code})
    finally:
        run_now(commands.close())


def _forgets(sql: SqlStores) -> list[Forget]:
    return [sql.audit.forget, sql.outbox.forget, sql.logouts.forget]


def build(settings: HubSettings) -> Starlette:
    """The hub, ready to serve, with what runs beside it. Raises SettingsError: it refuses to start."""
    smtp = SmtpServer.read(settings.smtp_url)
    require_redis_that_keeps(settings)
    monitor.prepare(settings)
    connections = Connections.open(settings)
    ports = ports_of(settings, connections)
    delivery = Delivery(ports.outbox, smtp.send, clock, settings.outbox_seconds)
    told = logouts.Delivery(ports, settings)
    retention = Retention(_forgets(connections.sql), settings.audit_days, clock)
    floor = Floor(ports.registry, _check_version)
    waiting = Retention([connections.sql.held.forget], HELD_DAYS, clock)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            async with delivery.running(), told.running(), retention.running(), waiting.running(), floor.running():
                yield
        finally:
            await connections.close()

    return build_app(ports, settings, lifespan)
