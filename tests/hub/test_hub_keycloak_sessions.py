"""A real Keycloak: its client set up, its sessions ended from both sides, and what it tells the hub of them."""

from __future__ import annotations

import asyncio
import html
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from tests.secrets_in_logs import used

from linkmw.demo.parts.keycloak import Keycloak
from linkmw.demo.parts.processes import Processes, free_port
from linkmw.demo.parts.realm import CLIENT_ID, REALM, Person, hub_client, realm
from linkmw.errors import TokenRejected, Unavailable
from linkmw.hub import web
from linkmw.hub.ports import KeycloakSignIn
from linkmw.hub.relying_party import RelyingParty
from linkmw.keycloak import Administrator, KeycloakRefused, Realm, end_sessions
from linkmw.model import Identity, Secret, Tenant
from linkmw.oidc import authorize
from linkmw.stores.sql import clock

ADA = Person("ada@acme.example", "Lovelace-1815", "Ada", "Lovelace")
HUB = "http://hub.localhost:9"
SECRET = Secret("k" * 43)
TELL_SECONDS = 5


class _Hub(BaseHTTPRequestHandler):
    """Takes what Keycloak tells."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
        self.server.told.put((self.path, parse_qs(body)["logout_token"][0]))  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass


class Told:
    """The hub's back channel."""

    def __init__(self) -> None:
        self.server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
        self.server.told = Queue()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def next(self) -> str:
        path, token = self.server.told.get(timeout=TELL_SECONDS)
        assert path == f"/t/{REALM}/backchannel-logout"
        return str(token)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    told = Told()
    yield told
    told.close()


class Real:
    """A Keycloak, its administrator, and the hub as its client."""

    def __init__(self, keycloak: Keycloak, told: Told) -> None:
        self.keycloak = keycloak
        self.client = hub_client(HUB, told.url, SECRET)
        self.realm = Realm(Administrator(keycloak.internal_url, "admin", Secret(keycloak.admin_password)), REALM)
        self.tenant = Tenant(REALM, "ACME ID", keycloak.issuer, CLIENT_ID, SECRET, keycloak.internal_issuer)

    @contextmanager
    def admin(self) -> Iterator[httpx2.Client]:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin"}
        with httpx2.Client(base_url=self.keycloak.internal_url, timeout=20) as client:
            answer = client.post(
                "/realms/master/protocol/openid-connect/token", data=form | {"password": self.keycloak.admin_password}
            )
            client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"
            yield client

    def sessions(self, identity: Identity) -> int:
        with self.admin() as admin:
            return len(admin.get(f"/admin/realms/{REALM}/users/{identity.subject}/sessions").raise_for_status().json())


