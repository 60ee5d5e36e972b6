"""What a journey can ask of the world it happens in."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2
import pyotp
from tests.secrets_in_logs import used

from linkmw.demo.parts.processes import Process
from linkmw.demo.parts.realm import REALM, user
from linkmw.demo.parts.realm import Person as Identity
from linkmw.demo.parts.smtp import Mailbox
from linkmw.demo.product import ProductServer
from linkmw.demo.products.people import Person as Account
from linkmw.demo.stage import Stage
from linkmw.model import Client

_MAIL_SECONDS = 20
_TOKEN_SECONDS = 30


class Part(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None: ...


class Inbox:
    """The mails that arrived by SMTP, as `messages.json` shows them."""

    def __init__(self, mailbox: Mailbox, url: str) -> None:
        self.url = url
        self._mailbox = mailbox

    def messages(self, to: str = "") -> list[dict[str, str]]:
        """All mails, or those to one address; oldest first."""
        return [message.as_json() for message in self._mailbox.all() if to in ("", message.to)]

    def wait_for(self, *, to: str, subject: str, seconds: float = _MAIL_SECONDS) -> dict[str, str]:
        """The newest mail to `to` with these words in its subject. Raises TimeoutError, naming what came instead."""
        return self._mailbox.wait_for(
            lambda message: message.to == to and subject in message.subject, seconds
        ).as_json()


@dataclass(frozen=True, slots=True)
class _Asked:
    """An administrator's token. at: by the monotonic clock, before it was asked for. process: the Keycloak it is of."""

    token: str
    at: float
    process: Process | None

    def __repr__(self) -> str:
        return f"_Asked(at={self.at})"


