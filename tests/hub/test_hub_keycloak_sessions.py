"""A real Keycloak: its client set up, its sessions ended from both sides, and what it tells the hub of them."""

from __future__ import annotations

import asyncio
import html
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import pytest
from tests.secrets_in_logs import used

from linkmw.demo.parts.keycloak import Keycloak
from linkmw.demo.parts.processes import Processes, free_port
from linkmw.demo.parts.realm import CLIENT_ID, REALM, Person, hub_client, realm, user
from linkmw.errors import ProviderRefused, TokenRejected, Unavailable
from linkmw.hub import web
from linkmw.hub.ports import KeycloakSignIn
from linkmw.hub.relying_party import RelyingParty
from linkmw.keycloak import Administrator, KeycloakRefused, Realm, end_sessions
from linkmw.model import Identity, Tenant
from linkmw.oidc import authorize
from linkmw.secret import Secret
from linkmw.stores.sql import clock

ADA = Person("ada@acme.example", "Lovelace-1815", "Ada", "Lovelace")
HUB = "http://hub.localhost:9"
CALLBACK = f"{HUB}/t/{REALM}/callback"
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

    def waiting(self) -> Iterator[str]:
        """The next, and all that have come."""
        yield self.next()
        while not self.server.told.empty():
            yield self.next()

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


class _Counted(BaseHTTPRequestHandler):
    """Hands everything on to Keycloak, and notes what was asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._hand_on(b"")

    def do_POST(self) -> None:
        self._hand_on(self.rfile.read(int(self.headers["content-length"])))

    def _hand_on(self, body: bytes) -> None:
        server: Any = self.server
        server.asked.append(self.path.rpartition("/")[2])
        given = {name: self.headers[name] for name in ("host", "authorization", "content-type") if name in self.headers}
        answer = server.http.request(self.command, f"{server.keycloak}{self.path}", headers=given, content=body)
        self.send_response(answer.status_code)
        self.send_header("content-type", answer.headers["content-type"])
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def counting(keycloak: Keycloak) -> Iterator[tuple[str, list[str]]]:
    """A proxy in front of Keycloak: the realm as it is reached through it, and the last word of each path asked for."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Counted)
    server.daemon_threads = True
    server.asked, server.keycloak = [], keycloak.internal_url
    with httpx2.Client(timeout=20) as server.http:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/realms/{REALM}", server.asked
        finally:
            server.shutdown()
            server.server_close()


class Visit:
    """A browser at Keycloak, and the hub as it would meet it. For one event loop."""

    def __init__(self, real: Real, ahead: int = 0) -> None:
        """ahead: seconds that the hub's clock is ahead of Keycloak's."""
        self.real = real
        self.http = web.client(5)
        self.party = RelyingParty(self.http, lambda: clock() + ahead, end_sessions)
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
        await self.begins()
        return await self.redeems(await self.types_password())

    async def begins(self) -> httpx2.Response:
        """Keycloak's answer: its sign-in page or, to who is signed in there, the way back."""
        self.sign_in = authorize.new_sign_in(_token, then="", now=clock())
        url = await self.party.authorization_url(self.real.tenant, self.sign_in, CALLBACK)
        return await self._arrives(await self.get(url))

    async def types_password(self) -> httpx2.Response:
        return await self.sends(username=ADA.email, password=ADA.password)

    async def sends(self, **fields: str) -> httpx2.Response:
        """The form of the page that is open, with these fields; Keycloak's answer, which is the page from then on."""
        found = re.search(r'action="([^"]+)"', self.page.text)
        assert found, self.page.text
        url = self._inside(urljoin(str(self.page.url), html.unescape(found[1])))
        return await self._arrives(await self.browser.post(url, data=fields, headers=self._headers()))

    async def _arrives(self, answer: httpx2.Response) -> httpx2.Response:
        """As far as Keycloak's own redirects lead."""
        while answer.headers.get("location", "").startswith(self.real.keycloak.url):
            answer = await self.get(answer.headers["location"])
        self.page = answer
        return answer

    async def redeems(self, answer: httpx2.Response) -> KeycloakSignIn:
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        signed = await self.party.redeem(self.real.tenant, self.sign_in, query["code"][0], query["iss"][0], CALLBACK)
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


def test_sc11_ops08_one_session_ends_at_keycloak_and_the_others_stand(real: Real, told: Told) -> None:
    async def story() -> None:
        async with Visit(real) as here, Visit(real) as there:
            mine, other = await here.signs_in(), await there.signs_in()
            assert real.sessions(mine.identity) == 2
            for _ in range(2):  # the second time it is gone already
                await here.party.end_sessions(real.tenant, mine.identity, other.session_state)
            assert real.sessions(mine.identity) == 1
            ended = await here.party.verify_logout_token(real.tenant, told.next())
            assert ended.sid == other.session_state
            await here.party.end_sessions(real.tenant, mine.identity, mine.session_state)
            told.next()

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


