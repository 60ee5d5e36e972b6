"""A hub over memory and SQLite, a Keycloak and a gate that a test plays, and browsers that keep their cookies."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from tests.secrets_in_logs import LEDGER, used

from linkmw.errors import ProviderRefused, TokenRejected, Unavailable
from linkmw.http import with_query
from linkmw.hub.app import build_app
from linkmw.hub.ports import (
    AccountAnswer,
    AuditEvent,
    EndedAtProvider,
    JoinAnswer,
    KeycloakSignIn,
    KnownIdentity,
    Mail,
    NewIdentity,
    NewLink,
    Ports,
)
from linkmw.hub.settings import HubSettings
from linkmw.model import Account, Client, Identity, SignIn, Tenant
from linkmw.oidc import authorize, base64url
from linkmw.oidc.client_auth import write_basic
from linkmw.oidc.jose import PrivateKey
from linkmw.secret import Secret
from linkmw.signed import new_key
from linkmw.stores.memory import HubMemory
from linkmw.stores.sql import SqlStores

HUB = "https://hub.example"
REALM = "https://kc.example/realms/acme"
VERIFIER = "v" * 43

ACME = Tenant(
    organization_id="acme",
    brand="ACME ID",
    issuer=REALM,
    keycloak_client_id="linkmw-hub",
    keycloak_client_secret=Secret("k" * 43),
    contact="help@acme.example",
    mail_from="ACME ID <id@acme.example>",
    time_zone="Europe/Berlin",
)
ADA = Identity(REALM, "ada-sub")
EVE = Identity(REALM, "eve-sub")
SETTINGS = HubSettings(public_url=HUB, redis_url="redis://unused", key=Secret("x" * 43), mail_from="hub@hub.example")


def product(client_id: str, organization_id: str = "acme", **more: Any) -> Client:
    url = f"https://{client_id}.example"
    return Client(
        client_id=client_id,
        organization_id=organization_id,
        name=client_id.capitalize(),
        public_url=url,
        redirect_uri=f"{url}/.linkmw/callback",
        login_url=f"{url}/login",
        **more,
    )


class Clock:
    def __init__(self) -> None:
        self.time = 1_800_000_000

    def __call__(self) -> int:
        return self.time

    def move(self, seconds: int) -> None:
        self.time += seconds


@dataclass
class Keycloak:
    """hub.ports.Provider. A test says who signs in; a code is good once, for its own sign-in."""

    codes: dict[str, tuple[str, KeycloakSignIn]] = field(default_factory=dict)
    redeemed: int = 0
    away: bool = False
    logout_tokens: dict[str, EndedAtProvider] = field(default_factory=dict)
    signed_out: list[Identity | str] = field(default_factory=list)  # who, or which session by its sid
    ids: Iterator[int] = field(default_factory=count)

    async def authorization_url(
        self,
        tenant: Tenant,
        sign_in: SignIn,
        redirect_uri: str,
        *,
        prompt: str = "",
        max_age: int | None = None,
        login_hint: str = "",
        ui_locales: str = "",
    ) -> str:
        if self.away:
            raise Unavailable("Keycloak is away")
        return authorize.request_url(
            f"{tenant.issuer}/protocol/openid-connect/auth",
            client_id=tenant.keycloak_client_id,
            redirect_uri=redirect_uri,
            state=sign_in.state,
            nonce=sign_in.nonce,
            verifier=sign_in.verifier,
            prompt=prompt,
            max_age="" if max_age is None else str(max_age),
            login_hint=login_hint,
            ui_locales=ui_locales,
        )

    def signs_in(self, url: str, identity: Identity, now: int, **more: Any) -> str:
        """Where Keycloak sends the browser after `identity` has signed in at `url`."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"kc-code-{next(self.ids)}"
        email = f"{identity.subject.partition('-')[0]}@acme.example"
        said: dict[str, Any] = {"email": email, "email_verified": True, "name": "", "auth_time": now, "acr": "1"}
        self.codes[code] = (asked["state"], KeycloakSignIn(identity=identity, **(said | more)))
        return with_query(asked["redirect_uri"], code=code, state=asked["state"], iss=identity.issuer)

    @staticmethod
    def signs_out(url: str) -> str:
        """Where Keycloak sends the browser after a sign-out at `url`."""
        asked = query_of(url)
        return with_query(asked["post_logout_redirect_uri"], state=asked["state"])

    async def redeem(
        self, tenant: Tenant, sign_in: SignIn, code: str, issuer: str, redirect_uri: str
    ) -> KeycloakSignIn:
        self.redeemed += 1
        state, signed = self.codes.pop(code, ("", None))
        if signed is None or state != sign_in.state:
            raise ProviderRefused("invalid_grant")
        return signed

    async def end_session_url(self, tenant: Tenant, after: str, *, id_token: str = "", state: str = "") -> str:
        if self.away:
            raise Unavailable("Keycloak is away")
        return with_query(
            f"{tenant.issuer}/logout", post_logout_redirect_uri=after, id_token_hint=id_token, state=state
        )

    async def verify_logout_token(self, tenant: Tenant, token: str) -> EndedAtProvider:
        if token not in self.logout_tokens:
            raise TokenRejected("no such logout token", code="token_signature")
        return self.logout_tokens[token]

    async def end_sessions(self, tenant: Tenant, identity: Identity, keycloak_sid: str = "") -> None:
        if self.away:
            raise Unavailable("Keycloak is away")
        self.signed_out.append(keycloak_sid or identity)

    async def healthy(self, tenant: Tenant) -> bool:
        return not self.away


