"""One of the demo's products: its own process, database and Redis."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path

from linkmw.demo import settings_file
from linkmw.demo.catalogue import Plan
from linkmw.demo.hub import Hub
from linkmw.demo.kept import Kept
from linkmw.demo.parts.answering import page, status
from linkmw.demo.parts.processes import Process, Processes
from linkmw.demo.parts.progress import Say, silent
from linkmw.demo.parts.redis import Redis
from linkmw.demo.products.people import HERE, Person, people_of
from linkmw.hub.registration import new_client
from linkmw.model import Client
from linkmw.secret import Secret

_START_SECONDS = 60
_PREPARE_SECONDS = 60


class ProductServer:
    """A product. `start` and `stop` may alternate: address, accounts and registration stay.

    settings: further `LINKMW_…` and `DEMO_…` values; they win, and a change counts from the next start. in_file: what
    is linkmw's is in its folder, in `linkmw.toml`, where `linkmw disable` and its like find it; the secret in another.
    """

    def __init__(
        self,
        processes: Processes,
        kept: Kept,
        folder: Path,
        plan: Plan,
        hub: Hub,
        settings: Mapping[str, str],
        *,
        in_file: bool = False,
    ) -> None:
        self.plan = plan
        self.key = plan.key
        self.name = plan.name
        self.host = f"{plan.key}.localhost"
        self._port = kept.port(plan.key)
        self.url = f"http://{self.host}:{self._port}"
        self.internal_url = f"http://127.0.0.1:{self._port}"
        self.login_url = self.url + plan.login_path
        self.protected_url = self.url + plan.opens
        self._people = HERE / plan.people_file
        self.accounts: list[Person] = people_of(plan.people, self._people)
        self.redis = Redis(
            processes,
            f"{plan.key}'s redis",
            folder / "redis",
            port=kept.port(f"{plan.key} redis"),
            password=kept.secret(f"{plan.key} redis"),
        )
        self.process: Process | None = None
        self._seeder: Process | None = None
        self.python = sys.executable  # of the environment that it and its gate are installed in
        self._processes = processes
        self._kept = kept
        self._folder = folder
        self.database = folder / "product.db"
        self._hub = hub
        self.settings = dict(settings)
        self._in_file = in_file
        self._client: Client | None = None
        self._secret = Secret("")

    @property
    def client_id(self) -> str:
        assert self._client, "not registered yet"
        return self._client.client_id

    def register(self) -> None:
        """The hub knows this product."""
        client = new_client(
            self.plan.organization.key,
            self.name,
            self.url,
            internal_url=self.internal_url,
            login_url=self.login_url,
            primary=self.plan.primary,
        )
        moved = replace(client, mode=self.plan.mode)
        self._client, self._secret = self._hub.register(self.key, moved, logo(self.plan.logo))
        if self._in_file and self.secret_file.exists():  # another was made by command, last time
            self._secret = Secret(self.secret_file.read_text("ascii").strip())

    def start(self, say: Say = silent) -> None:
        """Its login page answers. Raises PartFailed, Stopping."""
        say("starting")
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self.redis.answers():
            self.redis.start()
        self.process = self._processes.start(
            self.key,
            self._command(),
            log=self._folder / f"{self.key}.log",
            env=self._in_files() if self._in_file else self.environment(),
            cwd=self._folder,
        )
        self._processes.wait(self.answers, what=f"{self.name} to answer", seconds=_START_SECONDS, process=self.process)
        say("ready")

    def stop(self) -> None:
        if self.process:
            self.process.stop()

    def answers(self) -> bool:
        """Does its login route answer?"""
        return self._login_status() in (200, 303)

    def offers_sign_in(self) -> bool:
        """Is the button in its login page, or does that lead to the hub? Then everything behind it has answered."""
        if self.plan.mode == "replace":
            return self._login_status() == 303
        login = page(self.internal_url + self.plan.login_path, f"{self.host}:{self._port}")
        return "/.linkmw/login" in login

    def _login_status(self) -> int:
        return status(self.internal_url + self.plan.login_path, f"{self.host}:{self._port}")

    def add_accounts(self, people: Iterable[Person]) -> None:
        """These people have accounts as well: what the product does with its list at each start, now."""
        listed = self._folder / "more-people.json"
        listed.write_text(json.dumps({self.plan.people: [asdict(person) for person in people]}), "utf-8")
        if not (self._seeder and self._seeder.running):
            self._seeder = self._processes.start(
                f"{self.key} accounts",
                [sys.executable, "-m", "linkmw.demo.products.more_people", self.plan.seed],
                log=self._folder / "accounts.log",
                env={"DEMO_DATABASE": str(self.database), "DEMO_WRAP": "no"},
                cwd=self._folder,
                listens=True,
            )
        self._seeder.ask(str(listed), _PREPARE_SECONDS)

    def environment(self) -> dict[str, str]:
        """What the product is started with: the lines that `hub product add` prints, a Redis, its own settings.

        A setting that is "" is left out.
        """
        found = {
            "LINKMW_HUB_URL": self._hub.url,
            "LINKMW_HUB_INTERNAL_URL": self._hub.internal_url,
            "LINKMW_PUBLIC_URL": self.url,
            "LINKMW_ORGANIZATION_ID": self.plan.organization.key,
            "LINKMW_MODE": self.plan.mode,
            "LINKMW_CLIENT_ID": self.client_id,
            "LINKMW_CLIENT_SECRET": str(self._secret),
            "LINKMW_REDIS_URL": self.redis.url,
            "LINKMW_REDIS_PREFIX": f"linkmw-{self.key}:",
            "DEMO_NAME": self.name,
            "DEMO_MAIL_FROM": f"{self.key}@{self.plan.organization.key}.example",
            "DEMO_PEOPLE": str(self._people),
            "DEMO_SECRET": self._kept.secret(f"{self.key} sessions"),
            **self.settings,
        }
        return {name: value for name, value in found.items() if value}

    def _in_files(self) -> dict[str, str]:
        """What is left for the environment, once the rest is written."""
        found = self.environment()
        listed = {"LINKMW_LOGIN_PATHS": self.plan.login_path, **found}  # the code says so too; commands read this alone
        settings_file.write(self._folder / "linkmw.toml", "LINKMW_", listed)
        settings_file.keep(self.secret_file, f"{self._secret!s}\n")
        return {name: value for name, value in found.items() if not name.startswith("LINKMW_")}

    @property
    def secret_file(self) -> Path:
        return self._folder / "client-secret"

    @property
    def secret(self) -> Secret:
        """Its client secret, as `hub product add` printed it."""
        return self._secret

    @property
    def folder(self) -> Path:
        """Where it runs."""
        return self._folder

    def _command(self) -> list[str]:
        server = ["--server", self.plan.server] if self.plan.server else []
        listen = ["--port", str(self._port), "--database", str(self.database)]
        return [self.python, "-m", self.plan.module, *listen, *server]


def logo(name: str) -> str:
    """The SVG of a product ("orders") or of a brand ("acme")."""
    return (resources.files("linkmw.demo") / "logos" / f"{name}.svg").read_text("utf-8")
