"""`make migrate-bench`: how many users a second `linkmw hub migrate` takes into a real Keycloak, and back out of it."""

from __future__ import annotations

import argparse
import base64
import hashlib
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

from linkmw.demo.parts.keycloak import Keycloak
from linkmw.demo.parts.processes import Processes, free_port
from linkmw.demo.parts.realm import CLIENT_ID, REALM, hub_client, realm
from linkmw.hub.migrate.addresses import counted
from linkmw.hub.migrate.report import Report
from linkmw.hub.migrate.rows import Row
from linkmw.hub.migrate.run import Migration, Options
from linkmw.keycloak import Administrator, Realm, Users
from linkmw.model import Client, Tenant
from linkmw.secret import Secret
from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores, clock
from linkmw.stores.sql.migrated import SqlMigrated

HUB = "http://hub.localhost:9"
SHOP = Client("shop", REALM, "Shop", "https://shop.example", "https://shop.example/.linkmw/callback")


def rows(number: int) -> Iterator[Row]:
    """As many users of a Django product, each with its own password hash."""
    raw = hashlib.pbkdf2_hmac("sha256", b"one for all", b"saltsaltsaltsaltsaltsa", 10_000)
    password = f"pbkdf2_sha256$10000$saltsaltsaltsaltsaltsa${base64.b64encode(raw).decode()}"
    for n in range(1, number + 1):
        yield Row(n, str(n), f"user{n}@shop.example", f"user{n}", password, "Ann", "Example")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--users", type=int, default=10_000, help="(default %(default)s)")
    number = options.parse_args().users
    with tempfile.TemporaryDirectory() as folder, Processes() as processes:
        keycloak = _keycloak(processes, Path(folder))
        work = _migration(Path(folder), keycloak)
        with counted(rows(number)) as addresses:
            _say("made", number, _seconds(lambda: work.run(rows(number), addresses, lambda _: None)))
            _say("found done", number, _seconds(lambda: work.run(rows(number), addresses, lambda _: None)))
        _say("taken back", number, _seconds(lambda: work.undo(lambda _: None)))


def _keycloak(processes: Processes, folder: Path) -> tuple[Keycloak, Secret]:
    secret = Secret(secrets.token_urlsafe(32))
    client = hub_client(HUB, "http://127.0.0.1:9", secret)
    keycloak = Keycloak(processes, folder, realm(client, [], free_port()), port=free_port(), health_port=free_port())
    keycloak.start()
    Realm(Administrator(keycloak.internal_url, "admin", Secret(keycloak.admin_password)), REALM).set_up(client)
    return keycloak, secret


def _migration(folder: Path, started: tuple[Keycloak, Secret]) -> Migration:
    keycloak, secret = started
    tenant = Tenant(REALM, "ACME ID", keycloak.issuer, CLIENT_ID, secret, keycloak.internal_issuer)
    stores = SqlStores.open(f"sqlite:///{folder / 'hub.db'}", new_key())
    stores.admin.prepare()
    stores.admin.add_tenant(tenant)
    stores.admin.add_client(SHOP, HUB)
    users = Users(keycloak.internal_issuer, CLIENT_ID, secret, seconds=30)
    return Migration(tenant, SHOP, users, SqlMigrated(stores.database, clock), Options(), Report(StringIO()))


def _seconds(work: Callable[[], None]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _say(what: str, number: int, seconds: float) -> None:
    print(f"{number:,} users {what} in {seconds:.0f} s: {number / seconds:.0f} a second", flush=True)


if __name__ == "__main__":
    main()