@dataclass
class Accounts:
    """hub.ports.Products: what products say of their accounts."""

    usable_password: bool = True
    email: str = ""  # the address that every account has now, if the product tells
    gone: set[str] = field(default_factory=set)  # ids of accounts that were deleted
    staff: bool | None = None  # what every account is, if the product tells
    staff_of: dict[str, bool] = field(default_factory=dict)  # and what some are
    inactive: set[str] = field(default_factory=set)
    away: bool = False
    silent: set[str] = field(default_factory=set)  # products that take no logout token
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # client id, claims of the logout token
    tokens: list[str] = field(default_factory=list)
    # Of a tenant that moves over: by client id, and what was asked of whom
    known: dict[str, list[AccountAnswer]] = field(default_factory=dict)
    joining: dict[str, list[JoinAnswer]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)  # by transaction; each is handed out once
    unreachable: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def find(self, client: Client, name: str) -> AccountAnswer:
        self._reach(client, "find")
        found = [one for one in self.known.get(client.client_id, []) if name in (one.username, one.email)]
        return found[0] if len(found) == 1 else AccountAnswer(False)

    async def may_join(self, client: Client, email: str) -> list[JoinAnswer]:
        self._reach(client, "may_join")
        emails = {one.account_id: one.email for one in self.known.get(client.client_id, [])}
        return [one for one in self.joining.get(client.client_id, []) if emails.get(one.account_id) == email]

    async def password_hash(self, client: Client, transaction: str) -> str:
        self._reach(client, "password_hash")
        return self.hashes.pop(transaction, "")

    def _reach(self, client: Client, question: str) -> None:
        self.asked.append((client.client_id, question))
        if self.away or client.client_id in self.unreachable:
            raise Unavailable("the product is away")

    async def look_up(self, client: Client, account_id: str) -> AccountAnswer:
        if self.away:
            raise Unavailable("the product is away")
        if account_id in self.gone:
            return AccountAnswer(False)
        return AccountAnswer(
            True,
            active=account_id not in self.inactive,
            usable_password=self.usable_password,
            email=self.email,
            staff=self.staff_of.get(account_id, self.staff),
        )

    async def log_out(self, client: Client, token: str) -> None:
        if self.away or client.client_id in self.silent:
            raise Unavailable("the product is away")
        self.told.append((client.client_id, jwt_claims(token)))
        self.tokens.append(token)