def test_g06_a_returning_sign_in_is_one_call_to_a_real_keycloak(real: Real, told: Told) -> None:
    async def story(through: Real, asked: list[str]) -> None:
        async with Visit(through) as visit:
            signed = await visit.signs_in()
            assert sorted(asked) == ["certs", "openid-configuration", "token"]
            asked.clear()
            again = await visit.redeems(await visit.begins())  # Keycloak's own session: nothing is typed
            assert again.identity == signed.identity
            assert asked == ["token"]
            with real.admin() as admin:
                _rotate(admin)
            asked.clear()
            await visit.redeems(await visit.begins())
            assert asked == ["token", "certs"]
            await visit.party.end_sessions(real.tenant, signed.identity)
            told.next()

    with counting(real.keycloak) as (issuer, asked):
        through = copy(real)
        through.tenant = replace(real.tenant, internal_issuer=issuer)
        asyncio.run(story(through, asked))


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
    end_sessions(real.tenant, nobody, "", 5)
    with pytest.raises(KeycloakRefused):
        end_sessions(replace(real.tenant, keycloak_client_secret=Secret("w" * 43)), nobody, "", 5)
    with pytest.raises(Unavailable):
        end_sessions(replace(real.tenant, internal_issuer="http://127.0.0.1:1/realms/acme"), nobody, "", 5)


# --- what changes at Keycloak under way (KF03), and its clock (KF08) ----------------------------


def changed(real: Real, path: str, **changes: object) -> None:
    """An administrator changes this at the console."""
    with real.admin() as admin:
        found = admin.get(f"/admin/realms/{REALM}{path}").raise_for_status().json()
        admin.put(f"/admin/realms/{REALM}{path}", json={**found, **changes}).raise_for_status()


def id_of(real: Real, kind: str, **query: str) -> str:
    with real.admin() as admin:
        (found,) = admin.get(f"/admin/realms/{REALM}/{kind}", params=query).raise_for_status().json()
        return str(found["id"])


@pytest.mark.parametrize(
    ("ahead", "code"),
    [(-50, ""), (50, ""), (-120, "token_issued_ahead"), (120, "token_expired")],
)
def test_kf08_a_minute_between_the_clocks_is_forgiven_and_two_are_said_to_be_a_clock(
    real: Real, ahead: int, code: str
) -> None:
    async def story() -> None:
        async with Visit(real, ahead) as visit:
            if not code:
                assert (await visit.signs_in()).email == ADA.email
                return
            with pytest.raises(TokenRejected, match="a clock is wrong") as refused:
                await visit.signs_in()
            assert refused.value.code == code

    with real.admin() as admin:
        before = admin.get(f"/admin/realms/{REALM}").raise_for_status().json()["accessTokenLifespan"]
    changed(real, "", accessTokenLifespan=60)  # what a clock that is ahead runs into; longer, and it does no harm
    try:
        asyncio.run(story())
    finally:
        changed(real, "", accessTokenLifespan=before)


def test_kf03_a_realm_that_is_disabled_under_way_is_the_operators_and_works_again_when_enabled(real: Real) -> None:
    async def story() -> None:
        async with Visit(real) as visit:
            await visit.begins()
            answer = await visit.types_password()
            changed(real, "", enabled=False)
            try:
                with pytest.raises(Unavailable, match=f"realms/{REALM} is disabled at Keycloak") as refused:
                    await visit.redeems(answer)
                assert refused.value.code == "keycloak_disabled"
            finally:
                changed(real, "", enabled=True)
        async with Visit(real) as visit:
            assert (await visit.signs_in()).email == ADA.email

    asyncio.run(story())


@pytest.mark.parametrize("gone", ["disabled", "deleted"])
def test_kf03_who_is_disabled_or_deleted_under_way_does_not_come_in(real: Real, gone: str) -> None:
    person = Person(f"{gone}@acme.example", "Difference-Engine-2", "Kim", "Example")
    used("a password", person.password)
    with real.admin() as admin:
        admin.post(f"/admin/realms/{REALM}/users", json=user(person)).raise_for_status()
    subject = id_of(real, "users", email=person.email, exact="true")

    async def story() -> None:
        async with Visit(real) as visit:
            await visit.begins()
            answer = await visit.sends(username=person.email, password=person.password)
            if gone == "disabled":
                changed(real, f"/users/{subject}", enabled=False)
            else:
                with real.admin() as admin:
                    admin.delete(f"/admin/realms/{REALM}/users/{subject}").raise_for_status()
            with pytest.raises(ProviderRefused) as refused:
                await visit.redeems(answer)
            assert refused.value.error == "invalid_grant"
            assert (await visit.begins()).status_code == 200  # and no other way in: a page, not an answer

    asyncio.run(story())


def test_kf03_a_consent_that_was_revoked_ends_its_sessions_and_is_asked_for_again(real: Real, told: Told) -> None:
    client, ada = id_of(real, "clients", clientId=CLIENT_ID), id_of(real, "users", email=ADA.email, exact="true")

    async def story() -> None:
        async with Visit(real) as visit:
            await visit.begins()
            assert "Grant Access" in (await visit.types_password()).text
            signed = await visit.redeems(await visit.sends(accept="Yes"))
            assert (await visit.begins()).status_code == 302  # once given, nobody is asked
            with real.admin() as admin:
                admin.delete(f"/admin/realms/{REALM}/users/{ada}/consents/{CLIENT_ID}").raise_for_status()
            ended = [(await visit.party.verify_logout_token(real.tenant, token)).sid for token in told.waiting()]
            assert signed.session_state in ended
            page = await visit.begins()
            assert page.status_code == 200
            if "Grant Access" not in page.text:
                page = await visit.types_password()
            assert "Grant Access" in page.text
            answer = await visit.sends(cancel="No")
            assert "error=access_denied" in answer.headers["location"]

    changed(real, f"/clients/{client}", consentRequired=True)
    try:
        asyncio.run(story())
    finally:
        changed(real, f"/clients/{client}", consentRequired=False)
