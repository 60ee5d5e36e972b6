"""A Keycloak on a real wire: silent, slow, cut off, hostile. The person is told in time, and nothing is sent twice."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.hub.test_hub_relying_party import CALLBACK, KEY, METADATA, SIGN_IN, no_admin
from tests.hub.world import ACME, ADA, REALM, Clock

from linkmw.errors import LinkmwError, ProtocolError, TokenRejected, Unavailable
from linkmw.hub import web
from linkmw.hub.identities import RealmIdentities
from linkmw.hub.ports import NewIdentity
from linkmw.hub.relying_party import RelyingParty
from linkmw.keycloak.users import Users
from linkmw.oidc.jose import PrivateKey, sign

TIMEOUT = 0.5  # what the hub gives Keycloak here; 5 s as it comes
IN_TIME = TIMEOUT * 1.2 + 0.2  # for a whole visit: under 6 s of 5 (KF01), and some for a busy machine
SLOW = TIMEOUT * 0.6
WAYS = ("silent", "drip", "reset", "500", "html", "no json", "huge")
ANOTHERS = ("{}", "[1]", "null", '[{"email":"x@acme.example"}]', '"x"')  # JSON that is none of Keycloak's


class Wire(ThreadingHTTPServer):
    """Keycloak's three back-channel addresses, and its Admin API. ways: by address, how it misbehaves."""

    daemon_threads = True
    request_queue_size = 64  # a crowd comes at once

    def __init__(self, clock: Clock) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.clock = clock
        self.metadata: dict[str, Any] = METADATA
        self.key = KEY
        self.ways: dict[str, str] = {}
        self.asked: list[str] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/realms/acme"

    def document(self, name: str) -> object:
        if name == "discovery":
            return self.metadata
        if name == "keys":
            return {"keys": [self.key.public_jwk()]}
        if name == "admin":
            return []  # nobody is found
        now = self.clock()
        claims = {
            "iss": REALM,
            "sub": "ada-sub",
            "aud": "linkmw-hub",
            "nonce": "nonce",
            "iat": now,
            "exp": now + 60,
            "auth_time": now - 5,
        }
        return {"id_token": sign(claims, self.key, typ="JWT"), "access_token": "at"}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has had enough is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: Wire
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if "/admin/realms/" in self.path:
            self._answer("admin")
        else:
            self._answer("discovery" if self.path.endswith("/openid-configuration") else "keys")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._answer("token" if self.path.endswith("/token") else "admin")

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def _answer(self, name: str) -> None:
        self.server.asked.append(name)
        way = self.server.ways.get(name, "")
        if way == "silent":
            self.server.closing.wait(30)
            return
        if way == "slow":
            self.server.closing.wait(SLOW)
        body = json.dumps(self.server.document(name)).encode()
        if way == "html":
            body = b"<h1>Welcome to the hotel</h1>"
        if way == "no json":
            body = b'{"issuer":'
        if way in ANOTHERS:
            body = way.encode()
        if way == "huge":
            body = b" " * (2 * web.MAX_ANSWER) + body
        self.send_response(500 if way == "500" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self._send(body, way)

    def _send(self, body: bytes, way: str) -> None:
        if way == "drip":
            for byte in body:
                self.wfile.write(bytes([byte]))
                if self.server.closing.wait(TIMEOUT / 5):
                    return
        elif way == "reset":
            self.wfile.write(body[:10])
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            with suppress(OSError):
                self.wfile.write(body)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wire(clock: Clock) -> Iterator[Wire]:
    wire = Wire(clock)
    threading.Thread(target=wire.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield wire
    wire.closing.set()
    wire.shutdown()
    wire.server_close()


class Hub:
    """The hub's relying party, and how long it took."""

    def __init__(self, wire: Wire, clock: Clock, timeout: float) -> None:
        self.http = web.client(timeout)
        self.party = RelyingParty(self.http, clock, no_admin)
        self.tenant = replace(ACME, internal_issuer=wire.url)

    async def sends(self) -> str:
        return await self.party.authorization_url(self.tenant, SIGN_IN, CALLBACK)

    async def redeems(self) -> str:
        return (await self.party.redeem(self.tenant, SIGN_IN, "kc-code", REALM, CALLBACK)).identity.subject


def hub_story(wire: Wire, clock: Clock, story: Callable[[Hub], Awaitable[None]], timeout: float = TIMEOUT) -> None:
    async def told() -> None:
        hub = Hub(wire, clock, timeout)
        try:
            await story(hub)
        finally:
            await hub.http.aclose()

    asyncio.run(told())


async def seconds_to_refuse(question: Awaitable[object], *kinds: type[LinkmwError]) -> float:
    began = time.monotonic()
    with pytest.raises(kinds or Unavailable):
        await question
    return time.monotonic() - began


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["discovery", "token", "keys"])
def test_kf01_kf02_whatever_one_address_does_the_person_is_told_in_time_and_the_code_sent_once(
    wire: Wire, clock: Clock, name: str, way: str
) -> None:
    async def story(hub: Hub) -> None:
        wire.ways = {name: way}
        assert await seconds_to_refuse(hub.redeems(), Unavailable, ProtocolError) < IN_TIME
        assert wire.asked.count("token") == (0 if name == "discovery" else 1)
        wire.ways = {}
        clock.move(31)  # keys that could not be read are asked for again after half a minute at the latest
        assert await hub.redeems() == "ada-sub"

    hub_story(wire, clock, story)


def test_kf01_slow_everywhere_is_not_thrice_as_slow(wire: Wire, clock: Clock) -> None:
    async def story(hub: Hub) -> None:
        wire.ways = dict.fromkeys(("discovery", "token", "keys"), "slow")
        assert await seconds_to_refuse(hub.redeems()) < IN_TIME

    hub_story(wire, clock, story)


def test_kf01_a_crowd_before_a_silent_keycloak_waits_no_longer_than_one(wire: Wire, clock: Clock) -> None:
    async def story(hub: Hub) -> None:
        wire.ways = {"discovery": "silent"}
        assert max(await asyncio.gather(*(seconds_to_refuse(hub.sends()) for _ in range(20)))) < IN_TIME

    hub_story(wire, clock, story)


def test_kf01_with_metadata_an_hour_old_nobody_waits_for_newer(wire: Wire, clock: Clock) -> None:
    async def story(hub: Hub) -> None:
        await hub.sends()
        clock.move(3600)
        wire.ways = {"discovery": "silent"}
        began = time.monotonic()
        assert len({*await asyncio.gather(*(hub.sends() for _ in range(20)))}) == 1
        assert time.monotonic() - began < TIMEOUT

    hub_story(wire, clock, story)


def test_kf01_a_keycloak_that_is_not_there_is_said_at_once(clock: Clock, wire: Wire) -> None:
    wire.shutdown()
    wire.server_close()

    async def story(hub: Hub) -> None:
        assert await seconds_to_refuse(hub.redeems()) < IN_TIME

    hub_story(wire, clock, story)


@pytest.mark.parametrize(
    ("hostile", "code"),
    [
        ({"issuer": REALM + "/"}, "metadata_issuer"),
        ({"issuer": REALM.replace("kc.", "KC.")}, "metadata_issuer"),
        ({"issuer": REALM.replace(".example", ".example:443")}, "metadata_issuer"),
        ({"issuer": "https://kc.example/realms/other"}, "metadata_issuer"),
        ({"token_endpoint": "http://kc.example/token"}, "metadata_endpoint"),
        ({"token_endpoint": "https://evil.example/token"}, "metadata_endpoint"),
        ({"jwks_uri": "https://kc.example@evil.example/certs"}, "metadata_endpoint"),
        ({"jwks_uri": "file:///etc/passwd"}, "metadata_endpoint"),
        ({"authorization_endpoint": "https://evil.example/auth"}, "metadata_endpoint"),
    ],
)
@pytest.mark.parametrize("when", ["at first", "later"])
def test_fc14_fc15_kf01_hostile_metadata_is_refused_at_first_and_at_every_renewal(
    wire: Wire, clock: Clock, hostile: dict[str, str], code: str, when: str
) -> None:
    async def story(hub: Hub) -> None:
        if when == "later":
            await hub.sends()
            clock.move(3600)
        wire.metadata = METADATA | hostile
        with pytest.raises(ProtocolError) as refused:
            await hub.redeems()
        assert refused.value.code == code
        assert "token" not in wire.asked
        assert not await hub.party.healthy(hub.tenant)  # so the button goes
        wire.metadata = METADATA
        clock.move(1)
        assert await hub.party.healthy(hub.tenant)
        assert await hub.redeems() == "ada-sub"

    hub_story(wire, clock, story)


def test_rc15_a_crowd_of_sign_ins_asks_for_metadata_and_keys_once(wire: Wire, clock: Clock) -> None:
    async def story(hub: Hub) -> None:
        assert await asyncio.gather(*(hub.redeems() for _ in range(16))) == ["ada-sub"] * 16
        assert (wire.asked.count("discovery"), wire.asked.count("keys")) == (1, 1)
        wire.key = PrivateKey.generate("RS256")  # rotated, and the old one gone (TV27)
        assert await asyncio.gather(*(hub.redeems() for _ in range(16))) == ["ada-sub"] * 16
        assert wire.asked.count("keys") == 2

    hub_story(wire, clock, story, timeout=10)


def test_tv10_rc15_a_key_that_nobody_publishes_is_looked_for_once(wire: Wire, clock: Clock) -> None:
    async def story(hub: Hub) -> None:
        await hub.redeems()
        published = wire.key.public_jwk()
        wire.key = _Unpublished(PrivateKey.generate("RS256"), published)  # type: ignore[assignment]
        outcomes = await asyncio.gather(*(hub.redeems() for _ in range(16)), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {TokenRejected}
        assert wire.asked.count("keys") == 2

    hub_story(wire, clock, story, timeout=10)


class _Unpublished:
    """Signs with one key and publishes another."""

    def __init__(self, key: PrivateKey, published: dict[str, Any]) -> None:
        self._key, self._published = key, published

    def public_jwk(self) -> dict[str, Any]:
        return self._published

    def __getattr__(self, name: str) -> Any:
        return getattr(self._key, name)


@pytest.mark.parametrize("question", ["of_address", "of_identity", "create", "cancel_email_change"])
@pytest.mark.parametrize("way", ["silent", "reset", "500", "html", "no json", *ANOTHERS])
@pytest.mark.parametrize("name", ["token", "admin"])
def test_kf01_i4_whatever_the_admin_api_answers_nobody_is_read_from_it(
    wire: Wire, name: str, way: str, question: str
) -> None:
    wire.ways = {name: way}
    tenant = replace(ACME, internal_issuer=wire.url)
    identities = RealmIdentities(lambda of: Users.of(of, TIMEOUT), TIMEOUT)
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "of_address": lambda: identities.of_address(tenant, "x@acme.example"),
        "of_identity": lambda: identities.of_identity(tenant, ADA),
        "create": lambda: identities.create(tenant, NewIdentity("x@acme.example")),
        "cancel_email_change": lambda: identities.cancel_email_change(tenant, ADA),
    }
    with pytest.raises(Unavailable):
        asyncio.run(_awaited(asked[question]))


async def _awaited(question: Callable[[], Awaitable[object]]) -> object:
    return await question()