@dataclass
class Realm:
    """hub.ports.Identities: the users of one Keycloak realm, whose e-mail and username are unique there."""

    users: list[KnownIdentity] = field(default_factory=list)
    created: list[NewIdentity] = field(default_factory=list)
    pending: set[Identity] = field(default_factory=set)  # whose address is about to be another
    away: bool = False
    lock: Lock = field(default_factory=Lock)

    def add(self, email: str, *, verified: bool = True, username: str = "", enabled: bool = True) -> Identity:
        identity = Identity(REALM, f"user-{len(self.users)}")
        self.users.append(KnownIdentity(identity, username or email, email, verified, enabled))
        return identity

    async def of_address(self, tenant: Tenant, email: str) -> list[KnownIdentity]:
        self._reach()
        return [user for user in self.users if email.lower() in (user.email.lower(), user.username.lower())]

    async def of_identity(self, tenant: Tenant, identity: Identity) -> KnownIdentity | None:
        self._reach()
        return next((user for user in self.users if user.identity == identity), None)

    async def create(self, tenant: Tenant, new: NewIdentity) -> Identity | None:
        self._reach()
        with self.lock:
            if await self.of_address(tenant, new.email):
                return None
            self.created.append(new)
            return self.add(new.email)

    async def cancel_email_change(self, tenant: Tenant, identity: Identity) -> bool:
        self._reach()
        found = identity in self.pending
        self.pending.discard(identity)
        return found

    def _reach(self) -> None:
        if self.away:
            raise Unavailable("Keycloak is away")


def _shown(answer: Any) -> Any:
    LEDGER.shown("a page of the hub's", answer.text)
    return answer


