"""A real Keycloak with its realms, on its own ports and with its own data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linkmw.demo.parts import keycloak_install
from linkmw.demo.parts.answering import status
from linkmw.demo.parts.keycloak_install import Installation
from linkmw.demo.parts.processes import Process, Processes
from linkmw.demo.parts.progress import Say, silent


class Keycloak:
    """One server and its realms. `start` and `stop` may alternate; its data stays until the folder goes.

    url: what browsers and tokens say. internal_url: how Python reaches it, which need not resolve *.localhost.
    issuer, internal_issuer: the first realm by each.
    """

    def __init__(
        self, processes: Processes, folder: Path, *realms: Mapping[str, Any], port: int, health_port: int
    ) -> None:
        self.url = f"http://keycloak.localhost:{port}"
        self.internal_url = f"http://127.0.0.1:{port}"
        self.issuer = self.issuer_of(realms[0]["realm"])
        self.internal_issuer = self.internal_issuer_of(realms[0]["realm"])
        self.process: Process | None = None
        self._processes = processes
        self._folder = folder
        self._realms = realms
        self._port = port
        self._health_port = health_port
        self._installation: Installation | None = None

    def issuer_of(self, realm: str) -> str:
        """As tokens say it."""
        return f"{self.url}/realms/{realm}"

    def internal_issuer_of(self, realm: str) -> str:
        return f"{self.internal_url}/realms/{realm}"

    @property
    def admin_password(self) -> str:
        """Of the user `admin` in the realm `master`; known once started."""
        assert self._installation, "not started yet"
        return self._installation.admin_password

    def start(self, say: Say = silent) -> None:
        """Every realm answers. Raises PartFailed, Stopping."""
        if self._installation is None:
            self._installation = keycloak_install.find(self._processes, self._folder, say)
        home = self._folder / "home"
        self._installation.prepare_home(home)
        for realm in self._realms:
            _write(realm, home / "data" / "import" / f"{realm['realm']}-realm.json")
        say("starting")
        self.process = self._installation.start(
            self._processes,
            home,
            self._folder / "keycloak.log",
            port=self._port,
            health_port=self._health_port,
            url=self.url,
            admin_password=self.admin_password,
        )
        self._processes.wait(
            self.answers, what="Keycloak", seconds=keycloak_install.START_SECONDS, process=self.process
        )
        say("ready")

    def stop(self) -> None:
        if self.process:
            self.process.stop()

    def answers(self) -> bool:
        """Is the server ready, and every realm there?"""
        if not keycloak_install.is_ready(self._health_port):
            return False
        issuers = [self.internal_issuer_of(realm["realm"]) for realm in self._realms]
        return all(status(f"{issuer}/.well-known/openid-configuration") == 200 for issuer in issuers)


def _write(realm: Mapping[str, Any], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(realm), "utf-8")