class World:
    """Everything that runs, and everything that can be done to it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.products: Mapping[str, ProductServer] = stage.products
        self.identities = stage.identities
        self.keycloak = stage.keycloak
        self.hub = stage.hub
        self.hub_url = stage.hub.url
        self.inbox = Inbox(stage.mailbox, stage.inbox.url)
        self._asked: _Asked | None = None

    # --- people ---------------------------------------------------------------------------------

    def new_identity(self, name: str = "Kim") -> Identity:
        """A person whom Keycloak knows, and no product."""
        email = f"{name.lower()}-{secrets.token_hex(4)}@acme.example"
        person = Identity(email, secrets.token_urlsafe(12), name, "Example")
        with self._admin() as admin:
            admin.post(f"/admin/realms/{REALM}/users", json=user(person)).raise_for_status()
        used("a password", person.password)
        return person

    def end_identity_sessions(self, identity: Identity) -> None:
        """Keycloak has forgotten that this person was signed in."""
        with self._admin() as admin:
            users = f"/admin/realms/{REALM}/users"
            (found,) = admin.get(users, params={"email": identity.email, "exact": "true"}).raise_for_status().json()
            admin.post(f"{users}/{found['id']}/logout").raise_for_status()

    def new_account(self, house: str, *, totp: bool = False, email: str = "", staff: bool = False) -> Account:
        """An account in a product, linked to nobody."""
        username = f"user-{secrets.token_hex(4)}"
        account = Account(
            username=username,
            password=secrets.token_urlsafe(12),
            email=email or f"{username}@products.example",
            name="Kim Example",
            totp_secret=pyotp.random_base32() if totp else "",
            staff=staff,
        )
        self.products[house].add_accounts([account])
        used("a password", account.password)
        used("a TOTP secret", account.totp_secret)
        return account

    def new_people(self, house: str, count: int) -> list[tuple[Identity, Account]]:
        """As many pairs of an identity and an unlinked account with a second factor, all made at once."""
        names = [f"p-{secrets.token_hex(4)}" for _ in range(count)]
        identities = [Identity(f"{name}@acme.example", secrets.token_urlsafe(12), "Kim", name) for name in names]
        accounts = [
            Account(
                username=name,
                password=secrets.token_urlsafe(12),
                email=f"{name}@products.example",
                name="Kim Example",
                totp_secret=pyotp.random_base32(),
            )
            for name in names
        ]
        with self._admin() as admin:
            wanted = {"ifResourceExists": "FAIL", "users": [user(person) for person in identities]}
            admin.post(f"/admin/realms/{REALM}/partialImport", json=wanted).raise_for_status()
        self.products[house].add_accounts(accounts)
        used("a password", *(person.password for person in (*identities, *accounts)))
        used("a TOTP secret", *(account.totp_secret for account in accounts))
        return list(zip(identities, accounts, strict=True))

    # --- more products --------------------------------------------------------------------------

    def register(self, key: str, client: Client) -> dict[str, str]:
        """A product that somebody else starts: the lines that `linkmw hub product add` prints, but for its Redis."""
        registered, secret = self.hub.register(key, client)
        return {
            "LINKMW_HUB_URL": self.hub.url,
            "LINKMW_HUB_INTERNAL_URL": self.hub.internal_url,
            "LINKMW_PUBLIC_URL": registered.public_url,
            "LINKMW_ORGANIZATION_ID": registered.organization_id,
            "LINKMW_CLIENT_ID": registered.client_id,
            "LINKMW_CLIENT_SECRET": str(secret),
        }

    # --- bad weather ----------------------------------------------------------------------------

    @contextmanager
    def away(self, part: Part) -> Iterator[None]:
        """The part is not there; afterwards it is again. For instance `world.products["wiki"].redis`."""
        part.stop()
        try:
            yield
        finally:
            part.start()

    @contextmanager
    def hanging(self, part: Any) -> Iterator[None]:
        """The part takes connections and answers nothing; afterwards it does again."""
        part.process.pause()
        try:
            yield
        finally:
            part.process.resume()

    @contextmanager
    def killed(self, part: Any) -> Iterator[None]:
        """The part went without a goodbye, and what it held in memory with it; afterwards it is there again."""
        part.process.kill()
        part.stop()
        try:
            yield
        finally:
            part.start()

    def hub_away(self) -> Any:
        return self.away(self.hub)

    def keycloak_away(self) -> Any:
        return self.away(self.keycloak)

    def redis_away(self, house: str) -> Any:
        return self.away(self.products[house].redis)

    @contextmanager
    def settings(self, house: str, **settings: str) -> Iterator[ProductServer]:
        """The product runs with these further settings (`LINKMW_…`); afterwards as before."""
        product = self.products[house]
        with _changed(product, product.settings, settings):
            yield product

    @contextmanager
    def hub_settings(self, **settings: str) -> Iterator[None]:
        """The hub runs with these further settings (`LINKMW_HUB_…`); afterwards as before."""
        with _changed(self.hub, self.hub.settings, settings):
            yield

    @contextmanager
    def tenant(self, **changes: Any) -> Iterator[None]:
        """The tenant is registered with these changes (fields of `model.Tenant`); afterwards as before.

        The hub and the gates know within two seconds: wait for what it changes.
        """
        admin = self.hub._admin()
        (before,) = [known for known in admin.tenants() if known.organization_id == self.hub.organization_id]
        admin.change_tenant(before.organization_id, **changes)
        try:
            yield
        finally:
            admin.change_tenant(before.organization_id, **{name: getattr(before, name) for name in changes})

    def until(self, condition: Callable[[], Any], seconds: float = 10) -> Any:
        """The first true answer of `condition`. Fails when there is none in time."""
        deadline, pause = time.monotonic() + seconds, threading.Event()
        while not (answer := condition()):
            assert time.monotonic() < deadline, f"did not come true within {seconds} s"
            pause.wait(0.05)
        return answer

    @contextmanager
    def _admin(self) -> Iterator[httpx2.Client]:
        """Keycloak's Admin API, as its administrator."""
        with httpx2.Client(base_url=self.keycloak.internal_url, timeout=20) as client:
            client.headers["Authorization"] = f"Bearer {self._admin_token(client)}"
            yield client

    def _admin_token(self, client: httpx2.Client) -> str:
        """Good for a minute: asked for again after half of that, and of a Keycloak that was started anew."""
        asked, now = self._asked, time.monotonic()
        if asked and asked.process is self.keycloak.process and now - asked.at < _TOKEN_SECONDS:
            return asked.token
        password_grant = {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": "admin",
            "password": self.keycloak.admin_password,
        }
        answer = client.post("/realms/master/protocol/openid-connect/token", data=password_grant).raise_for_status()
        self._asked = _Asked(answer.json()["access_token"], now, self.keycloak.process)
        return self._asked.token


@contextmanager
def _changed(part: Part, settings: dict[str, str], changes: Mapping[str, str]) -> Iterator[None]:
    before = dict(settings)
    settings.update(changes)
    part.stop()
    part.start()
    try:
        yield
    finally:
        settings.clear()
        settings.update(before)
        part.stop()
        part.start()
