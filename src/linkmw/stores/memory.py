"""The same stores in one process's memory: for tests and trials, with a clock the caller moves.

They keep the promises of the Redis stores, expiry and atomicity included, and lose everything with the process.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Generic, Protocol, TypeVar

from linkmw.gate.ports import REFUSED_SECONDS, Arming, Entry, ProofRecord, SignOutRecord
from linkmw.hub.ports import (
    MOST_OPENED,
    Confirmed,
    Flow,
    Grant,
    HubSession,
    MailProof,
    OpenSession,
    PendingProof,
    SignOut,
)
from linkmw.model import Identity, Session, SignIn
from linkmw.stores.hub_sessions import (
    MOST_SESSIONS,
    OPENED_SECONDS,
    PARALLEL_SECONDS,
    TOMBSTONE_SECONDS,
    newest_first,
    opened,
)
from linkmw.stores.memory_tries import Tries

SIGN_INS_PER_BROWSER = 10  # FC06

Clock = Callable[[], int]
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """Values that are gone when their time is up, the oldest first. `lock` makes several steps one."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._kept: dict[K, tuple[int, V]] = {}
        self.lock = RLock()

    def put(self, key: K, value: V, seconds: int) -> None:
        """Keep `value` for `seconds` from now."""
        self.put_until(key, value, self._now() + seconds)

    def put_until(self, key: K, value: V, expires: int) -> None:
        """Keep `value`, as the newest, until `expires`."""
        with self.lock:
            self._kept = {key: kept for key, kept in self._kept.items() if kept[0] > self._now()}
            self._kept.pop(key, None)
            self._kept[key] = (expires, value)

    def change(self, key: K, value: V) -> None:
        """Another value, as long as the one before would have been kept."""
        with self.lock:
            self._kept[key] = (self._kept[key][0], value)

    def get(self, key: K) -> V | None:
        """The value; None when there is none, or its time is up."""
        expires, value = self._kept.get(key, (0, None))
        return value if expires > self._now() else None

    def take(self, key: K) -> V | None:
        """Remove and return the value, to one caller."""
        with self.lock:
            found = self.get(key)
            self._kept.pop(key, None)
            return found

    def keys_in_order(self) -> list[K]:
        """What is kept, oldest first."""
        with self.lock:
            return [key for key, (expires, _) in self._kept.items() if expires > self._now()]


class OneUse(Generic[V]):
    """Values that one caller takes once: each under an owner and a name, `at_once` of them waiting for one owner."""

    def __init__(self, now: Clock, at_once: int = 1) -> None:
        self._waiting: Shelf[tuple[str, str], V] = Shelf(now)
        self._at_once = at_once

    def put(self, owner: str, name: str, value: V, seconds: int) -> None:
        """Keep `value`; of more than `at_once` waiting the oldest is dropped."""
        with self._waiting.lock:
            self._waiting.put((owner, name), value, seconds)
            own = [key for key in self._waiting.keys_in_order() if key[0] == owner]
            for key in own[: -self._at_once]:
                self._waiting.take(key)

    def take(self, owner: str, name: str) -> V | None:
        """The value, to one caller; None when there is none, or somebody had it."""
        return self._waiting.take((owner, name))


class SignIns:
    """Sign-ins under way, under browser and state."""

    def __init__(self, now: Clock) -> None:
        self._waiting: OneUse[SignIn] = OneUse(now, SIGN_INS_PER_BROWSER)

    async def put(self, browser: str, sign_in: SignIn, seconds: int) -> None:
        self._waiting.put(browser, sign_in.state, sign_in, seconds)

    async def take(self, browser: str, state: str) -> SignIn | None:
        return self._waiting.take(browser, state)


class _HasId(Protocol):
    @property
    def record_id(self) -> str: ...


R = TypeVar("R", bound=_HasId)


class Records(Generic[R]):
    """Records of one kind, under browser and id."""

    def __init__(self, now: Clock) -> None:
        self._records: Shelf[tuple[str, str], R] = Shelf(now)

    async def put(self, browser: str, record: R, seconds: int) -> None:
        self._records.put((browser, record.record_id), record, seconds)

    async def get(self, browser: str, record_id: str) -> R | None:
        return self._records.get((browser, record_id))

    async def drop(self, browser: str, record_id: str) -> None:
        self._records.take((browser, record_id))


