"""Is this request ours? All that a request which is none of our business ever costs. Standard library only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from linkmw.settings import Settings

log = logging.getLogger("linkmw")


def as_written(path: str) -> str:
    """`path`, for a framework that routes a path as it stands."""
    return path


class Claim:
    """What linkmw claims of one application: the login routes and everything under the prefix; nothing while off.

    Made by a shell for the settings in force: says, loudly, what is wrong with them (DIS-12), and never raises.
    may_be_on: the configuration file can switch linkmw on, and a claimed request is what notices it.
    routed: a path as the framework behind looks it up; what it takes for the login route is one (I5, HT02, HT03).
    endings: what a path may end in besides, where that is all of it: a look into a set, not a call for each path.
    """

    __slots__ = ("_exact", "_prefixes", "_routed", "claims", "on")

    def __init__(
        self,
        settings: Settings,
        routed: Callable[[str], str] = as_written,
        *,
        may_be_on: bool = False,
        endings: Iterable[str] = ("",),
    ) -> None:
        self.on = settings.on or may_be_on
        paths = [path + ending for path in settings.login_paths for ending in endings] if self.on else []
        # WSGI hands paths over as Latin-1 text (PEP 3333): both spellings are claimed, `routes` reads the decoded one.
        self._exact = frozenset((*paths, *(path.encode().decode("latin-1") for path in paths)))
        self._prefixes = (settings.prefix,) if self.on else ()
        self._routed = routed
        self.claims = self._claims if routed is as_written else self._claims_routed
        _say_what_is_wrong(settings)

    def _claims(self, path: str) -> bool:
        """May a request for `path` (decoded, relative to the mount) be ours?"""
        return path in self._exact or path.startswith(self._prefixes)

    def _claims_routed(self, path: str) -> bool:
        path = self._routed(path)
        return path in self._exact or path.startswith(self._prefixes)  # not by another call, for its price


def _say_what_is_wrong(settings: Settings) -> None:
    if settings.problems and settings.enabled is not False:
        log.error("linkmw is OFF, the product's own login is as ever: %s", "; ".join(settings.problems))


def relative(path: str, root: str) -> str:
    """`path` as the application mounted at `root` sees it: ASGI keeps the mount inside the path (HT08)."""
    root = root.rstrip("/")
    inside = root and path.startswith(root) and path[len(root) : len(root) + 1] in ("/", "")
    return path[len(root) :] if inside else path
