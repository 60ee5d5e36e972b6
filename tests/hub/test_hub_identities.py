"""The realm's users: a real Keycloak makes them, finds them, and lets them in with the password that was carried."""

from __future__ import annotations

import asyncio
import html
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from tests.secrets_in_logs import used

from linkmw.demo.parts.keycloak import Keycloak
from linkmw.demo.parts.processes import Processes, free_port
from linkmw.demo.parts.realm import CLIENT_ID, REALM, hub_client, realm
from linkmw.errors import Unavailable
from linkmw.hub.identities import RealmIdentities, representation
from linkmw.hub.ports import KnownIdentity, NewIdentity
from linkmw.keycloak import SERVICE_ROLES, Administrator, Realm, Users
from linkmw.model import Identity, Secret, Tenant
from linkmw.oidc import authorize

HUB = "http://hub.localhost:9"
SECRET = Secret("k" * 43)
PASSWORD = "Difference-Engine-2"
SECONDS = 20  # a busy machine: what is tested is not how fast it is


def hashed(password: str) -> str:
    """As the gate makes it: Argon2id, in PHC form."""
    found = Argon2id(salt=os.urandom(16), length=32, iterations=5, lanes=1, memory_cost=7168)
    phc = found.derive_phc_encoded(password.encode())
    used("a password's hash", phc)
    return phc


class Real:
    """A Keycloak, its administrator, and the hub as its client."""

    def __init__(self, keycloak: Keycloak) -> None:
        self.keycloak = keycloak
        self.tenant = Tenant(REALM, "ACME ID", keycloak.issuer, CLIENT_ID, SECRET, keycloak.internal_issuer)
        self.identities = RealmIdentities(lambda tenant: Users.of(tenant, SECONDS), SECONDS)
        self.http = httpx2.Client(base_url=keycloak.internal_url, timeout=SECONDS)
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin"}
        answer = self.http.post(
            "/realms/master/protocol/openid-connect/token", data=form | {"password": keycloak.admin_password}
        )
        self.http.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"

    def admin(self, method: str, path: str, **more: Any) -> Any:
        answer = self.http.request(method, f"/admin/realms/{REALM}{path}", **more).raise_for_status()
        return answer.json() if answer.content else None

    def create(self, email: str, password_hash: str = "", **more: Any) -> Identity | None:
        return asyncio.run(self.identities.create(self.tenant, NewIdentity(email, password_hash, **more)))

    def of_address(self, email: str) -> list[KnownIdentity]:
        return asyncio.run(self.identities.of_address(self.tenant, email))

    def of_identity(self, identity: Identity) -> KnownIdentity | None:
        return asyncio.run(self.identities.of_identity(self.tenant, identity))

    def signs_in(self, name: str, password: str) -> httpx2.Response:
        """Keycloak's answer to its sign-in form."""
        with httpx2.Client(timeout=SECONDS) as browser:
            asked = authorize.request_url(
                f"{self.keycloak.issuer}/protocol/openid-connect/auth",
                client_id=CLIENT_ID,
                redirect_uri=f"{HUB}/t/{REALM}/callback",
                state="s" * 22,
                nonce="n" * 22,
                verifier="v" * 43,
            )
            form = browser.get(self._inside(asked), headers=self._headers(browser))
            action = re.search(r'action="([^"]+)"', form.text)
            assert action, form.text
            return browser.post(
                self._inside(html.unescape(action[1])),
                data={"username": name, "password": password},
                headers=self._headers(browser),
            )

    def _inside(self, url: str) -> str:
        return url.replace(self.keycloak.url, self.keycloak.internal_url)

    def _headers(self, browser: httpx2.Client) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        return {"host": urlsplit(self.keycloak.url).netloc, "cookie": cookies}