class PasswordHashes:
    """Hashes to be carried on, under their transaction."""

    def __init__(self, now: Clock) -> None:
        self._waiting: OneUse[str] = OneUse(now)

    async def put(self, transaction: str, password_hash: str, seconds: int) -> None:
        self._waiting.put(transaction, "", password_hash, seconds)

    async def take(self, transaction: str) -> str | None:
        return self._waiting.take(transaction, "")


class Sessions:
    """The allow-list, and the logouts that came of late: whom each named, and when it was made."""

    def __init__(self, now: Clock) -> None:
        self._sessions: Shelf[str, Session] = Shelf(now)
        self._logouts: Shelf[tuple[str, str], int] = Shelf(now)

    async def put(self, session: Session) -> bool:
        with self._sessions.lock:
            if self._is_refused(session):
                self._sessions.take(session.sid)
                return False
            self._sessions.put_until(session.sid, session, session.expires)
            return True

    def _is_refused(self, session: Session) -> bool:
        account_id, hub_sid = session.account_id, session.hub_sid
        named = ((account_id, ""), ("", hub_sid), (account_id, hub_sid))
        return any(session.started <= (self._logouts.get(name) or 0) for name in named)

    async def get(self, sid: str) -> Session | None:
        return self._sessions.get(sid)

    def recall(self, sid: str) -> Session | None:
        """Nothing: asking costs no more."""

    def forget(self, sid: str) -> None:
        """Nothing is remembered."""

    async def end(self, sid: str) -> Session | None:
        return self._sessions.take(sid)

    async def end_all(self, *, account_id: str = "", hub_sid: str = "", until: int) -> list[Session]:
        name = (account_id, hub_sid)
        with self._sessions.lock:
            latest = max(until, self._logouts.get(name) or 0)
            self._logouts.put_until(name, latest, latest + REFUSED_SECONDS)
            ended = [self._sessions.take(sid) for sid in self._sids_of(account_id, hub_sid, until)]
            return [replace(session, sid="") for session in ended if session]

    def _sids_of(self, account_id: str, hub_sid: str, until: int) -> list[str]:
        kept = [session for sid in self._sessions.keys_in_order() if (session := self._sessions.get(sid))]
        return [
            session.sid
            for session in kept
            if session.started <= until and account_id in ("", session.account_id) and hub_sid in ("", session.hub_sid)
        ]


class Marks:
    """One-use marks and counters. A counter's window begins with its first count."""

    def __init__(self, now: Clock) -> None:
        self._marks: Shelf[tuple[str, str], bool] = Shelf(now)
        self._counts: Shelf[tuple[str, str], int] = Shelf(now)

    async def first_use(self, purpose: str, value: str, seconds: int) -> bool:
        with self._marks.lock:
            if self._marks.get((purpose, value)):
                return False
            self._marks.put((purpose, value), True, seconds)
            return True

    async def count(self, purpose: str, value: str, seconds: int) -> int:
        with self._counts.lock:
            count = self._counts.get((purpose, value))
            if count is None:
                self._counts.put((purpose, value), 1, seconds)
                return 1
            self._counts.change((purpose, value), count + 1)
            return count + 1

    async def counted(self, purpose: str, value: str) -> int:
        return self._counts.get((purpose, value)) or 0

    async def reset(self, purpose: str, value: str) -> None:
        self._counts.take((purpose, value))


class SignOuts:
    """Sign-outs under way, under browser and id."""

    def __init__(self, now: Clock) -> None:
        self._waiting: OneUse[SignOut] = OneUse(now, SIGN_INS_PER_BROWSER)

    async def put(self, browser: str, sign_out: SignOut, seconds: int) -> None:
        self._waiting.put(browser, sign_out.record_id, sign_out, seconds)

    async def take(self, browser: str, record_id: str) -> SignOut | None:
        return self._waiting.take(browser, record_id)


