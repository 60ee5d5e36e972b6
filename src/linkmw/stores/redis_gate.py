"""What the gate keeps in the product's Redis: the ports of `linkmw.gate.ports`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from linkmw.gate.ports import REFUSED_SECONDS, Arming, Entry, ProofRecord, SignOutRecord
from linkmw.model import Session
from linkmw.stores import session_record
from linkmw.stores.codec import Codec
from linkmw.stores.redis_commands import Commands, Script, putting_until, running
from linkmw.stores.redis_server import Command
from linkmw.stores.redis_shared import Keys, Marks, OneUse, SignIns, digest
from linkmw.stores.redis_tries import Tries
from linkmw.stores.sealed import Sealed, seal, unseal

if TYPE_CHECKING:
    from linkmw.stores.redis_push import Listener


class _HasId(Protocol):
    @property
    def record_id(self) -> str: ...


T = TypeVar("T", bound=_HasId)


class Records(Generic[T]):
    """Records of one kind, each a key of its browser and its id together."""

    def __init__(self, commands: Commands, keys: Keys, kind: type[T]) -> None:
        self._commands = commands
        self._keys = keys
        self._codec = Sealed(Codec(kind, without=("record_id",)))

    async def put(self, browser: str, record: T, seconds: int) -> None:
        key, data = self._keys.of(browser, record.record_id), self._codec.write(record, browser, record.record_id)
        await self._commands.put(key, data, seconds)

    async def get(self, browser: str, record_id: str) -> T | None:
        data = await self._commands.get(self._keys.of(browser, record_id))
        return self._codec.read(data, browser, record_id, record_id=record_id)

    async def drop(self, browser: str, record_id: str) -> None:
        await self._commands.drop(self._keys.of(browser, record_id))


class PasswordHashes:
    """Hashes to be carried on, each sealed under its transaction, which Redis does not know."""

    def __init__(self, commands: Commands, keys: Keys) -> None:
        self._waiting = OneUse(commands, keys)

    async def put(self, transaction: str, password_hash: str, seconds: int) -> None:
        await self._waiting.put(transaction, "", seal(password_hash.encode(), transaction), seconds)

    async def take(self, transaction: str) -> str | None:
        found = unseal(await self._waiting.take(transaction, ""), transaction)
        return None if found is None else found.decode()


# A sorted set, for a small one is a fifth the size of a small set before Redis 7.2 (performance.md, section 5); its
# scores let ended sessions be swept without looking at them.
#
# A logout is a member too, so that one script is both sides of RC11: a mark ("!", or "!" and the hash of an account)
# whose score is when the logout was made and REFUSED_SECONDS.
_SWEEP = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1])
local function keep()
  local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
  if last then redis.call('EXPIREAT', KEYS[1], last) end
end
"""

_ADD = Script(
    _SWEEP
    + """
for _, mark in ipairs({'!', '!' .. ARGV[3]}) do
  local score = redis.call('ZSCORE', KEYS[1], mark)
  if score and tonumber(ARGV[4]) <= tonumber(score) then return 0 end
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
keep()
return 1
""",
    repeatable=True,
)

_END = Script(
    _SWEEP
    + """
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
keep()
return redis.call('ZRANGE', KEYS[1], 0, -1)
""",
    repeatable=True,
)

_REMOVE = Script("return redis.call('ZREM', KEYS[1], unpack(ARGV))", repeatable=False)

_TAKE = Script(
    """
local found = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
return found
""",
    repeatable=False,
)

_AT_ONCE = 500  # members: Lua passes on some thousands at most
_MARK = b"!"
_HASH_BYTES = 16  # no mark is as long


class _Index:
    """The sessions of one account or hub session: the hashes of their sids, each until it expires."""

    def __init__(self, commands: Commands, keys: Keys) -> None:
        self._commands = commands
        self._keys = keys

    def adding(self, value: str, session: Session) -> Command:
        """Replies 0 when a logout that was made since the session began has named it."""
        began, account = session.started + REFUSED_SECONDS, digest(session.account_id)
        return running(_ADD, self._keys.of(value), digest(session.sid), session.expires, account, began)

    async def end(self, value: str, mark: bytes, until: int) -> list[bytes]:
        """Refuse what began until then; the hashes of the sids that are here."""
        found: list[bytes] = await self._commands.run(_END, self._keys.of(value), mark, until + REFUSED_SECONDS)
        return [member for member in found if len(member) == _HASH_BYTES]

    async def remove(self, value: str, *hashed: bytes) -> None:
        for first in range(0, len(hashed), _AT_ONCE):
            await self._commands.run(_REMOVE, self._keys.of(value), *hashed[first : first + _AT_ONCE])


