"""The permits of `linkmw break-glass`: a file on the product's own machine, which works while nothing else does (P-3).

Standard library only. Whoever may write the file may sign in natively as anybody who has a password, so it counts only
while nobody but its owner can touch it.
"""

from __future__ import annotations

import json
import logging
import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from linkmw.settings import Settings

log = logging.getLogger("linkmw")

LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Permit:
    """Until then this account may sign in through the product's own doors. account: its username."""

    permit_id: str
    account: str
    until: int


def path_of(settings: Settings) -> Path:
    """Where the permits are: beside the configuration file, unless the setting says otherwise."""
    return Path(os.environ.get("LINKMW_CONFIG", "linkmw.toml")).parent / settings.break_glass


def read(path: Path) -> tuple[Permit, ...]:
    """The permits in the file, expired ones included; none where there is none. Raises OSError, ValueError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return ()
    with os.fdopen(descriptor, encoding="utf-8") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077:
            raise ValueError("others on this machine can touch it: chmod 600")
        rows = json.load(file)
    try:
        return tuple(Permit(str(row["permit_id"]), str(row["account"]), int(row["until"])) for row in rows)
    except (TypeError, KeyError):
        raise ValueError("it is not as `linkmw break-glass` wrote it") from None


def write(path: Path, permits: Sequence[Permit]) -> None:
    """The file holds these, whole at every moment. Raises OSError."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if os.geteuid() == 0:  # root writes for the product, which could not read a file of root's
                owner = path.parent.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            json.dump([asdict(permit) for permit in permits], file)
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise


class Permits:
    """The file as a gate sees it, looked at once a second at most. now: seconds since the epoch."""

    def __init__(self, path: Path, now: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._now = now
        self._clock = clock
        self._permits: tuple[Permit, ...] = ()
        self._until = float("-inf")
        self._said = ""

    def any(self) -> bool:
        """Is there one that holds?"""
        return bool(self._in_force())

    def of(self, account: str) -> Permit | None:
        """The permit of this username, the longest."""
        own = [permit for permit in self._in_force() if permit.account == account and account]
        return max(own, key=lambda permit: permit.until, default=None)

    def has(self, permit_id: str) -> bool:
        """Does this permit still hold?"""
        return any(permit.permit_id == permit_id for permit in self._in_force())

    def _in_force(self) -> list[Permit]:
        if self._clock() >= self._until:
            self._permits = self._looked()
            self._until = self._clock() + LOOK_SECONDS
        return [permit for permit in self._permits if permit.until > self._now()]

    def _looked(self) -> tuple[Permit, ...]:
        try:
            found, problem = read(self._path), ""
        except (OSError, ValueError) as error:
            found, problem = (), getattr(error, "strerror", None) or str(error)
        if problem != self._said and problem:
            log.error("nobody signs in by break-glass, %s cannot be used: %s", self._path, problem)
        self._said = problem
        return found
