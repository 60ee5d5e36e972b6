"""What stands around the relying parties that are measured: Redis, the stand-in provider, and a hub with its links."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

from bench import environment, standin
from bench.peers import users
from tests.apps.environment import Environment

from linkmw.demo.parts.answering import status
from linkmw.demo.parts.processes import Process, Processes, free_port
from linkmw.demo.parts.redis import Redis
from linkmw.hub.links.store import Made
from linkmw.hub.ports import AuditEvent, NewLink
from linkmw.hub.registration import new_client
from linkmw.model import Account, Client, Identity, Tenant
from linkmw.secret import Secret
from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores, clock

TENANT = "bench"
PEOPLE = 50
FAST = "fast"  # with uvloop, httptools and hiredis, as every peer
PLAIN = "plain"  # with asyncio's own loop and h11, as `pip install linkmw[hub]` brings them
_PATIENT = "30"  # seconds: a machine that has other work to do is slow, and no part of it away
_BATCH = 5000
_GUNICORN = ("--worker-class", "gthread", "--threads", "4", "--workers", "1", "--keep-alive", "60")
_GUNICORN += ("--log-level", "warning", "--no-control-socket")
_UVICORN = ("--no-access-log", "--log-level", "warning", "--no-server-header")


@dataclass(frozen=True, slots=True)
class Party:
    """A relying party that runs. start: where a sign-in begins. page: what tells `wanted` to who is signed in."""

    name: str
    processes: Sequence[Process]
    start: str
    page: str
    wanted: str


class Stand:
    """All that one benchmark started; at its end nothing is left running."""

    profiled = False  # are parties started under cProfile?

    def __init__(self, processes: Processes, folder: Path, python: Environment, people: int) -> None:
        self.processes, self.folder, self.python = processes, folder, python
        self.people = people
        self.redis = Redis(processes, "redis", folder / "redis", port=free_port(), password=secrets.token_hex(8))
        self.redis.start()
        port = free_port()
        self.issuer = f"http://127.0.0.1:{port}/realms/bench"
        command = (python.python, "-m", "bench.standin", "--port", str(port), "--people", str(people))
        self.provider = self.start("provider", command, {}, f"{self.issuer}/.well-known/openid-configuration")
        self.users = folder / "users.db"
        users.prepare(self.users, people)

    def redis_url(self, database: int) -> str:
        return f"{self.redis.url.rpartition('/')[0]}/{database}"

    def start(self, name: str, command: Sequence[str | Path], env: Mapping[str, str], url: str) -> Process:
        """It runs, and answers at `url`."""
        with_linkmw = environment.with_linkmw() | {"BENCH_USERS": str(self.folder / "users.db")}
        log = self.folder / f"{name}.log"
        process = self.processes.start(name, command, log=log, env=with_linkmw | env, cwd=self.folder)
        self.processes.wait(lambda: status(url) > 0, what=f"{name} to answer", seconds=60, process=process)
        return process

    def uvicorn(self, name: str, app: str, port: int, env: Mapping[str, str], kind: str = FAST) -> Process:
        command = (*self.runner_of(kind, name), "uvicorn", app, "--host", "127.0.0.1", "--port", str(port))
        return self.start(name, (*command, *_UVICORN), env, f"http://127.0.0.1:{port}/done")

    def profile_of(self, name: str) -> Path:
        return self.folder / f"{name}.profile"

    def runner_of(self, kind: str, name: str) -> tuple[str | Path, ...]:
        """`python -m`, profiled where that is wanted."""
        profiled = ("bench.profiled", self.profile_of(name)) if self.profiled else ()
        return (self.python_of(kind), "-m", *profiled)

    def python_of(self, kind: str) -> Path:
        """The Python of the environment that has the faster parts, or of ours, that has none of them."""
        return self.python.python if kind == FAST else Path(sys.executable)

    def gunicorn(self, name: str, app: str, port: int, env: Mapping[str, str]) -> Process:
        command = (self.python.python, "-m", "gunicorn", app, "--bind", f"127.0.0.1:{port}", *_GUNICORN)
        return self.start(name, command, env, f"http://127.0.0.1:{port}/done")

    def asked(self) -> dict[str, int]:
        """How often each endpoint of the provider was asked."""
        with urlopen(f"{self.issuer}/stats", timeout=10) as answer:
            found: dict[str, int] = json.load(answer)
        return found

    def sign_in(
        self, party: Party, number: int, at_once: int = 4, *, checked: bool = False, may_fail: int = 0
    ) -> float:
        """So many sign-ins were done; how many that were a second. Ends the run when more failed than may."""
        page = ("--page", party.page, "--wanted", party.wanted) if checked else ()
        return self._visited(party, number, "--at-once", str(at_once), *page, may_fail=may_fail)

    def look(self, party: Party, number: int) -> float:
        """The party's page was opened so often by who is signed in; how many that were a second."""
        page = ("--page", party.page, "--wanted", party.wanted)
        return self._visited(party, number, "--look", "--stop", urlsplit(party.page).path, *page)

    def _visited(self, party: Party, number: int, *more: str, may_fail: int = 0) -> float:
        command = [self.python.python, "-m", "bench.visitor", "--start", party.start, "--number", str(number), *more]
        env = {"PATH": "/usr/bin:/bin", **environment.with_linkmw()}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{party.name}: {done.stderr[-2000:]}")
        found = json.loads(done.stdout)
        if found["failed"]:
            said = f"{party.name}: {found['failed']} of {number} failed, the first: {found['first']}"
            if found["failed"] > may_fail:
                raise SystemExit(said)
            print(said, flush=True)
        return float(found["number"] / found["seconds"])


