"""Do the product's own doors stand open in `replace`, and is a native session one at all? (P-3, P-5, PR02, PR03)

Opened and closed by this gate's own probe alone: what goes wrong for a visitor moves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Literal

from linkmw.errors import LinkmwError, Unavailable
from linkmw.gate import audit
from linkmw.gate.guard import MARKER, NATIVE
from linkmw.gate.kept import Kept
from linkmw.log import Changes
from linkmw.model import Marker
from linkmw.switch import Mode, effective

if TYPE_CHECKING:
    from linkmw.gate.permits import Permits
    from linkmw.gate.ports import Branding, Hub, SwitchedOn
    from linkmw.settings import Settings


REMEMBERED_SECONDS = 60.0  # so long this process takes Redis' word on when `replace` began

# open: by the hub's word nothing is closed. closed: everything. away: the hub, Redis or Keycloak does not answer.
Position = Literal["open", "closed", "away"]
Admission = Marker | Literal["as_it_is", "ended"]


class Doors:
    """The doors of one product, as one gate finds them. Its answers are a second old at most.

    ping: the product's Redis, on a connection of the probe's own. permits: those of `linkmw break-glass`.
    """

    def __init__(
        self,
        settings: Settings,
        hub: Hub,
        ping: Callable[[], Awaitable[object]],
        switched_on: SwitchedOn,
        permits: Permits,
        *,
        now: Callable[[], int],
        said: Changes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.permits = permits
        self._settings = settings
        # Names the client: the doors of one tenant's host open nothing at another's.
        self._away_sid = f"{NATIVE}away:{settings.client_id}"
        self._hub = hub
        self._redis = Kept(ping, settings.probe_seconds, clock)
        self._switched_on = switched_on
        self._now = now
        self._said = said
        self._clock = clock
        self._since: int | None = None  # when `replace` began; 0 while it does not hold; None: not known here
        self._known_until = 0.0

    @property
    def in_use(self) -> bool:
        """Does this product close a door at all? All else about them is asked only then."""
        return self._settings.replaces

    async def standing(self) -> Position:
        """How the doors stand. Never raises for what is away."""
        if not self.in_use:
            return "open"
        try:
            if await self._hubs_word() != "replace":
                await self._forget_switch_on()
                self._say("")
                return "open"
            await self._redis.get()
        except LinkmwError as error:
            return await self._away(error)
        await self._note_switch_on()
        self._say("")
        return "closed"

    async def _hubs_word(self) -> Mode:
        """The mode that closes doors, for below 100 percent of the browsers nothing is closed. Raises LinkmwError."""
        state = await self._hub.state()
        if not state.healthy:
            raise Unavailable("the hub says that a part of it is away")
        mode = effective("replace", state.mode, healthy=True, percent=state.percent)
        return "beside" if mode == "replace" and state.percent < 100 else mode

    async def _away(self, error: LinkmwError) -> Position:
        """Where the hub's last word was another than `replace`, nothing was closed that could open now."""
        if self._since is None:
            await self._remember()
        if self._since == 0:
            return "open"
        self._say("away", error.code)
        return "away"

    async def turns_away(self) -> Position:
        """Does a door that closes let nobody through? "open" when it does: while away it is as the settings say."""
        standing = await self.standing()
        return "open" if standing == "away" and self._settings.when_away == "native" else standing

    async def branding(self) -> Branding:
        """How the hub last told the probe that pages look, whom to ask included."""
        return await self._hub.branding()

    async def are_shut(self) -> bool:
        """Does nobody come in through any door of the product's own, break-glass aside?"""
        return self._settings.closes and await self.turns_away() != "open"

    async def refuses(self) -> bool:
        """Is a native session without a marker nobody's? Those from before the switch-on have their time (P-3)."""
        if not await self.are_shut() or not self._since:
            return False
        # Switched off and on again by hand, it holds anew: who signed in natively meanwhile has as long (DIS-2).
        began = max(self._since, self._settings.enabled_at)
        return began + self._settings.native_session_seconds <= self._now()

    async def admission(self, username: Callable[[], Awaitable[str]]) -> Admission:
        """What becomes of a session that has begun to name somebody through a door of the product's own.

        A marker for it to carry, "ended", or "as_it_is". username: of the account, asked for only where it matters.
        """
        standing = await self.standing()
        if standing == "open" or not self._settings.closes:
            return "as_it_is"
        if standing == "away" and self._settings.when_away == "native":
            return Marker(self._away_sid, self._now() + self._settings.native_session_seconds)
        permit = self.permits.of(await username()) if self.permits.any() else None
        if permit is None:
            audit.note_of_gate(self._settings, self._now(), "native_sign_in", "refused", code="door_closed")
            return "ended"
        audit.note_of_gate(self._settings, self._now(), "break_glass_used", "ok", account_id=permit.account)
        return Marker(f"{NATIVE}{permit.permit_id}", permit.until)

    async def admit(self, session: MutableMapping[str, Any], username: Callable[[], Awaitable[str]]) -> bool:
        """As `admission`, and its marker is in the session; False: the session is to be ended."""
        admission = await self.admission(username)
        if isinstance(admission, Marker):
            session[MARKER] = [admission.sid, admission.expires]
        return admission != "ended"

    def stands(self, marker: Marker) -> bool:
        """Is this session of the native kind still one, its time aside? What break-glass opened, revoking ends."""
        return marker.sid == self._away_sid or self.permits.has(marker.sid.removeprefix(NATIVE))

    async def _note_switch_on(self) -> None:
        if self._since and self._clock() < self._known_until:
            return
        await self._remember()
        if self._since == 0:
            self._since = self._now()
        if self._since:
            await self._kept_in_redis(self._since)

    async def _forget_switch_on(self) -> None:
        if self._since == 0:
            return
        await self._kept_in_redis(0)

    async def _remember(self) -> None:
        try:
            self._since = await self._switched_on.get()
            self._known_until = self._clock() + REMEMBERED_SECONDS
        except LinkmwError:
            pass  # what was known here goes on

    async def _kept_in_redis(self, since: int) -> None:
        try:
            await self._switched_on.put(since)
            self._since = since
        except LinkmwError:
            self._known_until = 0.0  # told again by the next look

    def _say(self, state: Literal["", "away"], code: str = "") -> None:
        """A line of the audit trail for each change, however many people try a door."""
        if not self._said.to(f"doors of {self._settings.client_id}", state):
            return
        opens = state == "away" and self._settings.when_away == "native"
        event: audit.Event = "doors_opened" if opens else "doors_away" if state else "doors_closed"
        audit.note_of_gate(self._settings, self._now(), event, "ok", **({"code": code} if code else {}))