class Flows:
    """Flows by id."""

    def __init__(self, now: Clock) -> None:
        self._flows: Shelf[str, Flow] = Shelf(now)

    async def put(self, flow: Flow, seconds: int) -> None:
        self._flows.put(flow.flow_id, flow, seconds)

    async def get(self, flow_id: str) -> Flow | None:
        return self._flows.get(flow_id)


class Handles:
    """Proof requests, under handle and client."""

    def __init__(self, now: Clock) -> None:
        self._waiting: OneUse[PendingProof] = OneUse(now)

    async def put(self, handle: str, pending: PendingProof, seconds: int) -> None:
        self._waiting.put(handle, pending.client_id, pending, seconds)

    async def take(self, handle: str, client_id: str) -> PendingProof | None:
        return self._waiting.take(handle, client_id)


class ProofCodes:
    """One-time codes: code → flow id."""

    def __init__(self, now: Clock) -> None:
        self._waiting: Shelf[str, str] = Shelf(now)

    async def put(self, code: str, flow_id: str, seconds: int) -> None:
        self._waiting.put(code, flow_id, seconds)

    async def take(self, code: str) -> str | None:
        return self._waiting.take(code)


@dataclass(frozen=True, slots=True)
class _Code:
    grant: Grant
    uses: int = 0
    token: str = field(default="", repr=False)


class Grants:
    """Authorization codes, kept for their whole life so that a second use shows, and access tokens."""

    def __init__(self, now: Clock) -> None:
        self._codes: Shelf[str, _Code] = Shelf(now)
        self._tokens: Shelf[str, Grant] = Shelf(now)

    async def put(self, code: str, grant: Grant, seconds: int) -> None:
        self._codes.put(code, _Code(grant), seconds)

    async def take(self, code: str) -> Grant | None:
        with self._codes.lock:
            found = self._codes.get(code)
            if found is None:
                return None
            self._codes.change(code, replace(found, uses=found.uses + 1))
            if found.uses == 0:
                return found.grant
            self._tokens.take(found.token)
            return None

    async def put_token(self, token: str, code: str, grant: Grant, seconds: int) -> None:
        with self._codes.lock:
            found = self._codes.get(code)
            if found is not None and found.uses > 1:
                return
            if found is not None:
                self._codes.change(code, replace(found, token=token))
            self._tokens.put(token, grant, seconds)

    async def of_token(self, token: str) -> Grant | None:
        return self._tokens.get(token)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A hub session, when it was put, and when it ends at the latest."""

    session: HubSession
    at: int
    until: int


class HubSessions:
    """Hub sessions, with an idle and an absolute limit, and what their Keycloak sessions opened."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._sessions: Shelf[str, _Begun] = Shelf(now)
        self._opened: Shelf[tuple[str, str, Identity, str], bool] = Shelf(now)  # issuer, its sid, whose, public name
        self._ended: Shelf[tuple[str, str], bool] = Shelf(now)
        self._products: Shelf[tuple[Identity, str], tuple[str, ...]] = Shelf(now)

    async def put(self, session: HubSession, idle_seconds: int, absolute_expires: int) -> bool:
        issuer, now = session.identity.issuer, self._now()
        with self._sessions.lock:
            self._shorten_older(session)
            if session.keycloak_sid and self._ended.get((issuer, session.keycloak_sid)):
                self._sessions.take(session.sid)
                return False
            self._keep(_Begun(session, now, absolute_expires), idle_seconds)
            self._end(sorted(self._of(session.identity), key=lambda begun: begun.at)[:-MOST_SESSIONS])
            if session.keycloak_sid:
                key = (issuer, session.keycloak_sid, session.identity, session.public_sid)
                self._opened.put(key, True, OPENED_SECONDS)
            return True

    def _shorten_older(self, session: HubSession) -> None:
        now = self._now()
        for older in self._of(session.identity):
            same = older.session.public_sid == session.public_sid and older.session.sid != session.sid
            if same and older.at + PARALLEL_SECONDS <= now:
                self._keep(replace(older, until=min(older.until, now + PARALLEL_SECONDS)), PARALLEL_SECONDS)

    def _keep(self, begun: _Begun, idle_seconds: int) -> None:
        self._sessions.put_until(begun.session.sid, begun, min(self._now() + idle_seconds, begun.until))

    def _of(self, identity: Identity) -> list[_Begun]:
        found = (self._sessions.get(sid) for sid in self._sessions.keys_in_order())
        return [begun for begun in found if begun is not None and begun.session.identity == identity]

    async def get(self, sid: str, idle_seconds: int) -> HubSession | None:
        with self._sessions.lock:
            found = self._sessions.get(sid)
            if found is None:
                return None
            self._keep(found, idle_seconds)
            return found.session

    async def end(self, sid: str) -> None:
        self._sessions.take(sid)

    async def note_opened(self, identity: Identity, public_sid: str, client_id: str, seconds: int) -> None:
        key = (identity, public_sid)
        with self._products.lock:
            known = self._products.get(key) or ()
            new = () if client_id in known or len(known) >= MOST_OPENED else (client_id,)
            self._products.put(key, known + new, seconds)

    async def of_identity(self, identity: Identity) -> list[OpenSession]:
        live = newest_first(opened(begun.session) for begun in self._of(identity))
        products = [self._products.get((identity, one.public_sid)) or () for one in live]
        return [replace(one, opened=tuple(sorted(led))) for one, led in zip(live, products, strict=True)]

    async def end_public(self, identity: Identity, public_sid: str) -> bool:
        return self._end([begun for begun in self._of(identity) if begun.session.public_sid == public_sid])

    async def end_all(self, identity: Identity) -> list[str]:
        found = self._of(identity)
        self._end(found)
        return [session.public_sid for session in newest_first(opened(begun.session) for begun in found)]

    async def end_keycloak(self, issuer: str, keycloak_sid: str) -> list[tuple[Identity, str]]:
        with self._sessions.lock:
            self._ended.put((issuer, keycloak_sid), True, TOMBSTONE_SECONDS)
            named = [key for key in self._opened.keys_in_order() if key[:2] == (issuer, keycloak_sid)]
        for _, _, identity, public_sid in named:
            await self.end_public(identity, public_sid)
        return [(identity, public_sid) for _, _, identity, public_sid in named]

    def _end(self, found: list[_Begun]) -> bool:
        for begun in found:
            self._sessions.take(begun.session.sid)
        return bool(found)


