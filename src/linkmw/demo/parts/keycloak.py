"""A real Keycloak with one realm, on its own ports and with its own data."""

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
from linkmw.demo.parts.realm import REALM


class Keycloak:
    """One server with one realm. `start` and `stop` may alternate; its data stays until the folder goes.

    url: what browsers and tokens say. internal_url: how Python reaches it, which need not resolve *.localhost.
    """

    def __init__(
        self, processes: Processes, folder: Path, realm: Mapping[str, Any], *, port: int, health_port: int
    ) -> None:
        self.url = f"http://keycloak.localhost:{port}"
        self.internal_url = f"http://127.0.0.1:{port}"
        self.issuer = f"{self.url}/realms/{REALM}"
        self.internal_issuer = f"{self.internal_url}/realms/{REALM}"
        self.process: Process | None = None
        self._processes = processes
        self._folder = folder
        self._realm = realm
        self._port = port
        self._health_port = health_port
        self._installation: Installation | None = None

    @property
    def admin_password(self) -> str:
        """Of the user `admin` in the realm `master`; known once started."""
        assert self._installation, "not started yet"
        return self._installation.admin_password

    def start(self, say: Say = silent) -> None:
        """The realm answers. Raises PartFailed, Stopping."""
        if self._installation is None:
            self._installation = keycloak_install.find(self._processes, self._folder, say)
        home = self._folder / "home"
        self._installation.prepare_home(home)
        self._write_realm(home / "data" / "import" / f"{REALM}-realm.json")
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
        """Is the server ready, and the realm there?"""
        if not keycloak_install.is_ready(self._health_port):
            return False
        return status(f"{self.internal_issuer}/.well-known/openid-configuration") == 200

    def _write_realm(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(self._realm), "utf-8")