class InPlace(httpx2.BaseTransport):
    """The application, asked in this thread, on an event loop of the request's own.

    Starlette's TestClient has a thread for each loop, and hands every message over and back: 10 ms of 14 a request.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = self._answer(request, request.read())
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(asked)
        with ThreadPoolExecutor(1) as pool:  # in the middle of another request, on whose loop no other can run
            return pool.submit(asyncio.run, asked).result()

    async def _answer(self, request: httpx2.Request, body: bytes) -> httpx2.Response:
        url, unread, sent = request.url, [body], []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.partition(b"?")[0],
            "query_string": url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": ("testclient", 50000),
            "server": (url.host, url.port or 443),
        }

        async def receive() -> dict[str, Any]:
            if not unread:
                await asyncio.Event().wait()  # it stays for the whole answer
            return {"type": "http.request", "body": unread.pop(), "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        start, *parts = sent
        content = b"".join(part.get("body", b"") for part in parts) if request.method != "HEAD" else b""
        return httpx2.Response(start["status"], headers=start["headers"], content=content)


def client_of(app: Any, **options: Any) -> httpx2.Client:
    return httpx2.Client(transport=InPlace(app), base_url=HUB, **options)


class Person:
    """A browser. Follows no redirect by itself; sends what browsers send with a form."""

    def __init__(self, app: Any) -> None:
        self.http = client_of(app)
        self.http.headers["user-agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"

    def get(self, url: str, **headers: str) -> Any:
        return _shown(self.http.get(url, headers={"sec-fetch-dest": "document", **headers}))

    def post(self, url: str, data: dict[str, str], **headers: str) -> Any:
        own = {"origin": HUB, "sec-fetch-site": "same-origin"}
        return _shown(self.http.post(url, data=data, headers={**own, **headers}))

    def submit(self, page: Any, action: str, **more: str) -> Any:
        """Press the button of the form in `page` that posts to `action`."""
        return self.post(action, form_of(page.text, action) | more)


def jwt_claims(token: str) -> dict[str, Any]:
    """What a token says, whoever signed it."""
    claims: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1]))
    return claims


def form_of(html: str, action: str) -> dict[str, str]:
    found = re.search(
        rf'<form(?: class="\w+")? method="post" action="{re.escape(action)}"[^>]*>(.*?)</form>', html, re.DOTALL
    )
    assert found, f"no form to {action}"
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found.group(1))
    return dict(fields)


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


class World:
    """Tenant acme with the products orders and stock; every port there, the clock in the test's hand."""

    def __init__(self, sql: SqlStores, clock: Clock, secrets: Mapping[str, str] | None = None) -> None:
        """secrets: the products', by client id, of a database that knows them already. None: nobody is registered."""
        self.sql, self.clock = sql, clock
        self.keycloak, self.accounts, self.realm = Keycloak(), Accounts(), Realm()
        self.memory = HubMemory(clock)
        self.secrets: dict[str, str] = dict(secrets or {})
        self.tokens = count(1)
        self.down: set[str] = set()
        if secrets is None:
            sql.admin.add_tenant(ACME)
            for client in (product("orders"), product("stock")):
                self.register(client)
        self.ports = self._ports()
        self.app = build_app(self.ports, SETTINGS)

    def register(self, client: Client) -> None:
        self.secrets[client.client_id] = self.sql.admin.add_client(client, HUB)
        used("a client secret", self.secrets[client.client_id])

    def _ports(self) -> Ports:
        memory, sql = self.memory, self.sql
        return Ports(
            sign_ins=memory.sign_ins,
            sign_outs=memory.sign_outs,
            flows=memory.flows,
            handles=memory.handles,
            proof_codes=memory.proof_codes,
            grants=memory.grants,
            sessions=memory.sessions,
            mail_proofs=memory.mail_proofs,
            marks=memory.marks,
            links=sql.links,
            held=sql.held,
            registry=sql.registry,
            keys=sql.keys,
            audit=sql.audit,
            outbox=sql.outbox,
            logouts=sql.logouts,
            support=sql.support,
            provider=self.keycloak,
            identities=self.realm,
            products=self.accounts,
            ping_redis=self._ping("redis"),
            ping_sql=self._ping("sql"),
            schema_suits=self._ping("schema"),
            now=self.clock,
            token=lambda: f"{next(self.tokens):043d}",
        )

    def _ping(self, name: str) -> Any:
        async def ping() -> bool:
            if name in self.down:
                raise Unavailable(name)
            return True

        return ping

    # What a person does

    def person(self) -> Person:
        return Person(self.app)

    def authorize_url(self, client_id: str = "orders", **more: str) -> str:
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": f"https://{client_id}.example/.linkmw/callback",
            "scope": "openid email",
            "state": "gate-state",
            "nonce": "gate-nonce",
            "code_challenge": authorize.code_challenge(VERIFIER),
            "code_challenge_method": "S256",
        }
        return with_query(f"/o/{client_id}/authorize", **(asked | more))

    def sign_in(self, person: Person, identity: Identity = ADA, client_id: str = "orders", **more: Any) -> Any:
        """The product's button, then Keycloak: the hub's answer to it."""
        to_keycloak = person.get(self.authorize_url(client_id))
        return person.get(self.keycloak.signs_in(to_keycloak.headers["location"], identity, self.clock(), **more))

    def ask_proof(self, answer: Any, client_id: str = "orders") -> str:
        """The gate fetches what the handle in `answer` stands for: its transaction."""
        return str(self.ask_for_proof(answer, client_id)["transaction"])

    def ask_for_proof(self, answer: Any, client_id: str = "orders") -> dict[str, Any]:
        """All of what the gate fetches."""
        reply = self.back_channel(
            "/proof-requests", {"handle": query_of(answer.headers["location"])["handle"]}, client_id
        )
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def push(
        self,
        transaction: str,
        account_id: str = "7",
        client_id: str = "orders",
        said: dict[str, Any] | None = None,
        **account: Any,
    ) -> Any:
        """said: what else the gate says of the proof."""
        known = {"account_id": account_id, "username": f"u{account_id}", "email": f"u{account_id}@shop.example"}
        body = {
            "transaction": transaction,
            "jti": f"jti-{next(self.tokens)}",
            "proven_at": self.clock(),
            "account": known | {"email_verified": True} | account,
            "amr": ["pwd"],
            **(said or {}),
        }
        return self.back_channel("/proofs", body, client_id)

    def back_channel(self, path: str, body: dict[str, Any], client_id: str = "orders", secret: str = "") -> Any:
        authorization = write_basic(client_id, secret or self.secrets[client_id])
        http = client_of(self.app)
        return http.post(path, json={"v": 1, **body}, headers={"authorization": authorization})

    def link(self, person: Person, account_id: str = "7", identity: Identity = ADA, client_id: str = "orders") -> Any:
        """Everything up to the answer of /proved."""
        transaction = self.ask_proof(self.sign_in(person, identity, client_id), client_id)
        code = self.push(transaction, account_id, client_id).json()["code"]
        return person.get(f"/proved?code={code}")

    def redeem(self, location: str, client_id: str = "orders", **more: str) -> Any:
        form = {
            "grant_type": "authorization_code",
            "code": query_of(location)["code"],
            "redirect_uri": f"https://{client_id}.example/.linkmw/callback",
            "code_verifier": VERIFIER,
        }
        http = client_of(self.app, follow_redirects=True)
        authorization = write_basic(client_id, self.secrets[client_id])
        return http.post(f"/o/{client_id}/token", data=form | more, headers={"authorization": authorization})

    def in_manager(self, person: Person, identity: Identity = ADA, **more: Any) -> Any:
        """Signed in at the manager: its page."""
        to_keycloak = person.get("/t/acme/sign-in").headers["location"]
        person.get(self.keycloak.signs_in(to_keycloak, identity, self.clock(), **more))
        return person.get("/t/acme/")

    def enters(self, answer: Any, client_id: str = "orders") -> str:
        """The account id that the code in `answer` is for."""
        return str(jwt_claims(self.redeem(answer.headers["location"], client_id).json()["id_token"])["sub"])

    # What a test looks at

    def links(self, identity: Identity = ADA) -> list[str]:
        rows = self._rows("SELECT client_id, account_id, subject FROM links")
        return sorted(f"{client}/{account}" for client, account, subject in rows if subject == identity.subject)

    def mails(self) -> list[Mail]:
        """What is due, oldest first; each is handed out once."""
        items = asyncio.run(self.sql.outbox.claim(self.clock(), 100))
        for item in items:
            asyncio.run(self.sql.outbox.sent(item.item_id, self.clock()))
        for item in items:
            LEDGER.shown("a mail", f"{item.mail.subject}\n{item.mail.text}\n{item.mail.html}")
        return [item.mail for item in items]

    def unlink_path(self) -> str:
        """The path in the newest mail's link."""
        text = next(mail.text for mail in reversed(self.mails()) if "/unlink/" in mail.text)
        found = re.search(r"/unlink/\S+", text)
        assert found
        return found[0]

    def audit(self) -> list[tuple[str, str]]:
        return [(event, code) for event, code in self._rows("SELECT event, code FROM audit ORDER BY audit_id")]

    def forget_registry(self) -> None:
        """A second has passed: what was kept of tenants and products is read anew."""
        self.sql.registry.__init__(self.sql.database, self.sql.registry._seal)  # type: ignore[misc]

    def stored(self) -> str:
        """Everything in the database file, as text."""
        with self.sql.database.engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            return "\n".join(raw.iterdump())

    def _rows(self, query: str) -> Any:
        with self.sql.database.engine.connect() as connection:
            return connection.exec_driver_sql(query).all()

    def add_link(self, account_id: str, identity: Identity = ADA, client_id: str = "orders") -> None:
        """A link that was made some other way."""
        new = NewLink(
            client_id=client_id,
            account=Account(account_id, f"u{account_id}"),
            identity=identity,
            identity_email="",
            flow=f"flow {account_id}",
            unlink_token_hash=f"hash {account_id}",
            proof="form",
            amr=(),
            created=self.clock(),
        )
        asyncio.run(self.sql.links.add(new, [], AuditEvent("linked", "ok", self.clock())))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A world's database, copied for each test: migrations, RSA keys and registering take their time once.

    secrets: the products', by client id. opened: its signing keys by their thumbprint, once one was read from its PEM.
    """

    path: Path
    key: str = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)
    opened: dict[str, PrivateKey] = field(default_factory=dict, repr=False)

    @classmethod
    def made(cls, path: Path) -> Prepared:
        key, clock = new_key(), Clock()
        stores = SqlStores.open(f"sqlite:///{path}", key, clock)
        stores.admin.prepare()
        secrets = World(stores, clock).secrets
        stores.close()
        return cls(path, key, secrets)

    @contextmanager
    def world(self, path: Path) -> Iterator[World]:
        """A new world, whose database is at `path`."""
        shutil.copy(self.path, path)
        clock = Clock()
        sql = SqlStores.open(f"sqlite:///{path}", self.key, clock)
        sql.keys._opened = self.opened
        try:
            yield World(sql, clock, self.secrets)
        finally:
            sql.close()
