"""Who has accounts in the demo's products: `people.json`, or the file that `DEMO_PEOPLE` names."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
DEFAULT = HERE / "people.json"


@dataclass(frozen=True, slots=True)
class Person:
    """An account to be made. roles: what the product lets it do. totp_secret: Base32, "" without a second factor.

    used: when it was last used, an ISO date; "" for never.
    """

    username: str
    password: str
    email: str
    name: str
    roles: tuple[str, ...] = ()
    staff: bool = False
    totp_secret: str = ""
    used: str = ""

    @property
    def last_sign_in(self) -> datetime | None:
        return datetime.fromisoformat(self.used).replace(tzinfo=UTC) if self.used else None

    def __repr__(self) -> str:
        return f"Person({self.username!r})"


def people_of(product: str, file: Path | None = None) -> list[Person]:
    """The people of one product, in the order of the file."""
    path = file or Path(os.environ.get("DEMO_PEOPLE", DEFAULT))
    listed = json.loads(path.read_text(encoding="utf-8"))
    return [Person(**{**entry, "roles": tuple(entry.get("roles", ()))}) for entry in listed[product]]
