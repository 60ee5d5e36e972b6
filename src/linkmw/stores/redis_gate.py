"""What the gate keeps in the product's Redis: the ports of `linkmw.gate.ports`."""

from __future__ import annotations

from linkmw.gate.ports import Entry, ProofRecord
from linkmw.model import Session
from linkmw.stores import session_record
from linkmw.stores.codec import Codec
from linkmw.stores.redis_commands import Commands, Script
from linkmw.stores.redis_shared import Keys, Marks, SignIns, digest
from linkmw.stores.redis_tries import Tries
from linkmw.stores.sealed import Sealed


class Proofs:
    """Proof records, each a key of its browser and its id together."""

    _codec = Sealed(Codec(ProofRecord, without=("record_id",)))

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._keys = Keys(prefix, "p")

    async def put(self, browser: str, record: ProofRecord, seconds: int) -> None:
        await self._commands.put(
            self._keys.of(browser, record.record_id), self._codec.write(record, browser, record.record_id), seconds
        )

    async def get(self, browser: str, record_id: str) -> ProofRecord | None:
        data = await self._commands.get(self._keys.of(browser, record_id))
        return self._codec.read(data, browser, record_id, record_id=record_id)

    async def drop(self, browser: str, record_id: str) -> None:
        await self._commands.drop(self._keys.of(browser, record_id))


class Entries:
    """Sign-ins that wait for a second factor, kept as proof records are."""

    _codec = Sealed(Codec(Entry, without=("record_id",)))

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._keys = Keys(prefix, "e")

    async def put(self, browser: str, entry: Entry, seconds: int) -> None:
        await self._commands.put(
            self._keys.of(browser, entry.record_id), self._codec.write(entry, browser, entry.record_id), seconds
        )

    async def get(self, browser: str, record_id: str) -> Entry | None:
        data = await self._commands.get(self._keys.of(browser, record_id))
        return self._codec.read(data, browser, record_id, record_id=record_id)

    async def drop(self, browser: str, record_id: str) -> None:
        await self._commands.drop(self._keys.of(browser, record_id))


# A sorted set, for a small one is a fifth the size of a small set before Redis 7.2 (performance.md, section 5); its
# scores let ended sessions be swept without looking at them.
_ADD = Script(
    """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('EXPIREAT', KEYS[1], redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])
return 1
""",
    repeatable=False,
)

_REMOVE = Script("return redis.call('ZREM', KEYS[1], ARGV[1])", repeatable=False)


class _Index:
    """The sessions of one account, identity or hub session: the hashes of their sids, each until it expires."""

    def __init__(self, commands: Commands, keys: Keys) -> None:
        self._commands = commands
        self._keys = keys

    async def add(self, value: str, session: Session) -> None:
        await self._commands.run(_ADD, self._keys.of(value), digest(session.sid), session.expires)

    async def remove(self, value: str, session: Session) -> None:
        await self._commands.run(_REMOVE, self._keys.of(value), digest(session.sid))


class Sessions:
    """The allow-list: one packed record for each session, and three indexes over them."""

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._keys = Keys(prefix, "s")
        self._accounts = _Index(commands, Keys(prefix, "a"))
        self._identities = _Index(commands, Keys(prefix, "i"))
        self._hub_sids = _Index(commands, Keys(prefix, "h"))

    async def put(self, session: Session) -> None:
        for index, value in self._indexes(session):  # first: no session lives that no index finds
            await index.add(value, session)
        await self._commands.put_until(self._keys.of(session.sid), session_record.pack(session), session.expires)

    async def get(self, sid: str) -> Session | None:
        return session_record.unpack(sid, await self._commands.get(self._keys.of(sid)))

    async def end(self, sid: str) -> None:
        session = await self.get(sid)
        await self._commands.drop(self._keys.of(sid))
        if session is not None:
            for index, value in self._indexes(session):
                await index.remove(value, session)

    def _indexes(self, session: Session) -> tuple[tuple[_Index, str], ...]:
        return (
            (self._accounts, session.account_id),
            (self._identities, session.identity),
            (self._hub_sids, session.hub_sid),
        )


class GateStores:
    """The gate's stores over one Redis, under one prefix."""

    def __init__(self, commands: Commands, prefix: str) -> None:
        self.sign_ins = SignIns(commands, prefix)
        self.proofs = Proofs(commands, prefix)
        self.sessions = Sessions(commands, prefix)
        self.marks = Marks(commands, prefix)
        self.tries = Tries(commands, prefix)
        self.entries = Entries(commands, prefix)
