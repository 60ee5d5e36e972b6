"""What both shells have in common: the settings in force, and what is claimed by them. Standard library only."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from linkmw.gate.claim import Claim, as_written

if TYPE_CHECKING:
    from linkmw.gate.hosts import Gates
    from linkmw.gate.in_force import InForce
    from linkmw.gate.ports import Ports, Product
    from linkmw.settings import Settings


class Shell(ABC):
    """An application with linkmw in front of it, whichever interface it speaks.

    Never raises for its settings: what is wrong is logged and the product runs as without linkmw (DIS-12).
    """

    # A path as the framework behind looks it up; an adapter knows its own (HT02, HT03).
    routed = staticmethod(as_written)

    def __init__(
        self, app: Any, *, product: Product, settings: Settings | None = None, in_force: InForce | None = None
    ) -> None:
        from linkmw.gate.in_force import InForce, following  # switched off by the environment, nobody gets here

        self._app = app
        self._product = product
        self._in_force = in_force or (following() if settings is None else InForce.fixed(settings))
        self._opening = threading.Lock()
        self._opened: Ports | None
        self._claims: Callable[[str], bool] | None
        # What a Cookie header holds while a native proof waits for this browser's sign-in; None: there are none here.
        self._arming: str | None = None
        if self._in_force.settings.hosts:  # then the choice of a gate is behind this one, which claims nothing itself
            from linkmw.gate.hosts import Gates

            self._settings, self._claims = self._in_force.settings, None
            self._app = self._by_host(Gates(self._in_force, lambda own: type(self)(app, product=product, in_force=own)))
            return
        self._take_on()

    @abstractmethod
    def _by_host(self, gates: Gates[Any]) -> Any:
        """An application that hands each request to the gate of its host (P-4)."""

    def _take_on(self) -> None:
        """The settings in force are ours from now on."""
        with self._opening:
            self._settings, self._opened = self._in_force.settings, None
        claim = self._claim()
        self._claims = claim.claims if claim.on else None
        self._arming = self._watched_for() if self._settings.on else None

    def _claim(self) -> Claim:
        return Claim(self._settings, self.routed, may_be_on=self._in_force.may_be_on)

    def _watched_for(self) -> str | None:
        from linkmw.gate import proof_kind  # disabled, nothing more is loaded

        return proof_kind.watched(self._settings, self._product)

    def _look(self) -> None:
        if self._in_force.look():
            self._take_on()

    def _is_over(self, settings: Settings) -> bool:
        """Was linkmw switched off, or made another client, since a request began under these settings? (RC08)"""
        if self._in_force.look_now():
            self._take_on()
        return not self._settings.on or self._settings.client_id != settings.client_id
