"""What stays the same while the demo's folder stays: ports and secrets.

An issuer has Keycloak's port in it, and a link names its issuer: with another port yesterday's links were nobody's.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from linkmw.demo.parts.processes import free_port


class Kept:
    """Ports and secrets by name, chosen when first asked for and written to `kept.json` (0600) at once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # databases and logs of everything lie in it
        self._path = folder / "kept.json"
        self._lock = threading.Lock()
        self._values: dict[str, str] = json.loads(self._path.read_text("utf-8")) if self._path.exists() else {}

    def port(self, name: str) -> int:
        """A port that was free when it was chosen."""
        return int(self._get(f"{name} port", lambda: str(free_port())))

    def secret(self, name: str) -> str:
        """32 random bytes, base64url without padding."""
        return self._get(f"{name} secret", lambda: secrets.token_urlsafe(32))

    def secrets(self) -> list[str]:
        """Every secret that was kept so far."""
        with self._lock:
            return [value for name, value in self._values.items() if name.endswith("secret")]

    def value(self, name: str) -> str:
        """What was kept under `name`; "" when nothing was."""
        with self._lock:
            return self._values.get(name, "")

    def keep(self, name: str, value: str) -> None:
        with self._lock:
            self._values[name] = value
            self._write()

    def _get(self, name: str, choose: Callable[[], str]) -> str:
        with self._lock:
            if name not in self._values:
                self._values[name] = choose()
                self._write()
            return self._values[name]

    def _write(self) -> None:
        self._path.touch(mode=0o600)
        self._path.write_text(json.dumps(self._values, indent=1), "utf-8")
