"""What start-up says: in one line what was recognised, and in clear words what cannot be covered."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from linkmw.log import Changes
from linkmw.settings import Settings

log = logging.getLogger("linkmw")


_SAID = Changes()

HALF_A_LOGIN = (
    "linking, for its own login may be half done when its session names somebody: name a page that only who is signed "
    "in sees with LINKMW_SIGNED_IN_PATH, or say `complete` in an adapter file"
)
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


def proof(product: object) -> str:
    """How somebody shows that an account is theirs."""
    asks = getattr(product, "checks_passwords", True)
    return "password and code, on a page of linkmw's" if asks else "its own login"


def limits(product: object, settings: Settings) -> tuple[str, ...]:
    """What of linking is missing, because nothing says when somebody is signed in completely (PR04)."""
    asks, tells = getattr(product, "checks_passwords", True), getattr(product, "tells_complete", True)
    return () if asks or tells or getattr(settings, "signed_in_path", "") else (HALF_A_LOGIN,)


def recognised(found: Recognised) -> None:
    """One line in a process, at a level that servers show by themselves; another for each thing that is not covered."""
    if not _SAID.to("recognised", str(found)):
        return
    log.warning("linkmw recognised %s", found)
    for limit in found.limits:
        log.warning("linkmw does not cover: %s", limit)


def not_covered(why: object) -> None:
    log.error("linkmw is OFF, the application is as ever: %s", why)


def twice() -> None:
    log.warning("linkmw is around this application already: wrapping it again does nothing")
