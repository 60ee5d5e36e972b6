"""Who has accounts in the demo's products: `people.json`, or the file that `DEMO_PEOPLE` names."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT = Path(__file__).with_name("people.json")


@dataclass(frozen=True, slots=True)
class Person:
    """An account to be made. roles: what the product lets it do. totp_secret: Base32, "" without a second factor."""

    username: str
    password: str
    email: str
    name: str
    roles: tuple[str, ...] = ()
    staff: bool = False
    totp_secret: str = ""

    def __repr__(self) -> str:
        return f"Person({self.username!r})"


def people_of(product: str) -> list[Person]:
    """The people of one product, in the order of the file."""
    listed = json.loads(Path(os.environ.get("DEMO_PEOPLE", DEFAULT)).read_text(encoding="utf-8"))
    return [Person(**{**entry, "roles": tuple(entry.get("roles", ()))}) for entry in listed[product]]
