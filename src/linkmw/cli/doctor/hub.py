"""What is looked at at the hub, from its settings to the products."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from urllib.parse import urlsplit

from sqlalchemy import Connection, inspect

from linkmw.cli import configuration
from linkmw.cli.doctor import catalogue as checks
from linkmw.cli.doctor import keycloak, redis, values
from linkmw.cli.doctor.findings import Finding
from linkmw.errors import LinkmwError, SettingsError, Unavailable
from linkmw.hub import web
from linkmw.hub.mail.address import read_sender
from linkmw.hub.mail.smtp import SmtpServer
from linkmw.hub.ports import Mail
from linkmw.hub.products import SignedProducts
from linkmw.hub.settings import HubSettings
from linkmw.keycloak import Administrator
from linkmw.model import Client, Identity, Tenant
from linkmw.setting_sources import read_file
from linkmw.stores.sql import SqlStores, clock, version
from linkmw.stores.sql.keys import ALGORITHMS

GATES_PREFIX = "linkmw:"  # what a product's keys begin with unless its settings say otherwise
ONE_LINK = ["account_id", "client_id"]  # the columns of the constraint that decides every race (I1)
NAME_NOBODY_HAS = "linkmw-doctor"

As = Callable[[Tenant], Administrator | None]


def findings(
    environ: Mapping[str, str], administrator: As, *, mail_to: str = "", now: Callable[[], float] = time.time
) -> Iterator[Finding]:
    """administrator: whom to ask a tenant's Keycloak as, if anybody. mail_to: who gets a mail, "" for nobody."""
    try:
        settings = configuration.settings()
    except SettingsError as error:
        yield checks.SETTINGS.wrong(str(error))
        return
    yield _settings(settings, environ)
    yield checks.HTTPS.ok(settings.public_url)  # the settings refuse anything else
    tenants: list[Tenant] = []
    clients: list[Client] = []
    try:
        stores = SqlStores.open(settings.database_url, settings.key)
    except SettingsError as error:
        yield checks.SETTINGS.wrong(str(error))
        return
    with closing(stores):
        yield from _database(stores)
        try:
            tenants, clients = stores.admin.tenants(), stores.admin.clients()
            yield checks.KEY.ok("opens what is sealed")
        except SettingsError as error:
            yield checks.KEY.wrong(str(error))
        except Unavailable as error:
            yield checks.DATABASE.wrong(str(error))
        yield from _signing_keys(stores)
        yield from redis.findings(
            settings.redis_url, timeout=settings.redis_timeout, others_prefix=GATES_PREFIX, now=now
        )
        yield _tenants(tenants)
        for tenant in (one for one in tenants if one.enabled):
            yield from keycloak.findings(tenant, settings, administrator(tenant), now=now)
        yield _smtp(settings, tenants, mail_to, int(now()))
        yield from _products(settings, stores, clients)


def _settings(settings: HubSettings, environ: Mapping[str, str]) -> Finding:
    file = configuration.path()
    details = values.shown(settings, environ, (str(file), read_file(file)))
    return checks.SETTINGS.ok(f"{len(details)} set", details=details)


def _database(stores: SqlStores) -> Iterator[Finding]:
    try:
        asyncio.run(stores.ping())
        yield checks.DATABASE.ok("answers")
        yield _schema(stores)
    except Unavailable as error:
        yield checks.DATABASE.wrong(str(error))
    if stores.database.engine.dialect.name == "sqlite":
        yield checks.DATABASE_KIND.ok("SQLite, for a hub on one machine")
    else:
        yield checks.DATABASE_KIND.ok(stores.database.engine.dialect.name)


def _schema(stores: SqlStores) -> Finding:
    try:
        version.require_current(stores.database)
    except SettingsError as error:
        return checks.SCHEMA.wrong(str(error))
    if not stores.database.read_now(has_one_link_each):
        return checks.SCHEMA.wrong(
            "the links have no unique constraint over product and account",
            "the database was changed by hand: bring back a copy, or the constraint",
        )
    return checks.SCHEMA.ok(version.newest())