class MailProofs:
    """Addresses that wait to be confirmed, by token, and what came of them, by flow."""

    def __init__(self, now: Clock) -> None:
        self._waiting: Shelf[str, MailProof] = Shelf(now)
        self._pressed: Shelf[str, Confirmed] = Shelf(now)

    async def put(self, token: str, proof: MailProof, seconds: int) -> None:
        self._waiting.put(token, proof, seconds)

    async def get(self, token: str) -> MailProof | None:
        return self._waiting.get(token)

    async def confirm(self, flow_id: str, confirmed: Confirmed, seconds: int) -> None:
        self._pressed.put(flow_id, confirmed, seconds)

    async def confirmed(self, flow_id: str) -> Confirmed | None:
        return self._pressed.get(flow_id)


class SwitchedOn:
    """When `replace` closed the doors."""

    def __init__(self) -> None:
        self._since = 0

    async def get(self) -> int:
        return self._since

    async def put(self, since: int) -> None:
        self._since = since


class GateMemory:
    """The gate's stores. now: seconds since the epoch."""

    def __init__(self, now: Clock) -> None:
        self.sign_ins = SignIns(now)
        self.proofs: Records[ProofRecord] = Records(now)
        self.sessions = Sessions(now)
        self.marks = Marks(now)
        self.tries = Tries(now)
        self.entries: Records[Entry] = Records(now)
        self.sign_outs: Records[SignOutRecord] = Records(now)
        self.password_hashes = PasswordHashes(now)
        self.armings: Records[Arming] = Records(now)
        self.switched_on = SwitchedOn()


class HubMemory:
    """The hub's stores. now: seconds since the epoch."""

    def __init__(self, now: Clock) -> None:
        self.sign_ins = SignIns(now)
        self.sign_outs = SignOuts(now)
        self.flows = Flows(now)
        self.handles = Handles(now)
        self.proof_codes = ProofCodes(now)
        self.grants = Grants(now)
        self.sessions = HubSessions(now)
        self.marks = Marks(now)
        self.mail_proofs = MailProofs(now)