@pytest.fixture(scope="module")
def real(processes: Processes, told: Told, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    folder = tmp_path_factory.mktemp("keycloak")
    imported = realm(hub_client(HUB, told.url, SECRET), [ADA], free_port())
    keycloak = Keycloak(processes, folder, imported, port=free_port(), health_port=free_port())
    keycloak.start()
    used("a password", ADA.password, keycloak.admin_password)
    used("a client secret", str(SECRET))
    real = Real(keycloak, told)
    real.realm.set_up(real.client)
    yield real
    keycloak.stop()


class Visit:
    """A browser at Keycloak, and the hub as it would meet it. For one event loop."""

    def __init__(self, real: Real) -> None:
        self.real = real
        self.http = web.client(5)
        self.party = RelyingParty(self.http, clock, end_sessions)
        self.browser = httpx2.AsyncClient(timeout=10)

    async def __aenter__(self) -> Visit:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()
        await self.browser.aclose()

    async def get(self, url: str) -> httpx2.Response:
        """As a browser does, which knows keycloak.localhost."""
        return await self.browser.get(self._inside(url), headers=self._headers())

    def _inside(self, url: str) -> str:
        return url.replace(self.real.keycloak.url, self.real.keycloak.internal_url)

    def _headers(self) -> dict[str, str]:
        """Cookies too: they are for https, and for every *.localhost to a browser alone."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.browser.cookies.items())
        return {"host": urlsplit(self.real.keycloak.url).netloc, "cookie": cookies}

    async def signs_in(self) -> KeycloakSignIn:
        sign_in = authorize.new_sign_in(_token, then="", now=clock())
        callback = f"{HUB}/t/{REALM}/callback"
        page = await self.get(await self.party.authorization_url(self.real.tenant, sign_in, callback))
        found = re.search(r'action="([^"]+)"', page.text)
        assert found, page.text
        answer = await self.browser.post(
            self._inside(html.unescape(found[1])),
            data={"username": ADA.email, "password": ADA.password},
            headers=self._headers(),
        )
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        signed = await self.party.redeem(self.real.tenant, sign_in, query["code"][0], query["iss"][0], callback)
        used("an ID token", str(signed.id_token))
        return signed


def _token() -> str:
    token = secrets.token_urlsafe(32)
    used("a state, nonce or verifier", token)
    return token


def test_cf06_what_was_set_up_needs_no_change_and_what_was_loosened_is_repaired(real: Real) -> None:
    assert real.realm.plan(real.client) == []
    other = replace(real.client, logout_url="http://127.0.0.1:1/elsewhere")
    assert [change.what for change in real.realm.set_up(other)] == ["backchannel.logout.url"]
    assert [change.what for change in real.realm.set_up(real.client)] == ["backchannel.logout.url"]
    assert real.realm.plan(real.client) == []


def test_ops08_sc09_a_session_that_the_hub_ends_at_keycloak_is_told_back_with_its_sid(real: Real, told: Told) -> None:
    async def story() -> None:
        async with Visit(real) as visit:
            signed = await visit.signs_in()
            assert signed.session_state
            assert real.sessions(signed.identity) == 1
            await visit.party.end_sessions(real.tenant, signed.identity)
            assert real.sessions(signed.identity) == 0
            ended = await visit.party.verify_logout_token(real.tenant, told.next())
            assert (ended.subject, ended.sid) == (signed.identity.subject, signed.session_state)

    asyncio.run(story())


def test_rp_initiated_logout_with_the_id_token_asks_nothing_and_comes_back_with_its_state(
    real: Real, told: Told
) -> None:
    async def story() -> None:
        async with Visit(real) as visit:
            signed = await visit.signs_in()
            after = f"{HUB}/t/{REALM}/signed-out"
            url = await visit.party.end_session_url(real.tenant, after, id_token=signed.id_token, state="our-state")
            answer = await visit.get(url)
            assert answer.status_code == 302, answer.text
            assert answer.headers["location"] == f"{after}?state=our-state"
            assert real.sessions(signed.identity) == 0
            told.next()

    asyncio.run(story())


def test_fc22_without_the_id_token_keycloak_asks_first(real: Real, told: Told) -> None:
    async def story() -> None:
        async with Visit(real) as visit:
            signed = await visit.signs_in()
            after = f"{HUB}/t/{REALM}/signed-out"
            answer = await visit.get(await visit.party.end_session_url(real.tenant, after, state="our-state"))
            assert answer.status_code == 200
            assert "Do you want to log out?" in answer.text
            assert real.sessions(signed.identity) == 1
            elsewhere = await visit.party.end_session_url(real.tenant, "https://evil.example/", state="s")
            assert (await visit.get(elsewhere)).status_code == 400
            await visit.party.end_sessions(real.tenant, signed.identity)
            told.next()

    asyncio.run(story())


def test_tv27_a_logout_token_of_a_key_made_just_before_is_verified_without_restart(real: Real, told: Told) -> None:
    async def story() -> None:
        async with Visit(real) as visit:
            signed = await visit.signs_in()  # the keys of before are known
            with real.admin() as admin:
                _rotate(admin)
                admin.post(f"/admin/realms/{REALM}/users/{signed.identity.subject}/logout").raise_for_status()
            ended = await visit.party.verify_logout_token(real.tenant, told.next())
            assert ended.sid == signed.session_state
            again = await visit.signs_in()
            assert again.identity == signed.identity

    asyncio.run(story())


def _rotate(admin: httpx2.Client) -> None:
    """A new signing key, and the old ones gone."""
    root = f"/admin/realms/{REALM}"
    realm_id = admin.get(root).raise_for_status().json()["id"]
    kind = {"parent": realm_id, "type": "org.keycloak.keys.KeyProvider"}
    old = admin.get(f"{root}/components", params=kind).raise_for_status().json()
    new = {
        "name": "rotated",
        "providerId": "rsa-generated",
        "providerType": kind["type"],
        "parentId": realm_id,
        "config": {"priority": ["500"], "algorithm": ["RS256"], "keySize": ["2048"]},
    }
    admin.post(f"{root}/components", json=new).raise_for_status()
    for component in old:
        if component["providerId"] == "rsa-generated":
            admin.delete(f"{root}/components/{component['id']}").raise_for_status()


def test_tv25_a_token_of_another_realm_or_kind_is_refused(real: Real) -> None:
    async def story() -> None:
        async with Visit(real) as visit:
            signed = await visit.signs_in()
            for token in ("", "no.token.here", str(signed.id_token)):
                with pytest.raises(TokenRejected):
                    await visit.party.verify_logout_token(real.tenant, token)

    asyncio.run(story())


def test_a_person_who_is_unknown_there_has_no_sessions_and_a_wrong_secret_is_said(real: Real) -> None:
    nobody = Identity(real.tenant.issuer, "00000000-0000-0000-0000-000000000000")
    end_sessions(real.tenant, nobody, 5)
    with pytest.raises(KeycloakRefused):
        end_sessions(replace(real.tenant, keycloak_client_secret=Secret("w" * 43)), nobody, 5)
    with pytest.raises(Unavailable):
        end_sessions(replace(real.tenant, internal_issuer="http://127.0.0.1:1/realms/acme"), nobody, 5)