def has_one_link_each(connection: Connection) -> bool:
    """Does the database itself keep an account from having two links?"""
    found = inspect(connection)
    unique = [sorted(one["column_names"]) for one in found.get_unique_constraints("links")]
    unique += [sorted(str(name) for name in one["column_names"]) for one in found.get_indexes("links") if one["unique"]]
    return ONE_LINK in unique or sorted(found.get_pk_constraint("links")["constrained_columns"]) == ONE_LINK


def _signing_keys(stores: SqlStores) -> Iterator[Finding]:
    for algorithm in ALGORITHMS:
        try:
            asyncio.run(stores.keys.sign(algorithm, "linkmw-doctor", {}))
            asyncio.run(stores.keys.pairwise("linkmw-doctor", Identity("linkmw-doctor", "linkmw-doctor")))
        except LinkmwError as error:
            yield checks.SIGNING_KEYS.wrong(str(error), of=algorithm)
        else:
            yield checks.SIGNING_KEYS.ok("signs", of=algorithm)


def _tenants(tenants: list[Tenant]) -> Finding:
    if not tenants:
        return checks.TENANTS.warning("none")
    return checks.TENANTS.ok(", ".join(one.organization_id for one in tenants))


def _smtp(settings: HubSettings, tenants: list[Tenant], mail_to: str, now: int) -> Finding:
    sender = next((one.mail_from for one in tenants if one.mail_from), settings.mail_from)
    try:
        server = SmtpServer.read(settings.smtp_url)
        domain = read_sender(sender).domain
    except (SettingsError, ValueError) as error:
        return checks.SMTP.wrong(str(error) if sender else "no sender: LINKMW_HUB_MAIL_FROM is not set")
    where = f"{server.host}:{server.port}"
    try:
        secured = server.greet(domain)
        if mail_to:
            server.send(_mail(mail_to, sender), secrets.token_hex(16), now)
    except Unavailable as error:
        return checks.SMTP.wrong(f"{where}: {error}")
    sent = f"; a mail to {mail_to} was taken" if mail_to else ""
    return checks.SMTP.ok(f"{where} answers, {'with TLS' if secured else 'without TLS'}{sent}")


def _mail(recipient: str, sender: str) -> Mail:
    said = "linkmw hub doctor sent this mail to see whether mails arrive. There is nothing to do."
    return Mail(
        kind="test", recipient=recipient, sender=sender, subject="linkmw: a test mail", text=said, html=f"<p>{said}</p>"
    )


def _products(settings: HubSettings, stores: SqlStores, clients: list[Client]) -> Iterator[Finding]:
    for client in (one for one in clients if one.enabled):
        of = client.client_id
        if urlsplit(client.public_url).hostname == urlsplit(settings.public_url).hostname:
            yield checks.HOST.wrong("it is on the hub's own host name", of=of)
        if client.proof == "none":
            yield checks.PRODUCT.ok("has no gate to ask", of=of)
        else:
            yield _product(settings, stores, client)
        if client.proof == "native" and client.mode == "replace":
            yield checks.PROOF.warning("it says `native`, and replace closes its own login", of=of)


def _product(settings: HubSettings, stores: SqlStores, client: Client) -> Finding:
    """A real question, about a name that nobody has: signed, sent, understood and answered."""

    async def ask() -> None:
        http = web.client(settings.http_timeout)
        products = SignedProducts(http, stores.keys, settings, now=clock, token=lambda: secrets.token_urlsafe(32))
        try:
            await products.find(client, NAME_NOBODY_HAS)
        finally:
            await http.aclose()

    try:
        asyncio.run(ask())
    except LinkmwError as error:
        return checks.PRODUCT.wrong(str(error), of=client.client_id)
    return checks.PRODUCT.ok("answers", of=client.client_id)
