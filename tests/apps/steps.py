"""What became of each step of the story: kept in `tests/.out/apps/`, from where `table.py` writes it down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.apps.application import Application

OUT = Path(__file__).resolve().parents[1] / ".out" / "apps"

# In the order in which they are told, and as the table's columns say them.
STEPS = (
    "off: byte-identical",
    "button",
    "proof",
    "linked",
    "permissions as before",
    "sign-out",
    "one press",
    "unlink ends the session",
    "native login after it",
)


@dataclass
class Steps:
    """One telling. A step that was not reached is no."""

    application: Application
    reached: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(STEPS, False))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """The step has been told to its end, and is yes."""
        assert name in STEPS, name
        yield
        self.reached[name] = True

    def keep(self) -> None:
        environment = self.application.environment()
        told = {
            "name": self.application.name,
            "application": f"{self.application.title} {environment.version(self.application.package)}",
            "framework": f"{self.application.framework} {environment.version(self.application.framework)}",
            "server": self.application.server,
            "wrapped": self.application.wrapped_by,
            "proof": self.application.proof,
            "on": datetime.now(UTC).date().isoformat(),
            "steps": self.reached,
        }
        OUT.mkdir(parents=True, exist_ok=True)
        (OUT / f"{self.application.name}.json").write_text(json.dumps(told, indent=2), encoding="utf-8")
