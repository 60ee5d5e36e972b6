"""Globex on the running stage: its realm, its tenant and two of its products, for the tests that ask for them."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import httpx2
import pyotp
from tests.e2e.later import Later
from tests.e2e.world import World
from tests.secrets_in_logs import LEDGER, used

from linkmw.demo.catalogue import GLOBEX, NOTES, SHOP, Plan
from linkmw.demo.parts.realm import Person as Identity
from linkmw.demo.parts.realm import hub_client, realm, user
from linkmw.demo.product import ProductServer, logo
from linkmw.demo.products.people import Person as Account
from linkmw.keycloak import Administrator, Realm
from linkmw.secret import Secret

_USERS = f"/admin/realms/{GLOBEX.key}/users"


class Globex:
    """A tenant in mode `replace`. products: one under WSGI, one under ASGI, by their keys.

    later: the clock of the hub and of its products, if the hub runs with its settings.
    """

    def __init__(self, world: World, later: Later | None = None) -> None:
        self.brand = GLOBEX.brand
        self.contact = GLOBEX.contact
        self.inbox = world.inbox
        self.hub_url = world.hub_url
        self.world = world
        self._later = later
        self._make_realm()
        self.products: Mapping[str, ProductServer] = {plan.key: self._start(plan) for plan in (SHOP, NOTES)}
        LEDGER.used("secret of the stage", *world.stage.kept.secrets())
        for product in self.products.values():
            world.until(product.offers_sign_in, 30)

    # --- people ---------------------------------------------------------------------------------

    def new_account(
        self, house: str, email: str = "", roles: tuple[str, ...] = (), used_at: str = "", *, totp: bool = False
    ) -> Account:
        """Of somebody without an identity. email: an address of another account; none: one of its own."""
        username = f"user-{secrets.token_hex(4)}"
        address = email or f"{username}@globex.example"
        secret = pyotp.random_base32() if totp else ""
        account = Account(
            username, secrets.token_urlsafe(12), address, "Kim Example", roles, totp_secret=secret, used=used_at
        )
        self.products[house].add_accounts([account])
        used("a password", account.password)
        used("a TOTP secret", account.totp_secret)
        return account

    def new_identity(self, email: str = "", *, verified: bool = True) -> Identity:
        """Somebody whom Keycloak knows. email: somebody's; none: one that no product knows."""
        person = Identity(email or f"{_name()}@globex.example", secrets.token_urlsafe(12), "Kim", "Example")
        with self.world._admin() as admin:
            admin.post(_USERS, json={**user(person), "emailVerified": verified}).raise_for_status()
        used("a password", person.password)
        return person

    def users_of(self, email: str) -> list[dict[str, Any]]:
        """Keycloak's own word on who has this address."""
        with self.world._admin() as admin:
            found = admin.get(_USERS, params={"email": email, "exact": "true"}).raise_for_status().json()
            assert isinstance(found, list)
            return found

    # --- what is written down -------------------------------------------------------------------

    def links_of(self, house: str, account: Account) -> list[str]:
        """The subjects that this account is linked to: one at most."""
        rows = self._rows(
            "select subject from links where client_id = ? and username = ?",
            self.products[house].client_id,
            account.username,
        )
        return [row[0] for row in rows]

    def audited(self, house: str, event: str, account: Account) -> list[dict[str, Any]]:
        """The audit trail's rows of this kind about this account, oldest first."""
        columns = ("event", "result", "code", "ref", "account_id", "subject", "ip")
        rows = self._rows(
            f"select {', '.join(columns)} from audit"
            " where event = ? and client_id = ? and username = ? order by audit_id",
            event,
            self.products[house].client_id,
            account.username,
        )
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def logged(self, reference: str) -> list[str]:
        """The lines of the hub's log that this reference is in."""
        process = self.world.hub.process
        assert process
        return [line for line in process.log.read_text("utf-8", "replace").splitlines() if reference in line]

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        path = self.world.hub.settings["LINKMW_HUB_DATABASE_URL"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as database:
            return database.execute(query, values).fetchall()

    # --- what can be changed --------------------------------------------------------------------

    def waits(self, seconds: int) -> None:
        """So much time passes for hub and products: by their clocks, and for everything in their Redis servers."""
        assert self._later, "the hub's clock is not to be moved"
        redis = [product.redis.url for product in self.products.values()]
        self._later.passes(seconds, self.world.hub.redis.url, *redis)

    def clocks_are_right(self) -> None:
        if self._later:
            self._later.now()

    @contextmanager
    def tenant(self, **changes: Any) -> Iterator[None]:
        """The tenant with these changes (fields of `model.Tenant`), and the hub knows; afterwards as before."""
        admin = self.world.hub._admin()
        (before,) = [known for known in admin.tenants() if known.organization_id == GLOBEX.key]
        self._change(**changes)
        try:
            yield
        finally:
            self._change(**{name: getattr(before, name) for name in changes})

    @contextmanager
    def asking_of_passwords(self, policy: str) -> Iterator[None]:
        """The realm has this policy while the block runs, and the hub was told."""
        with self.tenant(password_policy=policy):
            self._ask_of_passwords(policy)
            try:
                yield
            finally:
                self._ask_of_passwords("")

    def _ask_of_passwords(self, policy: str) -> None:
        with self.world._admin() as admin:
            admin.put(f"/admin/realms/{GLOBEX.key}", json={"passwordPolicy": policy}).raise_for_status()

    def _change(self, **changes: Any) -> None:
        """Seen in the foot of an error page, whose address for help changes along."""
        help_url = f"https://help.globex.example/{secrets.token_hex(4)}"
        self.world.hub._admin().change_tenant(GLOBEX.key, **changes, help_url=help_url)
        page = f"{self.world.hub.internal_url}/t/{GLOBEX.key}/callback"
        self.world.until(lambda: help_url in httpx2.get(page).text)

    def stop(self) -> None:
        """Its products are gone, and the hub has one tenant again, as other stories expect of its address."""
        for product in self.products.values():
            product.stop()
            product.redis.stop()
        hub = self.world.hub
        hub._admin().change_tenant(GLOBEX.key, enabled=False)
        self.world.until(lambda: httpx2.get(f"{hub.internal_url}/").status_code == 303)

    def _make_realm(self) -> None:
        """All of it again, or for the first time: the stage's Keycloak and hub outlive a Globex."""
        world, stage, hub, keycloak = self.world, self.world.stage, self.world.hub, self.world.keycloak
        client = hub_client(hub.url, hub.internal_url, hub.keycloak_secret_of(GLOBEX), GLOBEX)
        with world._admin() as admin:
            if admin.get(f"/admin/realms/{GLOBEX.key}").status_code == 404:
                admin.post("/admin/realms", json=realm(client, [], stage.smtp.port, GLOBEX)).raise_for_status()
        administrator = Administrator(keycloak.internal_url, "admin", Secret(keycloak.admin_password))
        Realm(administrator, GLOBEX.key).set_up(client)
        issuers = keycloak.issuer_of(GLOBEX.key), keycloak.internal_issuer_of(GLOBEX.key)
        hub.prepare([(hub.tenant(GLOBEX, *issuers), logo(GLOBEX.key))])
        hub._admin().change_tenant(GLOBEX.key, enabled=True)

    def _start(self, plan: Plan) -> ProductServer:
        stage = self.world.stage
        settings = {"DEMO_SMTP": f"127.0.0.1:{stage.smtp.port}", **(self._later.settings if self._later else {})}
        product = ProductServer(stage.processes, stage.kept, stage.folder / plan.key, plan, stage.hub, settings)
        product.register()
        product.start()
        return product


def _name() -> str:
    return f"kim-{secrets.token_hex(4)}"
