"""A gate without a network: memory stores, a hub and a product that answer at once, browsers, a clock to move."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
from tests.secrets_in_logs import LEDGER, used

from linkmw.errors import LinkRefused, ProviderRefused, TokenRejected, Unavailable
from linkmw.gate import routes
from linkmw.gate.browser import cookie_name
from linkmw.gate.doors import Doors
from linkmw.gate.permits import Permits
from linkmw.gate.ports import (
    AccountFacts,
    Branding,
    HubState,
    Joining,
    Ports,
    SecondFactor,
    Tokens,
)
from linkmw.http import Answer, Headers, Request, Response
from linkmw.log import Changes
from linkmw.model import Account, Marker, Proof, ProofRequest
from linkmw.run import in_place, run_now
from linkmw.secret import Secret
from linkmw.settings import Settings
from linkmw.stores.memory import GateMemory

NOW = 1_800_000_000
SITE = "https://orders.example"
HUB = "https://id.example"

SETTINGS = Settings(
    hub_url=HUB,
    public_url=SITE,
    organization_id="acme",
    client_id="orders",
    client_secret=Secret("s" * 43),
    redis_url="redis://127.0.0.1:1/0",
    forgot_password="/forgot",
    second_factor_help="/help/2fa",
)
BRANDING = Branding(
    brand="ACME ID", product="Orders", primary="#3b4cc0", brand_primary="#0f5c4d", contact="help@acme.example"
)
ADA = Account("17", "ada", "ada@orders.example")
BOB = Account("23", "bob", "bob@orders.example")
SECRET_160 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238, appendix B
SECRET_80 = "GEZDGNBVGY3TQOJQ"


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> int:
        return self.time


class Tokens43:
    """Tokens as long as real ones, each another."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self) -> str:
        digest = hashlib.sha256(str(len(self.made)).encode()).hexdigest()[:43]
        used("a token", digest)
        self.made.append(digest)
        return digest