@pytest.fixture(scope="module")
def real(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    folder, client = tmp_path_factory.mktemp("keycloak"), hub_client(HUB, "http://127.0.0.1:9", SECRET)
    keycloak = Keycloak(processes, folder, realm(client, [], free_port()), port=free_port(), health_port=free_port())
    keycloak.start()
    used("a password", PASSWORD, keycloak.admin_password)
    used("a client secret", str(SECRET))
    Realm(Administrator(keycloak.internal_url, "admin", Secret(keycloak.admin_password)), REALM).set_up(client)
    real = Real(keycloak)
    names_are_optional(real)
    yield real
    real.http.close()
    keycloak.stop()


def names_are_optional(real: Real) -> None:
    """A stock realm asks for a first and a last name at the first sign-in, before anything else."""
    profile = real.admin("GET", "/users/profile")
    for attribute in profile["attributes"]:
        attribute.pop("required", None)
    real.admin("PUT", "/users/profile", json=profile)


def went_on(answer: httpx2.Response) -> bool:
    """Did Keycloak let the person in without another word?"""
    return answer.status_code == 302 and answer.headers["location"].startswith(f"{HUB}/t/{REALM}/callback?")


def test_ake05_ake15_a_new_identity_signs_in_with_the_password_of_the_product(real: Real) -> None:
    identity = real.create("Mia.Carries@acme.example", hashed(PASSWORD), language="de")
    assert identity
    known = real.of_identity(identity)
    address = "mia.carries@acme.example"
    assert known == KnownIdentity(identity, address, address, email_verified=True, enabled=True)
    assert went_on(real.signs_in(address, PASSWORD))
    assert not went_on(real.signs_in(address, PASSWORD.lower()))
    assert not went_on(real.signs_in(address, ""))
    assert real.admin("GET", f"/users/{identity.subject}")["attributes"] == {"locale": ["de"]}


def test_ake15_a_password_that_falls_short_lets_in_once_and_is_to_be_replaced(real: Real) -> None:
    real.admin("PUT", "", json={"passwordPolicy": "length(12)"})
    assert real.create("short@acme.example", hashed("Short-1"), falls_short=True)
    answer = real.signs_in("short@acme.example", "Short-1")
    assert "UPDATE_PASSWORD" in answer.headers["location"]
    real.admin("PUT", "", json={"passwordPolicy": ""})


def test_ake15_without_a_password_keycloak_asks_for_a_new_one(real: Real) -> None:
    identity = real.create("without@acme.example")
    assert identity
    assert real.admin("GET", f"/users/{identity.subject}")["requiredActions"] == ["UPDATE_PASSWORD"]
    assert real.admin("GET", f"/users/{identity.subject}/credentials") == []
    assert not went_on(real.signs_in("without@acme.example", ""))


def test_rc09_of_eight_first_sign_ins_at_once_one_makes_the_user(real: Real) -> None:
    password_hash = hashed(PASSWORD)
    with ThreadPoolExecutor(8) as at_once:
        made = list(at_once.map(lambda _: real.create("race@acme.example", password_hash), range(8)))
    (identity,) = [one for one in made if one]
    assert [known.identity for known in real.of_address("race@acme.example")] == [identity]


def test_pr01_an_address_is_found_as_email_and_as_somebody_elses_username_and_only_whole(real: Real) -> None:
    real.admin("PUT", "", json={"registrationEmailAsUsername": False})  # else Keycloak overwrites the usernames
    one = {"username": "first.owner@acme.example", "email": "other@acme.example", "enabled": True}
    two = {"username": "second", "email": "First.Owner@acme.example", "enabled": False}
    for user in (one, two):
        real.admin("POST", "/users", json=user)
    real.admin("PUT", "", json={"registrationEmailAsUsername": True})
    found = real.of_address("FIRST.owner@acme.example")
    assert {(known.username, known.email_verified, known.enabled) for known in found} == {
        ("first.owner@acme.example", False, True),
        ("second", False, False),
    }
    for other in ("irst.owner@acme.example", "first.owner", "%", "*", "first_owner@acme.example", ""):
        assert real.of_address(other) == []


def test_pr21_a_user_who_is_gone_or_of_another_realm_is_none(real: Real) -> None:
    identity = real.create("leaver@acme.example", hashed(PASSWORD))
    assert identity
    real.admin("PUT", f"/users/{identity.subject}", json={"enabled": False})
    known = real.of_identity(identity)
    assert known
    assert not known.enabled
    assert real.of_identity(replace(identity, issuer="https://other.example/realms/acme")) is None
    real.admin("DELETE", f"/users/{identity.subject}")
    assert real.of_identity(identity) is None


def test_i4_what_keycloak_cannot_say_is_unavailable_and_never_nobody(real: Real) -> None:
    silent = replace(real.tenant, internal_issuer="http://127.0.0.1:1/realms/acme")
    wrong = replace(real.tenant, keycloak_client_secret=Secret("w" * 43))
    for tenant in (silent, wrong):
        for question in (
            real.identities.of_address(tenant, "x@acme.example"),
            real.identities.of_identity(tenant, Identity(tenant.issuer, "x")),
            real.identities.create(tenant, NewIdentity("x@acme.example")),
        ):
            with pytest.raises(Unavailable):
                asyncio.run(question)


def test_mg06_the_hubs_service_account_may_see_and_change_users_and_nothing_else(real: Real) -> None:
    (user,) = real.admin("GET", f"/users?username=service-account-{CLIENT_ID}&exact=true")
    held = real.admin("GET", f"/users/{user['id']}/role-mappings")["clientMappings"]
    assert {role["name"] for role in held["realm-management"]["mappings"]} == set(SERVICE_ROLES)
    assert set(SERVICE_ROLES) == {"manage-users", "view-users", "query-users"}
    assert set(held) == {"realm-management"}


def test_cf08_no_hash_is_in_a_repr(real: Real) -> None:
    phc = hashed(PASSWORD)
    assert phc not in repr(NewIdentity("x@acme.example", phc))
    assert phc.rpartition("$")[2] in representation(NewIdentity("x@acme.example", phc))["credentials"][0]["secretData"]
