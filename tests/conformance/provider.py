"""A local OpenID Provider that misbehaves as the modules of the OpenID conformance suite do, and who stands before it.

The suite's own server is Java with a database behind it; its modules for relying parties are short, and played here by
their names (docs/conformance.md). Both of our relying parties are driven from the outside: by a browser's requests and
by what they send over HTTP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import cache
from html import unescape
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import httpx2
from tests.gate.world import ADA as ACCOUNT
from tests.gate.world import HUB as GATES_HUB
from tests.gate.world import SETTINGS as GATES
from tests.gate.world import World as GateWorld
from tests.gate.world import streamed
from tests.hub.world import ACME, ADA, REALM, SETTINGS, Person, query_of
from tests.hub.world import World as HubWorld
from tests.oidc.conftest import Forge

from linkmw.errors import LinkmwError, Unavailable
from linkmw.gate import sign_out
from linkmw.gate.hub_client import HubClient
from linkmw.gate.wire import BlockingWire
from linkmw.http import Request
from linkmw.hub.app import build_app
from linkmw.hub.relying_party import RelyingParty
from linkmw.model import Identity, Marker, Tenant
from linkmw.oidc import authorize, logout_token
from linkmw.oidc.client_auth import write_basic
from linkmw.oidc.jose import PrivateKey

Claims = dict[str, Any]
NONE = '{"alg":"none"}'


@cache
def rsa_key(number: int) -> PrivateKey:
    """One of a few keys, each made once."""
    return PrivateKey.generate("RS256")


@dataclass(slots=True)
class Provider:
    """What a module changes is a field. keys: as published. signs: what the next token is signed with, and how."""

    issuer: str
    client_id: str
    secret: str
    now: Callable[[], int]
    keys: list[PrivateKey] = field(default_factory=list)
    key: PrivateKey = field(default_factory=lambda: rsa_key(0))
    claims: Claims = field(default_factory=dict)
    header: Claims = field(default_factory=dict)
    unsigned: bool = False
    metadata: Claims = field(default_factory=dict)
    userinfo: Claims = field(default_factory=dict)
    before_signing: Callable[[], None] = lambda: None
    asked: list[str] = field(default_factory=list)
    authorization: Claims = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = self.keys or [self.key]

    def rotates(self) -> None:
        """A new key signs, and it alone is published."""
        self.key = rsa_key(1)
        self.keys = [self.key]

    def authorizes(self, url: str) -> str:
        """Where the browser is sent that came to the authorization endpoint with `url`: who is asked for signs in."""
        assert url.startswith(f"{self.issuer}/authorize?")
        self.authorization = query_of(url)
        assert self.authorization["response_type"] == "code"
        assert self.authorization["code_challenge_method"] == "S256"
        answer = {"code": "a-code", "state": self.authorization["state"], "iss": self.issuer}
        return f"{self.authorization['redirect_uri']}?{httpx2.QueryParams(answer)}"

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix(urlsplit(self.issuer).path)
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return httpx2.Response(200, json=self.document())
        if path == "/jwks":
            return httpx2.Response(200, json={"keys": [key.public_jwk() for key in self.keys]})
        if path == "/userinfo":
            return httpx2.Response(200, json=self.userinfo)
        assert path == "/token", path
        return self._tokens(request)

    def document(self) -> Claims:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/end_session",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }

    def _tokens(self, request: httpx2.Request) -> httpx2.Response:
        """The token endpoint: `client_secret_basic`, the code, its redirect URI and its verifier, all of them exact."""
        given = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        assert request.headers["authorization"] == write_basic(self.client_id, self.secret)
        assert given["code"] == "a-code"
        assert given["redirect_uri"] == self.authorization["redirect_uri"]
        assert authorize.code_challenge(given["code_verifier"]) == self.authorization["code_challenge"]
        self.before_signing()
        return httpx2.Response(
            200, json={"id_token": self.id_token(), "access_token": "an-access-token", "token_type": "Bearer"}
        )

    def id_token(self) -> str:
        now = self.now()
        return self.signed(
            {
                "iss": self.issuer,
                "sub": "ada-sub",
                "aud": self.client_id,
                "iat": now,
                "exp": now + 300,
                "auth_time": now,
                "nonce": self.authorization["nonce"],
                "sid": "provider-session",
                **self.claims,
            }
        )

    def logout_token(self, **changes: Any) -> str:
        right = logout_token.claims_for(
            issuer=self.issuer,
            audience=self.client_id,
            now=self.now(),
            jti="one-jti",
            subject=self.claims.get("sub", "ada-sub"),
            sid="provider-session",
        )
        return self.signed({**right, **changes}, typ=logout_token.TYP)

    def signed(self, claims: Claims, typ: str = "JWT") -> str:
        """None as a value leaves a claim or a header out."""
        kept = {name: value for name, value in claims.items() if value is not None}
        forge = Forge(self.key)
        if self.unsigned:
            return forge.raw(json.loads(NONE), kept).rpartition(".")[0] + "."
        return forge.token(kept, typ=typ, **self.header)


class Party(Protocol):
    """A relying party of ours, with one browser in front of it.

    provider: whom it trusts. codes: why it refused what that sent, one after the other.
    """

    provider: Provider
    codes: list[str]

    def signs_in(self) -> bool:
        """A whole sign-in by a new browser: is the person in afterwards?"""

    def starts(self) -> bool:
        """Does the sign-in lead to the provider at all?"""

    def is_in(self) -> bool:
        """Is the person of the last sign-in still in?"""

    def signs_out(self) -> str:
        """The person signs out here: where the browser is sent."""

    def comes_back(self, state: str | None) -> int:
        """The provider sends the browser back after the sign-out; what status the page has."""

    def is_told(self, token: str) -> int:
        """The status of the answer to a logout token."""


def _recorded(codes: list[str], call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def recorded(*arguments: Any, **more: Any) -> Any:
        try:
            return await call(*arguments, **more)
        except LinkmwError as error:
            codes.append(error.code)
            raise

    return recorded


class HubParty:
    """The hub, whose provider is Keycloak."""

    def __init__(self, world: HubWorld) -> None:
        self.world = world
        self.provider = Provider(REALM, ACME.keycloak_client_id, ACME.keycloak_client_secret, world.clock)
        http = httpx2.AsyncClient(transport=httpx2.MockTransport(self.provider.answer), timeout=5.0)
        real: Any = RelyingParty(http, world.clock, _no_admin)
        self.codes: list[str] = []
        for name in ("authorization_url", "redeem", "verify_logout_token"):
            setattr(real, name, _recorded(self.codes, getattr(real, name)))
        ports = replace(world.ports, provider=real)
        self.app = build_app(ports, SETTINGS)
        world.add_link("7", ADA)
        self.person = Person(self.app)

    def signs_in(self) -> bool:
        self.person = Person(self.app)
        started = self.person.get(self.world.authorize_url())
        answer = self.person.get(self.provider.authorizes(started.headers["location"]))
        entered = answer.status_code == 303 and "code" in query_of(answer.headers["location"])
        assert entered == self.is_in()
        return entered

    def starts(self) -> bool:
        answer = self.person.get(self.world.authorize_url())
        return bool(answer.status_code == 303 and answer.headers["location"].startswith(f"{REALM}/authorize?"))

    def is_in(self) -> bool:
        return bool(self.person.get("/t/acme/").status_code == 200)

    def signs_out(self) -> str:
        out = self.person.submit(self.person.get("/t/acme/"), "/t/acme/sign-out")
        return str(out.headers["location"])

    def comes_back(self, state: str | None) -> int:
        asked = "" if state is None else f"?state={state}"
        return int(self.person.get(f"/t/acme/signed-out{asked}").status_code)

    def is_told(self, token: str) -> int:
        told = Person(self.app).http.post("/t/acme/backchannel-logout", data={"logout_token": token})
        return int(told.status_code)


def _no_admin(tenant: Tenant, identity: Identity, seconds: float) -> None:
    raise Unavailable("no Admin API here")


class GateParty:
    """The gate, whose provider is the hub: its endpoints are where the settings say, and are not discovered."""

    def __init__(self) -> None:
        self.world = GateWorld()
        now = self.world.clock
        self.provider = Provider(GATES.issuer, GATES.client_id, GATES.client_secret, now, claims={"sub": "17"})
        assert self.provider.issuer.startswith(GATES_HUB)
        wire = BlockingWire(httpx2.MockTransport(lambda request: streamed(self.provider.answer(request))))
        real = HubClient(GATES, wire, clock=lambda: float(now()), now=now, token=self.world.token)
        hub: Any = self.world.hub  # what is no OpenID Connect of the hub answers at once
        self.codes: list[str] = []
        for name in ("redeem", "verify_id_token", "verify_logout_token"):
            setattr(hub, name, _recorded(self.codes, getattr(real, name)))
        self.browser = self.world.browser()

    def signs_in(self) -> bool:
        self.browser = self.world.browser()
        started = self.browser.get("/.linkmw/login?next=%2Forders")
        self.browser.get(_path(self.provider.authorizes(dict(started.headers)["Location"])))
        return self.is_in()

    def starts(self) -> bool:
        answer = self.browser.get("/.linkmw/login?next=%2Forders")
        return bool(dict(answer.headers).get("Location", "").startswith(f"{self.provider.issuer}/authorize?"))

    def is_in(self) -> bool:
        marker = self._marker()
        stands = marker is not None and self.world.run(self.world.ports.sessions.get(marker.sid)) is not None
        assert not stands or self.browser.account == ACCOUNT.account_id
        return stands

    def _marker(self) -> Marker | None:
        row = self.world.product.sessions.get(self.browser.cookies.get("session", ""))
        return row[1] if row else None

    def signs_out(self) -> str:
        marker = self._marker()
        assert marker is not None
        cookies = "; ".join(f"{name}={value}" for name, value in self.browser.cookies.items())
        self.world.product.sessions.pop(self.browser.cookies.pop("session"))
        headers = {"sec-fetch-dest": "document", "sec-fetch-site": "same-origin", "accept": "text/html"}
        ended = sign_out.ended(
            self.world.ports, GATES, Request("POST", "/logout", headers={**headers, "cookie": cookies}), marker
        )
        self.browser.get(dict(self.world.run(ended).headers)["Location"])
        return _refreshed(self.browser.page)

    def comes_back(self, state: str | None) -> int:
        asked = "" if state is None else f"?state={state}"
        arrived = self.browser.get(f"/.linkmw/signed-out{asked}", site="cross-site")
        return int(self.browser.follow(arrived).status)

    def is_told(self, token: str) -> int:
        answer = self.world.browser().post("/.linkmw/logout", {"logout_token": token})
        return int(answer.status)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _refreshed(page: str) -> str:
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
    assert found, page
    return unescape(found[1])
