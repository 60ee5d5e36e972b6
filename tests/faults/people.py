"""Who comes by under the load: people whose accounts are linked, and new ones who are about to link theirs."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass

from tests.e2e.world import World
from tests.faults.stage import Weathered
from tests.secrets_in_logs import used

from linkmw.demo.parts.realm import REALM, user
from linkmw.demo.parts.realm import Person as Identity
from linkmw.demo.product import ProductServer
from linkmw.demo.products.people import Person as Account

_WANTED = 4  # times what is asked for: making them takes a process
_AT_ONCE = 25  # people in one call to the real Keycloak, which hashes each one's password


@dataclass(frozen=True, slots=True)
class Pair:
    """An identity, and the account that is theirs in one product."""

    identity: Identity
    account: Account
    product: ProductServer


class People:
    """Makes pairs, some at a time, and hands each out once. Safe to use from several threads."""

    def __init__(self, stage: Weathered) -> None:
        self._stage = stage
        self._lock = threading.Lock()
        self._fresh: list[Pair] = []

    def next(self) -> Pair | None:
        """A pair that nobody has seen yet; None when there is none."""
        with self._lock:
            return self._fresh.pop() if self._fresh else None

    def stock(self, many: int) -> None:
        """There are at least so many fresh pairs, half of them in each product."""
        if len(self._fresh) >= many:
            return
        while (missing := _WANTED * many - len(self._fresh)) > 0:
            made = [pair for product in self._stage.products.values() for pair in self._made(product, missing)]
            with self._lock:
                self._fresh = [*made, *self._fresh]
                # By turns, whichever is asked for.
                self._fresh.sort(key=lambda pair: pair.account.username)

    def _made(self, product: ProductServer, missing: int) -> list[Pair]:
        count = min(_AT_ONCE, -(-missing // 2)) if self._stage.real else -(-missing // 2)
        names = [f"p-{secrets.token_hex(5)}" for _ in range(count)]
        identities = [Identity(f"{name}@acme.example", secrets.token_urlsafe(12), "Kim", name) for name in names]
        accounts = [
            Account(name, secrets.token_urlsafe(12), f"{name}@products.example", "Kim Example") for name in names
        ]
        if self._stage.real:
            self._known_to_keycloak(identities)
        product.add_accounts(accounts)
        used("a password", *(person.password for person in (*identities, *accounts)))
        return [Pair(*both, product) for both in zip(identities, accounts, strict=True)]

    def _known_to_keycloak(self, identities: list[Identity]) -> None:
        with World(self._stage)._admin() as admin:
            wanted = {"ifResourceExists": "FAIL", "users": [user(person) for person in identities]}
            admin.post(f"/admin/realms/{REALM}/partialImport", json=wanted).raise_for_status()
