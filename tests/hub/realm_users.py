"""A real Keycloak whose realm has nobody in it yet, and whose users a test looks at as an administrator does."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from tests.secrets_in_logs import used

from linkmw.demo.parts.keycloak import Keycloak
from linkmw.demo.parts.processes import Processes, free_port
from linkmw.demo.parts.realm import CLIENT_ID, REALM, hub_client, realm
from linkmw.gate.password_hash import argon2id
from linkmw.hub.identities import RealmIdentities
from linkmw.hub.ports import KnownIdentity, NewIdentity
from linkmw.keycloak import Administrator, Realm, Users
from linkmw.model import Identity, Tenant
from linkmw.oidc import authorize
from linkmw.secret import Secret

HUB = "http://hub.localhost:9"
SECRET = Secret("k" * 43)
PASSWORD = "Difference-Engine-2"
SECONDS = 20  # a busy machine: what is tested is not how fast it is


def hashed(password: str) -> str:
    """As the gate makes it: Argon2id, in PHC form."""
    phc = argon2id(password)
    used("a password's hash", phc)
    return phc


class Real:
    """A Keycloak, its administrator, and the hub as its client."""

    def __init__(self, keycloak: Keycloak) -> None:
        self.keycloak = keycloak
        self.tenant = Tenant(REALM, "ACME ID", keycloak.issuer, CLIENT_ID, SECRET, keycloak.internal_issuer)
        self.identities = RealmIdentities(lambda tenant: Users.of(tenant, SECONDS), SECONDS)
        self.http = httpx2.Client(base_url=keycloak.internal_url, timeout=SECONDS)

    def admin(self, method: str, path: str, **more: Any) -> Any:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin"}
        return self._asked("master", form | {"password": self.keycloak.admin_password}, method, path, **more)

    def as_hub(self, method: str, path: str, **more: Any) -> Any:
        """The same, asked by the hub's own service account."""
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": str(SECRET)}
        return self._asked(REALM, form, method, path, **more)

    def server_info(self) -> Any:
        """What the server says of itself to the hub's service account."""
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": str(SECRET)}
        token = self.http.post(f"/realms/{REALM}/protocol/openid-connect/token", data=form).raise_for_status().json()
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        return self.http.get("/admin/serverinfo", headers=headers).raise_for_status().json()

    def _asked(self, at: str, form: dict[str, str], method: str, path: str, **more: Any) -> Any:
        token = self.http.post(f"/realms/{at}/protocol/openid-connect/token", data=form)
        more["headers"] = {"Authorization": f"Bearer {token.raise_for_status().json()['access_token']}"}
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
            form = browser.get(self.inside(asked), headers=self.headers(browser))
            action = re.search(r'action="([^"]+)"', form.text)
            assert action, form.text
            return browser.post(
                self.inside(html.unescape(action[1])),
                data={"username": name, "password": password},
                headers=self.headers(browser),
            )

    def inside(self, url: str) -> str:
        return url.replace(self.keycloak.url, self.keycloak.internal_url)

    def headers(self, browser: httpx2.Client) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        return {"host": urlsplit(self.keycloak.url).netloc, "cookie": cookies}


@contextmanager
def running(processes: Processes, folder: Path) -> Iterator[Real]:
    client = hub_client(HUB, "http://127.0.0.1:9", SECRET)
    keycloak = Keycloak(processes, folder, realm(client, [], free_port()), port=free_port(), health_port=free_port())
    keycloak.start()
    used("a password", PASSWORD, keycloak.admin_password)
    used("a client secret", str(SECRET))
    Realm(Administrator(keycloak.internal_url, "admin", Secret(keycloak.admin_password)), REALM).set_up(client)
    real = Real(keycloak)
    yield real
    real.http.close()
    keycloak.stop()


def went_on(answer: httpx2.Response) -> bool:
    """Did Keycloak let the person in without another word?"""
    return answer.status_code == 302 and answer.headers["location"].startswith(f"{HUB}/t/{REALM}/callback?")
