"""Keys and client secrets change while people sign in, at a real hub: nobody's sign-in fails (RC14, OPS-4)."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock

import pytest
from tests.hub.world import ACME, ADA, VERIFIER
from tests.secrets_in_logs import used
from tests.stores_sql.made import event

from linkmw.demo.parts.answering import status
from linkmw.demo.parts.processes import Process, Processes, free_port
from linkmw.errors import ProviderRefused
from linkmw.gate.hub_client import HubClient
from linkmw.gate.wire import BlockingWire
from linkmw.hub.ports import Grant, NewLink
from linkmw.model import Account, Client
from linkmw.oidc import authorize, base64url
from linkmw.run import run_now
from linkmw.secret import Secret
from linkmw.settings import Settings
from linkmw.signed import new_key
from linkmw.stores.redis import HubStores, connect
from linkmw.stores.sql import SqlStores, clock
from linkmw.stores.sql.recent import KEEP_SECONDS

PERSONS = 12  # threads, each a person who signs in again and again
ORDERS = "http://orders.localhost:9"


class Hub:
    """`linkmw hub serve` over SQLite and Redis, with one linked account, and a gate that redeems its codes."""

    def __init__(self, processes: Processes, folder: Path, redis_url: str) -> None:
        self.port, key = free_port(), new_key()
        self.url = f"http://hub.localhost:{self.port}"
        self.redis_url, self.prefix = redis_url, f"rotation-{self.port}:"
        environment = {
            "LINKMW_HUB_PUBLIC_URL": self.url,
            "LINKMW_HUB_REDIS_URL": redis_url,
            "LINKMW_HUB_REDIS_PREFIX": self.prefix,
            "LINKMW_HUB_KEY": key,
            "LINKMW_HUB_DATABASE_URL": f"sqlite:///{folder / 'hub.db'}",
        }
        self.sql = SqlStores.open(environment["LINKMW_HUB_DATABASE_URL"], key)
        self.sql.admin.prepare()
        self.sql.admin.add_tenant(ACME)
        client = Client("orders", "acme", "Orders", ORDERS, f"{ORDERS}/.linkmw/callback")
        self.secret = self.sql.admin.add_client(client, self.url)
        used("a client secret", self.secret)
        self.link_id = self._link()
        self.process: Process = processes.start(
            "hub that rotates",
            [Path(sys.executable).with_name("linkmw"), "hub", "serve", "--port", str(self.port), "--workers", "2"],
            log=folder / "hub.log",
            env=environment,
            cwd=folder,
        )
        processes.wait(
            lambda: status(f"http://127.0.0.1:{self.port}/healthz") == 200,
            what="the hub to answer",
            seconds=90,
            process=self.process,
        )

    def _link(self) -> int:
        new = NewLink("orders", Account("7", "ada.l"), ADA, "", "flow", "hash", "form", (), clock())
        return asyncio.run(self.sql.links.add(new, [], event())).link_id

    def gate(self, secret: Secret) -> HubClient:
        settings = Settings(
            hub_url=self.url,
            hub_internal_url=f"http://127.0.0.1:{self.port}",
            public_url=ORDERS,
            organization_id="acme",
            client_id="orders",
            client_secret=secret,
            hub_timeout=60.0,
        )
        return HubClient(settings, BlockingWire(), clock=time.monotonic, now=clock, token=lambda: "t" * 43)

    def codes(self, prefix: str, number: int) -> list[str]:
        """Authorization codes, as the hub gives them at the end of a sign-in."""

        async def put() -> list[str]:
            commands = connect(self.redis_url, timeout=30)
            grants = HubStores(commands, self.prefix).grants
            made = [f"{prefix}-{n}".ljust(43, "c") for n in range(number)]
            for code in made:
                await grants.put(code, self._grant(), 300)
            await commands.close()
            return made

        return asyncio.run(put())

    def _grant(self) -> Grant:
        return Grant(
            client_id="orders",
            redirect_uri=f"{ORDERS}/.linkmw/callback",
            code_challenge=authorize.code_challenge(VERIFIER),
            nonce="nonce",
            scope=("openid",),
            account_id="7",
            username="ada.l",
            identity=ADA,
            email="",
            auth_time=clock(),
            amr=(),
            hub_sid="sid",
            link_id=self.link_id,
        )


@pytest.fixture(scope="module")
def rotating(processes: Processes, tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Iterator[Hub]:
    hub = Hub(processes, tmp_path_factory.mktemp("rotating"), redis_server)
    yield hub
    hub.process.stop()
    hub.sql.close()


class Crowd:
    """Many people who sign in at once, by whichever gate is there now, until they are told to stop."""

    def __init__(self, hub: Hub, gate: HubClient) -> None:
        self.hub, self.gate = hub, gate
        self.signed: Counter[str] = Counter()  # sign-ins by the key that signed them
        self.failed: list[Exception] = []
        self._stop, self._lock = Event(), Lock()

    def person(self, number: int) -> None:
        turn = 0
        while not self._stop.is_set():
            turn += 1
            for code in self.hub.codes(f"p{number}-{turn}", 20):
                self._sign_in(code)
                if self._stop.is_set():
                    return

    def _sign_in(self, code: str) -> None:
        gate = self.gate
        try:
            token = run_now(gate.redeem(code, VERIFIER, f"{ORDERS}/.linkmw/callback")).id_token
            claims = run_now(gate.verify_id_token(token, "nonce"))
            assert claims["sub"] == "7"
            kid = str(json.loads(base64url.decode(token.partition(".")[0]))["kid"])
        except Exception as error:
            self.failed.append(error)
            self._stop.set()
        else:
            with self._lock:
                self.signed[kid] += 1

    def until(self, done: Callable[[], bool]) -> None:
        """Wait for it while people sign in. Raises what failed for one of them."""
        deadline = time.monotonic() + 120
        while not done() and not self.failed:
            assert time.monotonic() < deadline
            self._stop.wait(0.05)
        if self.failed:
            raise self.failed[0]

    def signing(self, work: Callable[[], None]) -> None:
        with ThreadPoolExecutor(PERSONS) as pool:
            everybody: list[Future[None]] = [pool.submit(self.person, number) for number in range(PERSONS)]
            try:
                work()
            finally:
                self._stop.set()
        for one in everybody:
            one.result()
        if self.failed:
            raise self.failed[0]


def test_rc14_a_key_is_rotated_under_load_and_no_sign_in_fails(rotating: Hub) -> None:
    crowd = Crowd(rotating, rotating.gate(rotating.secret))

    def rotate() -> None:
        crowd.until(lambda: sum(crowd.signed.values()) >= PERSONS)
        (old,) = crowd.signed
        new = rotating.sql.admin.rotate_key("RS256", lead=2).kid
        crowd.until(lambda: crowd.signed[new] >= 2 * PERSONS)
        assert set(crowd.signed) == {old, new}

    crowd.signing(rotate)
    # The old one verifies on, for what it signed last, while a new gate finds both.
    states = {key.stands for key in rotating.sql.admin.signing_keys() if key.algorithm == "RS256"}
    assert states == {"signs", "verifies"}


def test_ops04_a_secret_is_rotated_under_load_and_no_sign_in_fails(rotating: Hub) -> None:
    old = rotating.gate(rotating.secret)
    crowd = Crowd(rotating, old)

    def rotate() -> None:
        def some_more(than: int = 0) -> None:
            crowd.until(lambda: sum(crowd.signed.values()) >= than + PERSONS)

        some_more()
        secret = rotating.sql.admin.add_secret("orders")
        used("a client secret", secret)
        some_more(sum(crowd.signed.values()))  # by the old one, beside the new
        new = rotating.gate(secret)
        _wait_until_known(new)
        crowd.gate = new
        some_more(sum(crowd.signed.values()) + PERSONS)  # whoever began by the old one is through
        rotating.sql.admin.retire_secrets("orders")
        rotating.secret = secret
        some_more(sum(crowd.signed.values()))

    crowd.signing(rotate)
    refused = time.monotonic() + 60
    while _is_known(old):
        assert time.monotonic() < refused


def _wait_until_known(gate: HubClient) -> None:
    """Every process of the hub takes this gate's secret: none has said no for as long as one keeps an answer."""
    deadline, since = time.monotonic() + 60, time.monotonic()
    while time.monotonic() - since <= KEEP_SECONDS:
        assert time.monotonic() < deadline
        if not _is_known(gate):
            since = time.monotonic()


def _is_known(gate: HubClient) -> bool:
    """Does the process that answers take this gate's secret?"""
    try:
        run_now(gate.redeem("none".ljust(43, "x"), VERIFIER, f"{ORDERS}/.linkmw/callback"))
    except ProviderRefused as refused:
        return refused.error != "invalid_client"
    return True
