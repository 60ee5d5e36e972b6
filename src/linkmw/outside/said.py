"""What start-up says: in one line what was recognised, and in clear words what cannot be covered."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from linkmw.log import Changes
from linkmw.settings import Settings

if TYPE_CHECKING:
    from linkmw.gate.ports import Product

log = logging.getLogger("linkmw")


_SAID = Changes()

BY_ITS_OWN_LOGIN = "as its own login asks for it, when linking"


class NotCovered(Exception):
    """This application cannot be covered from outside. The message says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What was found out about an application. framework: with its version. limits: what is not covered, and why."""

    framework: str
    accounts: str
    sessions: str
    login_paths: tuple[str, ...]
    second_factor: str
    proof: str
    limits: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        routes = ", ".join(self.login_paths) or "none"
        return (
            f"{self.framework}; accounts: {self.accounts}; sessions: {self.sessions}; login: {routes}; "
            f"second factor: {self.second_factor}; proof: {self.proof}"
        )


@dataclass(slots=True)
class Heard:
    """What was said of one application. why: it cannot be covered for that reason."""

    recognised: Recognised | None = None
    why: str = ""


_hearing: list[Heard] = []


@contextmanager
def heard() -> Iterator[Heard]:
    """What is said inside, for a command that shows it; the log gets none of it."""
    found = Heard()
    _hearing.append(found)
    try:
        yield found
    finally:
        _hearing.remove(found)


def proof(product: Product | type[Product], settings: Settings) -> str:
    """How somebody shows that an account is theirs."""
    from linkmw.gate import proof_kind  # disabled, nothing more is loaded

    if proof_kind.is_native(settings, product):
        return "its own login"
    return "password and code, on a page of linkmw's" if proof_kind.checks_passwords(product) else "none"


def recognised(found: Recognised) -> None:
    """One line in a process, at a level that servers show by themselves; another for each thing that is not covered."""
    if _hearing:
        _hearing[-1].recognised = found
        return
    if not _SAID.to("recognised", str(found)):
        return
    log.warning("linkmw recognised %s", found)
    for limit in found.limits:
        log.warning("linkmw does not cover: %s", limit)


def not_covered(why: object) -> None:
    if _hearing:
        _hearing[-1].why = str(why)
        return
    log.error("linkmw is OFF, the application is as ever: %s", why)


def twice() -> None:
    log.warning("linkmw is around this application already: wrapping it again does nothing")