@dataclass
class FakeHub:
    """The hub as the gate sees it. away: nothing answers. requests: handle → what it stands for, given once."""

    clock: Clock
    away: bool = False
    mode: Any = "beside"
    healthy: bool = True
    percent: int = 100
    proofs: tuple[str, ...] = ("form", "native")
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": ADA.account_id, "preferred_username": "ada"})
    codes: set[str] = field(default_factory=set)
    redeemed: list[tuple[str, str]] = field(default_factory=list)
    nonces: list[str] = field(default_factory=list)
    requests: dict[str, ProofRequest] = field(default_factory=dict)
    pushed: list[Proof] = field(default_factory=list)
    push_error: Exception | None = None
    gone: list[str] = field(default_factory=list)
    calls: dict[str, dict[str, object]] = field(default_factory=dict)
    asked: int = 0

    def _answer(self) -> None:
        self.asked += 1
        if self.away:
            raise Unavailable("the hub does not answer")

    async def state(self) -> HubState:
        self._answer()
        return HubState(self.mode, self.healthy, BRANDING, self.percent, proofs=self.proofs)

    async def branding(self) -> Branding:
        return BRANDING

    async def redeem(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        self._answer()
        self.redeemed.append((code, verifier))
        if code not in self.codes:
            raise ProviderRefused("invalid_grant")
        self.codes.discard(code)
        return Tokens(f"id-token-for-{code}")

    async def verify_id_token(self, token: str, nonce: str) -> dict[str, object]:
        self.nonces.append(nonce)
        if "error" in self.claims:
            raise TokenRejected("wrong", code=self.claims["error"])
        return self.claims

    async def proof_request(self, handle: str) -> ProofRequest | None:
        self._answer()
        return self.requests.pop(handle, None)

    async def push_proof(self, proof: Proof) -> str:
        self._answer()
        if self.push_error is not None:
            raise self.push_error
        self.pushed.append(proof)
        return f"proof-code-{len(self.pushed)}"

    async def account_gone(self, account_id: str) -> None:
        self._answer()
        self.gone.append(account_id)

    async def verify_logout_token(self, token: str) -> dict[str, object]:
        if token not in self.calls:
            raise TokenRejected("no such token", code="token_signature")
        return self.calls[token]

    async def verify_call(self, token: str, method: str, url: str, body: bytes) -> dict[str, object]:
        if token not in self.calls or (method, url) != ("POST", f"{SITE}/.linkmw/accounts"):
            raise TokenRejected("no such call", code="token_signature")
        return self.calls[token]


@dataclass
class FakeProduct:
    """A product with a session cookie that names a row of `sessions`; a new row for every sign-in (SC01)."""

    accounts: dict[str, Account] = field(default_factory=lambda: {"ada": ADA, "bob": BOB})
    passwords: dict[str, str] = field(default_factory=lambda: {"ada": "correct horse", "bob": "b0b"})
    factors: dict[str, SecondFactor] = field(default_factory=dict)
    own_codes: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, tuple[str, Marker | None]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    inactive: set[str] = field(default_factory=set)
    broken: bool = False
    keeps_sessions: bool = True
    newest: str = ""
    looked_up: list[str] = field(default_factory=list)
    unjoinable: set[str] = field(default_factory=set)
    of_directory: set[str] = field(default_factory=set)
    resets: list[str] = field(default_factory=list)
    sends_resets: bool = True
    staff: bool | None = None

    def current_account(self, request: Request) -> Account | None:
        if self.broken:
            raise RuntimeError("the user table is gone")
        row = self.sessions.get(request.cookie("session") or "")
        return self._by_id(row[0]) if row else None

    def _by_id(self, account_id: str) -> Account | None:
        return next((one for one in self.accounts.values() if one.account_id == account_id), None)

    def is_complete(self, request: Request) -> bool:
        return True

    def verify_password(self, request: Request, username: str, password: str) -> Account | None:
        self.asked.append((username, password))
        right = username in self.passwords and self.passwords[username] == password
        return self.accounts[username] if right else None

    def second_factor(self, request: Request, account_id: str) -> SecondFactor:
        return self.factors.get(account_id)

    def verify_second_factor(self, request: Request, account_id: str, code: str) -> bool:
        return self.own_codes.get(account_id) == code

    def start_session(self, request: Request, account_id: str, marker: Marker | None) -> Headers:
        if self._by_id(account_id) is None:
            raise LinkRefused("nobody", code="account_gone")
        if account_id in self.inactive:
            raise LinkRefused("switched off", code="account_inactive")
        self.sessions.pop(request.cookie("session") or "", None)
        name = f"row{len(self.sessions)}{account_id}{marker.sid[:6] if marker else 'native'}"
        self.sessions[name] = (account_id, marker)
        self.newest = name
        return (("Set-Cookie", f"session={name}; Path=/; HttpOnly"),)

    def end_session(self, request: Request) -> Headers:
        self.sessions.pop(request.cookie("session") or "", None)
        return (("Set-Cookie", "session=; Path=/; Max-Age=0"),)

    def reference(self, request: Request) -> str:
        return self.newest if self.keeps_sessions else ""

    def end_referenced(self, reference: str) -> None:
        if self.broken:
            raise RuntimeError("the session table is gone")
        self.sessions.pop(reference, None)

    def find(self, account_id: str) -> AccountFacts | None:
        found = self._by_id(account_id)
        return AccountFacts(found, account_id not in self.inactive, True, staff=self.staff) if found else None

    def find_by_name(self, name: str) -> AccountFacts | None:
        self.looked_up.append(name)
        found = [one for one in self.accounts.values() if name in (one.username, one.email)]
        return self._facts(found[0]) if len(found) == 1 else None

    def _facts(self, account: Account) -> AccountFacts:
        return AccountFacts(account, account.account_id not in self.inactive, True, account.username)

    def joining(self, email: str) -> list[Joining]:
        return [
            Joining(one, one.account_id not in self.unjoinable, NOW - 86_400)
            for one in self.accounts.values()
            if one.email == email
        ]

    def owns_password(self, account_id: str) -> bool:
        return account_id not in self.of_directory

    def send_reset(self, request: Request, email: str) -> bool:
        self.resets.append(email)
        return self.sends_resets


class World:
    """One gate and everything round it."""

    def __init__(self, **settings: Any) -> None:
        self.settings = replace(SETTINGS, **settings)
        self.clock = Clock()
        self.hub = FakeHub(self.clock)
        self.product = FakeProduct()
        used("a password", *self.product.passwords.values())
        self.store = GateMemory(self.clock)
        self.redis_away = False
        self.token = Tokens43()
        self.ports = Ports(
            sign_ins=self.store.sign_ins,
            proofs=self.store.proofs,
            sessions=self.store.sessions,
            marks=self.store.marks,
            tries=self.store.tries,
            entries=self.store.entries,
            sign_outs=self.store.sign_outs,
            password_hashes=self.store.password_hashes,
            armings=self.store.armings,
            hub=self.hub,
            product=self.product,
            call=in_place,
            now=self.clock,
            token=self.token,
            ping=self._ping,
            doors=self.new_doors(),
        )

    def new_doors(self) -> Doors:
        """Those of a process that has just begun; nothing of what they hear is kept."""
        self.permits = Permits(Path(self.settings.break_glass), self.clock, lambda: float(self.clock()))
        settings = replace(self.settings, probe_seconds=0.0)
        return Doors(
            settings,
            self.hub,
            self._ping,
            self.store.switched_on,
            self.permits,
            now=self.clock,
            said=Changes(),
            clock=lambda: float(self.clock()),
        )

    async def _ping(self) -> bool:
        if self.redis_away:
            raise Unavailable("Redis: ConnectionError")
        return True

    def having(self, **ports: Any) -> None:
        """Another part in place of one of the world's."""
        self.ports = replace(self.ports, **ports)

    def run(self, flow: Coroutine[Any, Any, Any]) -> Any:
        return run_now(flow)

    def answer(self, request: Request) -> Answer:
        return run_now(routes.answer(self.ports, self.settings, request))

    def browser(self) -> Browser:
        return Browser(self)

    def proof_arrives(self, handle: str = "handle", email: str = "ada@acme.example", **changes: Any) -> str:
        """The hub has a proof request waiting under `handle`."""
        request = ProofRequest(Secret(f"transaction of {handle}"), "link", email, "", NOW + 300)
        self.hub.requests[handle] = replace(request, **changes)
        return handle


class Browser:
    """Keeps cookies, sends the headers a browser sends, fills in forms it was shown."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cookies: dict[str, str] = {}
        self.page = ""

    @property
    def mark(self) -> str:
        """Our own cookie in this browser."""
        return self.cookies.get(cookie_name(self.world.settings.client_id), "")

    def get(self, url: str, *, site: str = "same-origin", dest: str = "document", **headers: str) -> Any:
        path, _, query = url.partition("?")
        sent = {"sec-fetch-site": site, "sec-fetch-dest": dest, "accept": "text/html", **_named(headers)}
        return self.send(Request("GET", path, query, sent))

    def post(self, url: str, fields: dict[str, str] | None = None, **headers: str) -> Any:
        """Posts exactly `fields`."""
        sent = {
            "content-type": "application/x-www-form-urlencoded",
            "origin": SITE,
            "sec-fetch-site": "same-origin",
            **_named(headers),
        }
        kept = {name: value for name, value in sent.items() if value}
        return self.send(Request("POST", url, "", kept, urlencode(fields or {}).encode()))

    def submit(self, **typed: str) -> Any:
        """Fills in the form on the page it is looking at."""
        action = re.search(r'<form method="post" action="([^"]+)"', self.page)
        assert action, self.page
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', self.page)
        return self.post(unescape(action[1]), {**{name: unescape(value) for name, value in hidden}, **typed})

    def send(self, request: Request) -> Any:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.world.answer(replace(request, headers={**request.headers, "cookie": cookies}))
        if isinstance(answer, Response):
            self.page = answer.body.decode()
            LEDGER.shown("a page of the gate's", self.page)
            for name, value in answer.headers:
                if name == "Set-Cookie":
                    self._keep(value)
        return answer

    def _keep(self, header: str) -> None:
        pair, _, attributes = header.partition(";")
        name, _, value = pair.partition("=")
        if "Max-Age=0" in attributes:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

    def follow(self, answer: Response) -> Any:
        """Where a redirect of this site, or a page that goes on, leads."""
        link = location(answer) or unescape(re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', self.page)[1])  # type: ignore[index]
        assert link.startswith("/"), link
        return self.get(link)

    # ---- ways through the gate

    def starts(self, then: str = "/orders") -> dict[str, str]:
        """Presses the button; the parameters of the authorization request."""
        answer = self.get(f"/.linkmw/login?{urlencode({'next': then})}")
        assert answer.status == 303, self.page
        return {name: values[0] for name, values in parse_qs(urlsplit(location(answer)).query).items()}

    def returns(self, state: str, code: str = "", **more: str) -> Any:
        """Comes back from the hub with a code that is good."""
        code = code or f"code for {state[:8]}"
        self.world.hub.codes.add(code)
        query = {"state": state, "code": code, "iss": self.world.settings.issuer, **more}
        return self.get("/.linkmw/callback?" + urlencode(query))

    def signs_in_natively(self, account: Account) -> None:
        name = f"native{account.account_id}"
        self.world.product.sessions[name] = (account.account_id, None)
        self.cookies["session"] = name

    def arrives(self, handle: str = "handle", **asked: Any) -> Any:
        """Is sent to the proof page by the hub, with a request of these values; the page that is then shown."""
        self.world.proof_arrives(handle, **asked)
        return self.follow(self.get(f"/.linkmw/prove?handle={handle}"))

    @property
    def account(self) -> str:
        """Whom this browser's native session names."""
        row = self.world.product.sessions.get(self.cookies.get("session", ""))
        return row[0] if row else ""


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def location(answer: Response) -> str:
    return dict(answer.headers).get("Location", "")


def header(answer: Response, name: str) -> str:
    return dict(answer.headers).get(name, "")


def heading(html: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", html, re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", found[1])) if found else ""


def streamed(made: httpx2.Response) -> httpx2.Response:
    """The same answer, its body still to be read, as it comes from a network."""
    return httpx2.Response(made.status_code, headers=made.headers, content=iter([made.content]))