@contextmanager
def stand(folder: Path, people: int = PEOPLE) -> Iterator[Stand]:
    with Processes() as processes:
        yield Stand(processes, folder, environment.installed(), people)


class Hub:
    """A hub with one tenant and its products, on a database of its own."""

    def __init__(
        self, around: Stand, name: str, *, database_url: str = "", redis: int = 0, kind: str = FAST, of: int = 0
    ) -> None:
        """of: by lot out of so many people come to it; else all of the stand's in turn."""
        self._stand, self.name, self._kind, self.issuer = around, name, kind, around.issuer
        self._port = free_port()
        self.url, self.internal_url = f"http://hub.localhost:{self._port}", f"http://127.0.0.1:{self._port}"
        self.database_url = database_url or f"sqlite:///{around.folder / f'{name}.db'}"
        self._key = new_key()
        self.sql = SqlStores.open(self.database_url, self._key)
        self.sql.admin.prepare()
        known_as = f"bench-{of}" if of else "bench"
        tenant = Tenant(
            TENANT, "ACME ID", around.issuer, known_as, Secret("secret"), mail_from="ACME <id@acme.example>"
        )
        self.sql.admin.add_tenant(tenant)
        self.redis_url = around.redis_url(redis)
        self.process: Process | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LINKMW_HUB_PUBLIC_URL": self.url,
            "LINKMW_HUB_DATABASE_URL": self.database_url,
            "LINKMW_HUB_REDIS_URL": self.redis_url,
            "LINKMW_HUB_REDIS_PREFIX": f"{self.name}:",
            "LINKMW_HUB_KEY": self._key,
            "LINKMW_HUB_MAIL_FROM": "ACME <id@acme.example>",
            "LINKMW_HUB_REDIS_TIMEOUT": _PATIENT,
            "LINKMW_HUB_HTTP_TIMEOUT": _PATIENT,
        }

    def register(self, name: str, url: str, internal_url: str) -> tuple[Client, Secret]:
        client = new_client(TENANT, name, url, internal_url=internal_url)
        return client, self.sql.admin.add_client(client, self.url)

    def link(self, client: Client, numbers: Sequence[int]) -> None:
        """Person n of the provider is linked to account n + 1."""
        for at in range(0, len(numbers), _BATCH):
            asyncio.run(self.sql.bulk.add([self._made(client, n) for n in numbers[at : at + _BATCH]]))

    def _made(self, client: Client, n: int) -> Made:
        identity = Identity(self._stand.issuer, standin.subject(n))
        account, now = Account(str(n + 1), f"user{n + 1}", f"user{n + 1}@shop.example"), clock()
        words = (f"{client.client_id} {n}", f"{client.client_id} token {n}", "import", ())
        link = NewLink(client.client_id, account, identity, f"user{n}@people.example", *words, now)
        event = AuditEvent("linked", "ok", now, client_id=client.client_id, account_id=account.account_id)
        return Made(link, (), event)

    def start(self, workers: int = 1) -> Process:
        """It answers, as `linkmw hub serve` runs it."""
        runner = self._stand.runner_of(self._kind, self.name)
        command = (*runner, "linkmw", "hub", "serve", "--port", str(self._port))
        url = f"{self.internal_url}/healthz"
        self.process = self._stand.start(self.name, (*command, "--workers", str(workers)), self.environment, url)
        ready = f"{self.internal_url}/readyz"
        self._stand.processes.wait(
            lambda: status(ready) == 200, what=f"{self.name} to be ready", seconds=120, process=self.process
        )
        return self.process


def environment_of(hub: Hub, client: Client, secret: Secret, redis_url: str) -> dict[str, str]:
    """What a product of that hub is started with."""
    return {
        "LINKMW_HUB_URL": hub.url,
        "LINKMW_HUB_INTERNAL_URL": hub.internal_url,
        "LINKMW_PUBLIC_URL": client.public_url,
        "LINKMW_ORGANIZATION_ID": TENANT,
        "LINKMW_CLIENT_ID": client.client_id,
        "LINKMW_CLIENT_SECRET": str(secret),
        "LINKMW_REDIS_URL": redis_url,
        "LINKMW_REDIS_PREFIX": f"{client.client_id}:",
        "LINKMW_REDIS_TIMEOUT": _PATIENT,
        "LINKMW_PROBE_TIMEOUT": _PATIENT,
    }
