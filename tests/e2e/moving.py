"""Globex on the running stage: its realm, its tenant and two of its products, for the tests that ask for them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx2
from tests.e2e.world import World
from tests.secrets_in_logs import LEDGER, used

from linkmw.demo.catalogue import GLOBEX, NOTES, SHOP, Plan
from linkmw.demo.parts.realm import hub_client, realm
from linkmw.demo.product import ProductServer, logo
from linkmw.demo.products.people import Person as Account
from linkmw.keycloak import Administrator, Realm
from linkmw.model import Secret


class Globex:
    """A tenant in mode `replace`. products: one under WSGI, one under ASGI, by their keys."""

    def __init__(self, world: World) -> None:
        self.brand = GLOBEX.brand
        self.inbox = world.inbox
        self._world = world
        self._make_realm(world)
        self.products: Mapping[str, ProductServer] = {plan.key: self._start(world, plan) for plan in (SHOP, NOTES)}
        LEDGER.used("secret of the stage", *world.stage.kept.secrets())
        for product in self.products.values():
            world.until(product.offers_sign_in, 30)

    def new_account(self, house: str, email: str = "", roles: tuple[str, ...] = (), used_at: str = "") -> Account:
        """Of somebody without an identity. email: an address of another account; none: one of its own."""
        username = f"user-{secrets.token_hex(4)}"
        address = email or f"{username}@globex.example"
        account = Account(username, secrets.token_urlsafe(12), address, "Kim Example", roles, used=used_at)
        self.products[house].add_accounts([account])
        used("a password", account.password)
        return account

    @contextmanager
    def asking_of_passwords(self, policy: str) -> Iterator[None]:
        """The realm has this policy while the block runs, and the hub was told."""
        self._ask_of_passwords(policy)
        try:
            yield
        finally:
            self._ask_of_passwords("")

    def _ask_of_passwords(self, policy: str) -> None:
        with self._world._admin() as admin:
            admin.put(f"/admin/realms/{GLOBEX.key}", json={"passwordPolicy": policy}).raise_for_status()
        hub, contact = self._world.hub, "passwords@globex.example" if policy else GLOBEX.contact
        hub._admin().change_tenant(GLOBEX.key, password_policy=policy, contact=contact)
        page = f"{hub.internal_url}/t/{GLOBEX.key}/signed-out"
        self._world.until(lambda: contact in httpx2.get(page).text)  # which shows that it knows

    def stop(self) -> None:
        """Its products are gone, and the hub has one tenant again, as other stories expect of its address."""
        for product in self.products.values():
            product.stop()
            product.redis.stop()
        hub = self._world.hub
        hub._admin().change_tenant(GLOBEX.key, enabled=False)
        self._world.until(lambda: httpx2.get(f"{hub.internal_url}/").status_code == 303)

    def _make_realm(self, world: World) -> None:
        stage, hub, keycloak = world.stage, world.hub, world.keycloak
        client = hub_client(hub.url, hub.internal_url, hub.keycloak_secret_of(GLOBEX), GLOBEX)
        with world._admin() as admin:
            admin.post("/admin/realms", json=realm(client, [], stage.smtp.port, GLOBEX)).raise_for_status()
        administrator = Administrator(keycloak.internal_url, "admin", Secret(keycloak.admin_password))
        Realm(administrator, GLOBEX.key).set_up(client)
        issuers = keycloak.issuer_of(GLOBEX.key), keycloak.internal_issuer_of(GLOBEX.key)
        hub.prepare([(hub.tenant(GLOBEX, *issuers), logo(GLOBEX.key))])

    def _start(self, world: World, plan: Plan) -> ProductServer:
        stage = world.stage
        product = ProductServer(stage.processes, stage.kept, stage.folder / plan.key, plan, stage.hub, {})
        product.register()
        product.start()
        return product
