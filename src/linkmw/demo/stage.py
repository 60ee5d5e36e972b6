"""All parts of the demo and of the browser tests, started together and stopped together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from types import TracebackType
from typing import Self

from linkmw.demo.catalogue import PEOPLE, PRODUCTS, Plan
from linkmw.demo.hub import Hub
from linkmw.demo.kept import Kept
from linkmw.demo.parts.inbox import CodeHolder, InboxServer, build_app
from linkmw.demo.parts.keycloak import Keycloak
from linkmw.demo.parts.processes import Processes
from linkmw.demo.parts.progress import Board, Say
from linkmw.demo.parts.realm import ACME, Organization, hub_client, realm, settings_of
from linkmw.demo.parts.smtp import Mailbox, SmtpServer
from linkmw.demo.product import ProductServer, logo
from linkmw.keycloak import Administrator, HubClient, Realm
from linkmw.model import Tenant
from linkmw.secret import Secret

_BUTTON_SECONDS = 30


class Stage:
    """Redis, Keycloak, SMTP, inbox, hub and products. A context manager: at its end nothing is left running.

    folder: databases, logs and what is kept from run to run. hub_settings, product_settings: values that differ from
    the demo's, by the name of the environment variable. hub: how it is run. in_files: all settings are in each part's
    folder, for whoever types commands there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        plans: Sequence[Plan] = PRODUCTS,
        hub_settings: Mapping[str, str] | None = None,
        product_settings: Mapping[str, str] | None = None,
        hub: type[Hub] = Hub,
        in_files: bool = False,
    ) -> None:
        self.processes = Processes()
        self.folder = folder
        self.identities = PEOPLE[ACME]
        # ACME is always there, and first: the tests play there.
        self.organizations = tuple(dict.fromkeys((ACME, *(plan.organization for plan in plans))))
        self.kept = Kept(folder)
        self.mailbox = Mailbox()
        self.smtp = SmtpServer(self.mailbox, self.kept.port("smtp"))
        self.hub = hub(
            self.processes,
            self.kept,
            folder / "hub",
            smtp_url=self.smtp.url,
            settings=dict(hub_settings or {}),
            in_file=in_files,
        )
        self.keycloak = Keycloak(
            self.processes,
            folder / "keycloak",
            *(realm(self._client(one), PEOPLE[one], self.smtp.port, one) for one in self.organizations),
            port=self.kept.port("keycloak"),
            health_port=self.kept.port("keycloak health"),
        )
        smtp = {"DEMO_SMTP": f"127.0.0.1:{self.smtp.port}"}
        self.products = {
            plan.key: ProductServer(
                self.processes,
                self.kept,
                folder / plan.key,
                plan,
                self.hub,
                {**smtp, **(product_settings or {})},
                in_file=in_files,
            )
            for plan in plans
        }
        self.inbox = InboxServer(build_app(self.mailbox, self._code_holders()), self.kept.port("inbox"))

    def products_of(self, organization: Organization) -> list[ProductServer]:
        return [product for product in self.products.values() if product.plan.organization == organization]

    def start(self, board: Board) -> None:
        """Everything answers. Raises PartFailed, with everything that was started stopped again."""
        try:
            self._start_inbox(board.of("Inbox"))
            self.hub.prepare((self._tenant(one), logo(one.key)) for one in self.organizations)
            for product in self.products.values():
                product.register()
            self._together(
                [
                    (self._start_keycloak, board.of("Keycloak")),
                    (self.hub.start, board.of("Hub")),
                    *((product.start, board.of(product.key.capitalize())) for product in self.products.values()),
                ]
            )
            for product in self.products.values():
                self.processes.wait(product.offers_sign_in, what=f"{product.name}'s button", seconds=_BUTTON_SECONDS)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self.processes.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_inbox(self, say: Say) -> None:
        for server in (self.smtp, self.inbox):
            server.start()
            self.processes.on_stop(server.stop)
        say("ready")

    def _start_keycloak(self, say: Say) -> None:
        """Keycloak answers, the hub may end people's sessions there, and a sign-in says which steps a person took."""
        self.keycloak.start(say)
        administrator = Administrator(self.keycloak.internal_url, "admin", Secret(self.keycloak.admin_password))
        for one in self.organizations:
            Realm(administrator, one.key).set_up(self._client(one), settings_of(one))

    def _client(self, organization: Organization) -> HubClient:
        secret = self.hub.keycloak_secret_of(organization)
        return hub_client(self.hub.url, self.hub.internal_url, secret, organization)

    def _tenant(self, organization: Organization) -> Tenant:
        issuer, internal = self.keycloak.issuer_of, self.keycloak.internal_issuer_of
        return self.hub.tenant(organization, issuer(organization.key), internal(organization.key))

    def _together(self, starts: Iterable[tuple[Callable[[Say], None], Say]]) -> None:
        with ThreadPoolExecutor(max_workers=16) as pool:
            futures = [pool.submit(start, say) for start, say in starts]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                # The pool waits for its threads, and they for parts that nobody wants any more.
                self.processes.stop()
                raise

    def _code_holders(self) -> list[CodeHolder]:
        return [
            CodeHolder(product.name, account.username, account.totp_secret)
            for product in self.products.values()
            for account in product.accounts
            if account.totp_secret
        ]
