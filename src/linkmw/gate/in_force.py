"""The settings in force, while the configuration file changes under a running process (DIS-2). Standard library only.

The environment and the framework's own configuration are read at start and stay (DIS-12). Nobody is asked for a request
that is none of our business: whoever needs to know looks, and a look is one at the clock but for once a second.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from pathlib import Path

from linkmw.settings import Settings, file_of, load

log = logging.getLogger("linkmw")

LOOK_SECONDS = 1.0

Stamp = tuple[int, int, int] | None  # of the file: when it changed, its size, its inode; None: not there


class InForce:
    """The settings of this process. read: all of them anew. may_be_on: can the file switch linkmw on?

    A file that turns bad, or is gone, changes nothing, and is said once (CF07).
    """

    def __init__(
        self,
        read: Callable[[], Settings],
        path: Path | None,
        *,
        may_be_on: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._path, self._clock = read, path, clock
        self._seen = _stamp(path)  # before it is read: what is written in between is seen at the next look
        self.settings = read()
        self._may_be_on = may_be_on
        self.may_be_on = self.settings.on or (path is not None and may_be_on)
        self._until = clock() + LOOK_SECONDS if path else inf  # without a file there is nothing to look at

    @classmethod
    def fixed(cls, settings: Settings) -> InForce:
        """Settings that were made in code: no file is behind them."""
        return cls(lambda: settings, None)

    def at(self, host: str | None) -> InForce:
        """Those of one host among `hosts`, or of all others: None, and a host that the file names no more.

        They follow the file by themselves; a host that is new in it has a gate of its own from the next start on.
        """

        def read() -> Settings:
            found = self._read()
            return dict(found.hosts).get(host or "") or replace(found, hosts=())

        return InForce(read, self._path, may_be_on=self._may_be_on, clock=self._clock)

    def look(self) -> bool:
        """Have the settings changed? Asks the clock, and the file once a second at most."""
        return self._clock() >= self._until and self.look_now()

    def look_now(self) -> bool:
        """Have the settings changed by this moment? One system call."""
        if self._path is None:
            return False
        self._until = self._clock() + LOOK_SECONDS
        stamp = _stamp(self._path)
        if stamp == self._seen:
            return False
        self._seen = stamp
        if stamp is None or not stamp[1]:
            return self._kept(f"{self._path} is {'empty' if stamp else 'gone'}")
        return self._taken(self._read())

    def _taken(self, found: Settings) -> bool:
        if found.problems and found.enabled is not False:
            return self._kept("; ".join(found.problems))
        if found == self.settings:
            return False
        before, self.settings = self.settings, found
        if before.on != found.on:
            log.warning("linkmw is %s, by its configuration file", "on" if found.on else "off")
        return True

    def _kept(self, problem: str) -> bool:
        log.error("linkmw goes on with the configuration it has, for the new one cannot be used: %s", problem)
        return False


def following(
    configured: Mapping[str, object] | None = None,
    read: Callable[[Mapping[str, str]], Settings] | None = None,
    discovered: Mapping[str, object] | None = None,
) -> InForce:
    """The settings of environment, framework and file, of which the file is followed.

    read: an adapter's own way to read them, given the environment as it was at start. discovered: as in `load`.
    """
    environ = {name: value for name, value in os.environ.items() if name.startswith("LINKMW_")}
    switched_off = load(configured, environ).enabled is False and is_decided(configured or {}, environ)

    def again() -> Settings:
        return read(environ) if read else load(configured, environ, discovered)

    return InForce(again, file_of(environ), may_be_on=not switched_off)


def is_wanted() -> bool:
    """May linkmw ever be on in this process? For `linkmw run`, which else leaves its command quite alone."""
    environ = {name: value for name, value in os.environ.items() if name.startswith("LINKMW_")}
    found = load({}, environ)
    if found.enabled is False and is_decided({}, environ):
        return False
    return found.on or bool(found.problems) or "LINKMW_CONFIG" in environ or file_of(environ).exists()


def is_decided(configured: Mapping[str, object], environ: Mapping[str, str]) -> bool:
    """Is the switch where the file has no say, in the environment or the framework's own configuration?"""
    named = "LINKMW_ENABLED" in environ or "LINKMW_ENABLED_FILE" in environ
    return named or "enabled" in {key.lower() for key in configured}


def _stamp(path: Path | None) -> Stamp:
    try:
        found = path.stat() if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None
