"""A Keycloak that is known to be too old is named loudly; one that does not say is left alone (MG02)."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.hub.realm_users import Real
from tests.hub.world import ACME, World

from linkmw.errors import KeycloakTooOld
from linkmw.hub.floor import Floor
from linkmw.keycloak import Administrator, HubClient, Realm, Users, check_version
from linkmw.model import Tenant
from linkmw.secret import Secret


class _Server(BaseHTTPRequestHandler):
    """As much of a Keycloak as says which version it is."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._say({"access_token": "a", "expires_in": 60, "refresh_expires_in": 0, "token_type": "Bearer"})

    def do_GET(self) -> None:
        self._say(self.server.info if self.path == "/admin/serverinfo" else {})  # type: ignore[attr-defined]

    def _say(self, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    made: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    made.info = {}
    made.url = f"http://127.0.0.1:{made.server_address[1]}"
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.mark.parametrize("version", ["26.7.2", "26.6.9", "25.9.9", "9.0.3", "26.7.2.redhat-00001"])
def test_mg02_an_older_server_is_refused(version: str) -> None:
    with pytest.raises(KeycloakTooOld, match=r"26\.7\.3 or newer"):
        check_version({"systemInfo": {"version": version}})


@pytest.mark.parametrize(
    "info",
    [
        {"systemInfo": {"version": "26.7.3"}},
        {"systemInfo": {"version": "26.10.0"}},
        {"systemInfo": {"version": "27.0.0-SNAPSHOT"}},
        {"systemInfo": {"version": "nightly"}},
        {"systemInfo": None},
        {},
    ],
)
def test_mg02_a_newer_one_and_one_that_does_not_say_are_not(info: dict[str, Any]) -> None:
    check_version(info)


def test_mg02_nothing_is_set_up_at_an_older_server(server: Any) -> None:
    server.info = {"systemInfo": {"version": "26.7.2"}}
    realm = Realm(Administrator(server.url, "admin", Secret("a-password")), "acme")
    with pytest.raises(KeycloakTooOld):
        realm.set_up(HubClient("linkmw-hub", Secret("s" * 43), ("https://hub.example/t/acme/callback",)))


def shouted(world: World, url: str, caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What the hub says from its start to the end of its first look."""
    looked = threading.Event()

    def check(tenant: Tenant) -> None:
        try:
            Users(f"{url}/realms/acme", tenant.keycloak_client_id, tenant.keycloak_client_secret, 5).check_version()
        finally:
            looked.set()

    async def story() -> None:
        async with Floor(world.ports.registry, check, first=0).running():
            await asyncio.to_thread(looked.wait, 10)

    caplog.set_level(logging.INFO, "linkmw.hub")
    asyncio.run(story())
    return [record for record in caplog.records if record.name == "linkmw.hub"]


def test_mg02_the_hub_shouts_at_its_start_when_a_realms_server_is_too_old(
    world: World, server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.info = {"systemInfo": {"version": "26.6.1"}}
    (line,) = shouted(world, server.url, caplog)
    assert line.levelno == logging.ERROR
    assert line.getMessage().startswith(f"{ACME.organization_id}: keycloak_too_old: Keycloak is 26.6.1")


def test_mg02_it_says_nothing_of_a_newer_one(world: World, server: Any, caplog: pytest.LogCaptureFixture) -> None:
    server.info = {"systemInfo": {"version": "26.8.0"}}
    assert shouted(world, server.url, caplog) == []


def test_mg02_a_keycloak_that_is_away_is_no_old_one(world: World, caplog: pytest.LogCaptureFixture) -> None:
    (line,) = shouted(world, "http://127.0.0.1:1", caplog)
    assert line.levelno == logging.INFO


def test_mg02_todays_server_tells_the_hub_nothing_and_is_taken(realm_users: Real) -> None:
    assert "systemInfo" not in realm_users.server_info()
    Users.of(realm_users.tenant, 20).check_version()