class Sessions:
    """The allow-list: one packed record for each session, and two indexes over them.

    listener: hears of what Redis changes; without one `recall` knows nothing.
    """

    recall: Callable[[str], Session | None]

    def __init__(self, commands: Commands, prefix: str, listener: Listener | None = None) -> None:
        self._commands = commands
        self._listener = listener  # held: it goes with the last store that has it
        self._memory = listener.memory if listener else None
        # Not by a method of its own, whose call would be a tenth of what a question costs.
        self.recall = self._memory.recall if self._memory else _nothing
        self._keys = Keys(prefix, "s")
        self._accounts = _Index(commands, Keys(prefix, "a"))
        self._hub_sids = _Index(commands, Keys(prefix, "h"))
        self._key_of = lru_cache(maxsize=1024)(self._keys.of)  # it is asked about in each request, maybe

    async def put(self, session: Session) -> bool:
        """The record first: a logout that reads an index before the session is in it refuses it there."""
        key = self._keys.of(session.sid)
        record = putting_until(key, session_record.pack(session), session.expires)
        adding = [index.adding(value, session) for index, value in self._indexes(session)]
        try:
            _, *added = await self._commands.all(record, *adding)
        finally:
            self._changed(key)
        if not all(added):
            await self.end(session.sid)
        return all(added)

    async def get(self, sid: str) -> Session | None:
        key, memory = self._key_of(sid), self._memory
        begun = memory.begin() if memory else 0
        session = session_record.unpack(sid, await self._commands.get_joined(key))
        if memory and session is not None:
            memory.keep(key, session, begun)
        return session

    def forget(self, sid: str) -> None:
        self._changed(self._keys.of(sid))

    async def end(self, sid: str) -> Session | None:
        hashed = digest(sid)
        session = await self._taken(hashed, sid)
        if session is not None:
            for index, value in self._indexes(session):
                await index.remove(value, hashed)
        return session

    async def end_all(self, *, account_id: str = "", hub_sid: str = "", until: int) -> list[Session]:
        index, value = (self._hub_sids, hub_sid) if hub_sid else (self._accounts, account_id)
        mark = _MARK + digest(account_id) if hub_sid and account_id else _MARK
        found = await index.end(value, mark, until)
        named = [hashed for hashed in found if await self._is_named(hashed, account_id, until)]
        ended = [await self._taken(hashed) for hashed in named]
        # The other index keeps names of what is gone until it would have expired: with many sessions that is half of
        # all the questions (DS05).
        await index.remove(value, *named)
        return [session for session in ended if session is not None]

    async def _is_named(self, hashed: bytes, account_id: str, until: int) -> bool:
        session = session_record.unpack("", await self._commands.get(self._keys.hashed(hashed)))
        return session is not None and account_id in ("", session.account_id) and session.started <= until

    async def _taken(self, hashed: bytes, sid: str = "") -> Session | None:
        key = self._keys.hashed(hashed)
        session = session_record.unpack(sid, await self._commands.run(_TAKE, key))
        self._changed(key)
        return session

    def _changed(self, key: bytes) -> None:
        """By this very process: it does not wait to be told."""
        if self._memory:
            self._memory.changed((key,))

    def _indexes(self, session: Session) -> tuple[tuple[_Index, str], ...]:
        return (self._accounts, session.account_id), (self._hub_sids, session.hub_sid)


def _nothing(_sid: str) -> None:
    """Nobody has told."""


class SwitchedOn:
    """One number under one key, kept anew whenever a gate looks; gone when no gate has looked for over a year."""

    _SECONDS = 400 * 86_400

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._key = Keys(prefix, "r").of("")

    async def get(self) -> int:
        found = await self._commands.get(self._key)
        return int(found) if found and found.isdigit() else 0

    async def put(self, since: int) -> None:
        await self._commands.put(self._key, str(since).encode(), self._SECONDS if since else 0)


class GateStores:
    """The gate's stores over one Redis, under one prefix. listener: as in `Sessions`."""

    def __init__(self, commands: Commands, prefix: str, listener: Listener | None = None) -> None:
        self.sign_ins = SignIns(commands, prefix)
        self.proofs = Records(commands, Keys(prefix, "p"), ProofRecord)
        self.sessions = Sessions(commands, prefix, listener)
        self.marks = Marks(commands, prefix)
        self.tries = Tries(commands, prefix)
        self.entries = Records(commands, Keys(prefix, "e"), Entry)
        self.sign_outs = Records(commands, Keys(prefix, "o"), SignOutRecord)
        self.password_hashes = PasswordHashes(commands, Keys(prefix, "w"))
        self.armings = Records(commands, Keys(prefix, "v"), Arming)
        self.switched_on = SwitchedOn(commands, prefix)
