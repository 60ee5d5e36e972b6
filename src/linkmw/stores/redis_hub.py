"""What the hub keeps in its Redis: the ports of `linkmw.hub.ports` that may be lost."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from linkmw.model import Identity
from linkmw.stores.codec import Codec
from linkmw.stores.hub_sessions import (
    MOST_SESSIONS,
    OPENED_SECONDS,
    PARALLEL_SECONDS,
    TOMBSTONE_SECONDS,
    newest_first,
    opened,
)
from linkmw.stores.redis_commands import Commands, Script, putting, running
from linkmw.stores.redis_server import Command
from linkmw.stores.redis_shared import SIGN_INS_PER_BROWSER, Keys, Marks, OneUse, SignIns, digest
from linkmw.stores.sealed import Sealed, seal, unseal


class SignOuts:
    """Sign-outs under way: a browser's waiting ones are one record, as its sign-ins are."""

    _codec = Sealed(Codec(SignOut, without=("record_id",)))

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._waiting = OneUse(commands, Keys(prefix, "q"), SIGN_INS_PER_BROWSER)

    async def put(self, browser: str, sign_out: SignOut, seconds: int) -> None:
        record_id = sign_out.record_id
        await self._waiting.put(browser, record_id, self._codec.write(sign_out, browser, record_id), seconds)

    async def take(self, browser: str, record_id: str) -> SignOut | None:
        return self._codec.read(await self._waiting.take(browser, record_id), browser, record_id, record_id=record_id)


class Flows:
    """Flows by id."""

    _codec = Sealed(Codec(Flow, without=("flow_id",)))

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._keys = Keys(prefix, "f")

    async def put(self, flow: Flow, seconds: int) -> None:
        await self._commands.put(self._keys.of(flow.flow_id), self._codec.write(flow, flow.flow_id), seconds)

    async def get(self, flow_id: str) -> Flow | None:
        return self._codec.read(await self._commands.get(self._keys.of(flow_id)), flow_id, flow_id=flow_id)


class Handles:
    """Proof requests. The client is part of the name: another client's attempt looks elsewhere and burns nothing."""

    _codec = Sealed(Codec(PendingProof, without=("client_id",)))

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._waiting = OneUse(commands, Keys(prefix, "r"))

    async def put(self, handle: str, pending: PendingProof, seconds: int) -> None:
        await self._waiting.put(handle, pending.client_id, self._codec.write(pending, handle), seconds)

    async def take(self, handle: str, client_id: str) -> PendingProof | None:
        return self._codec.read(await self._waiting.take(handle, client_id), handle, client_id=client_id)


class ProofCodes:
    """One-time codes: code → flow id."""

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._waiting = OneUse(commands, Keys(prefix, "o"))

    async def put(self, code: str, flow_id: str, seconds: int) -> None:
        await self._waiting.put(code, "", seal(flow_id.encode(), code), seconds)

    async def take(self, code: str) -> str | None:
        found = unseal(await self._waiting.take(code, ""), code)
        return None if found is None else found.decode(errors="replace")  # what is no flow id finds no flow


_PUT_CODE = Script(
    """
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'grant', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
""",
    repeatable=False,
)

# Answers the grant, or the key of the token that a second use condemns.
_TAKE_CODE = Script(
    """
local found = redis.call('HMGET', KEYS[1], 'grant', 'claim', 'token')
if not found[1] then return {'', ''} end
if not found[2] then redis.call('HSET', KEYS[1], 'claim', ARGV[1]) end
if not found[2] or found[2] == ARGV[1] then return {found[1], ''} end
redis.call('HSET', KEYS[1], 'used_twice', '1')
return {'', found[3] or ''}
""",
    repeatable=True,
)

_BIND_TOKEN = Script(
    """
if redis.call('HEXISTS', KEYS[1], 'used_twice') == 1 then return 0 end
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'token', ARGV[1]) end
return 1
""",
    repeatable=False,
)


class Grants:
    """Authorization codes, kept for their whole life so that a second use shows, and access tokens."""

    _codec = Sealed(Codec(Grant))

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._codes = Keys(prefix, "d")
        self._tokens = Keys(prefix, "t")

    async def put(self, code: str, grant: Grant, seconds: int) -> None:
        await self._commands.run(_PUT_CODE, self._codes.of(code), self._codec.write(grant, code), seconds)

    async def take(self, code: str) -> Grant | None:
        data, condemned = await self._commands.run(_TAKE_CODE, self._codes.of(code), secrets.token_bytes(16))
        if condemned:
            await self._commands.drop(condemned)
        return self._codec.read(data or None, code)

    async def put_token(self, token: str, code: str, grant: Grant, seconds: int) -> None:
        # The token first, its code second: a second use in between leaves its mark there, and the token goes again.
        key = self._tokens.of(token)
        keeping = putting(key, self._codec.write(grant, token), seconds)
        _, bound = await self._commands.all(keeping, running(_BIND_TOKEN, self._codes.of(code), key))
        if not bound:
            await self._commands.drop(key)

    async def of_token(self, token: str) -> Grant | None:
        return self._codec.read(await self._commands.get(self._tokens.of(token)), token)


_PUT_SESSION = Script(
    """
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'session', ARGV[1], 'until', ARGV[3])
redis.call('EXPIREAT', KEYS[1], math.min(redis.call('TIME')[1] + ARGV[2], ARGV[3]))
return 1
""",
    repeatable=False,
)

_GET_SESSION = Script(
    """
local found = redis.call('HMGET', KEYS[1], 'session', 'until')
local last = tonumber(found[2] or '')
if not found[1] or not last then return false end
redis.call('EXPIREAT', KEYS[1], math.min(redis.call('TIME')[1] + ARGV[1], last))
return found[1]
""",
    repeatable=True,
)


# An entry of the index is a line: when the session ends at the latest, when it began (10 digits each, Redis' clock),
# the hash of its public name, and what its owner may see of it, sealed.
_LIST_SESSION = Script(
    """
local now, grace = tonumber(redis.call('TIME')[1]), tonumber(ARGV[4])
local entries, older, last = redis.call('HGETALL', KEYS[1]), {}, tonumber(ARGV[3])
local others, surplus = {}, {}
for i = 1, #entries, 2 do
  local name, entry = entries[i], entries[i + 1]
  local ends, began = tonumber(string.sub(entry, 1, 10)) or 0, tonumber(string.sub(entry, 11, 20)) or 0
  if ends <= now then
    redis.call('HDEL', KEYS[1], name)
  elseif name ~= ARGV[1] and string.sub(entry, 21, 36) == ARGV[2] and began + grace <= now then
    ends = math.min(ends, now + grace)
    redis.call('HSET', KEYS[1], name, string.format('%010.0f', ends) .. string.sub(entry, 11))
    table.insert(older, name)
  end
  if ends > now and name ~= ARGV[1] then table.insert(others, string.format('%010.0f', began) .. name) end
  last = math.max(last, ends)
end
table.sort(others)
for i = 1, #others + 1 - tonumber(ARGV[6]) do surplus[i] = string.sub(others[i], 11) end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%010.0f%010.0f', ARGV[3], now) .. ARGV[2] .. ARGV[5])
redis.call('EXPIREAT', KEYS[1], last)
return {older, surplus}
""",
    repeatable=False,
)

_SHORTEN_SESSION = Script(
    """
local last = tonumber(redis.call('HGET', KEYS[1], 'until') or '')
if not last then return 0 end
last = math.min(last, redis.call('TIME')[1] + ARGV[1])
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', last))
if redis.call('TTL', KEYS[1]) > tonumber(ARGV[1]) then redis.call('EXPIREAT', KEYS[1], last) end
return 1
""",
    repeatable=True,
)

_LISTED = Script(
    """
local now = tonumber(redis.call('TIME')[1])
local entries, live = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #entries, 2 do
  if (tonumber(string.sub(entries[i + 1], 1, 10)) or 0) <= now then
    redis.call('HDEL', KEYS[1], entries[i])
  else
    table.insert(live, {entries[i], string.sub(entries[i + 1], 21, 36), string.sub(entries[i + 1], 37)})
  end
end
return live
""",
    repeatable=True,
)

_AT_ONCE = 500  # names: Lua passes on some thousands at most
_UNLIST = Script("return redis.call('HDEL', KEYS[1], unpack(ARGV))", repeatable=True)

_IS_THERE = Script("return redis.call('EXISTS', KEYS[1])", repeatable=True)

_OPENED_BY = Script(
    """
if redis.call('HEXISTS', KEYS[1], 'ended') == 1 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
""",
    repeatable=True,
)

_END_OPENED_BY = Script(
    """
redis.call('HSET', KEYS[1], 'ended', '1')
redis.call('EXPIRE', KEYS[1], math.max(redis.call('TTL', KEYS[1]), tonumber(ARGV[1])))
return redis.call('HGETALL', KEYS[1])
""",
    repeatable=True,
)


@dataclass(frozen=True, slots=True)
class _Listed:
    """An entry of a person's index. name: of the session's record."""

    name: bytes
    public: bytes
    seen: OpenSession | None


class _Index:
    """A person's hub sessions: which records there are, and what their owner may see of them (SC11)."""

    _codec = Sealed(Codec(OpenSession))

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._keys = Keys(prefix, "i")

    def adding(self, session: HubSession, absolute_expires: int) -> Command:
        """Lists the session. Replies the names of older records of the same public name, which it takes the place of,
        and of those that are too many."""
        key, found_by = self._of(session.identity)
        sealed = self._codec.write(opened(session), *found_by)
        public = digest(session.public_sid)
        name, most = digest(session.sid), MOST_SESSIONS
        return running(_LIST_SESSION, key, name, public, absolute_expires, PARALLEL_SECONDS, sealed, most)

    async def of(self, identity: Identity) -> list[_Listed]:
        key, found_by = self._of(identity)
        entries = await self._commands.run(_LISTED, key)
        return [_Listed(name, public, self._codec.read(sealed, *found_by)) for name, public, sealed in entries]

    async def remove(self, identity: Identity, names: Sequence[bytes]) -> None:
        for first in range(0, len(names), _AT_ONCE):
            await self._commands.run(_UNLIST, self._of(identity)[0], *names[first : first + _AT_ONCE])

    def _of(self, identity: Identity) -> tuple[bytes, tuple[str, str]]:
        found_by = (identity.issuer, identity.subject)
        return self._keys.of(*found_by), found_by


@dataclass(frozen=True, slots=True)
class _Opened:
    """What a Keycloak session opened here."""

    identity: Identity
    public_sid: str


class _ByKeycloak:
    """What each Keycloak session opened, and which have ended."""

    _codec = Sealed(Codec(_Opened))

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._keys = Keys(prefix, "k")

    def adding(self, session: HubSession) -> list[Command]:
        """Replies 0 when that Keycloak session has ended already (RC11); nothing where none stands behind it."""
        if not session.keycloak_sid:
            return []
        found_by = (session.identity.issuer, session.keycloak_sid)
        sealed = self._codec.write(_Opened(session.identity, session.public_sid), *found_by)
        return [running(_OPENED_BY, self._keys.of(*found_by), digest(session.public_sid), sealed, OPENED_SECONDS)]

    async def end(self, issuer: str, keycloak_sid: str) -> list[_Opened]:
        """What it opened; from now on it opens nothing."""
        entries = await self._commands.run(_END_OPENED_BY, self._keys.of(issuer, keycloak_sid), TOMBSTONE_SECONDS)
        found = (self._codec.read(sealed, issuer, keycloak_sid) for sealed in entries[1::2])
        return [one for one in found if one is not None]


_NOTE_OPENED = Script(
    """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and redis.call('HLEN', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
""",
    repeatable=True,
)

_OPENED = Script("return redis.call('HVALS', KEYS[1])", repeatable=True)


class _OpenedProducts:
    """Which products each hub session led into, for its owner to see."""

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._keys = Keys(prefix, "j")

    async def note(self, identity: Identity, public_sid: str, client_id: str, seconds: int) -> None:
        found_by = (identity.issuer, identity.subject, public_sid)
        sealed = seal(client_id.encode(), *found_by)
        key = self._keys.of(*found_by)
        await self._commands.run(_NOTE_OPENED, key, digest(client_id), sealed, MOST_OPENED, seconds)

    async def of(self, identity: Identity, public_sid: str) -> tuple[str, ...]:
        found_by = (identity.issuer, identity.subject, public_sid)
        entries = await self._commands.run(_OPENED, self._keys.of(*found_by))
        found = (unseal(sealed, *found_by) for sealed in entries)
        return tuple(sorted(one.decode(errors="replace") for one in found if one is not None))


class HubSessions:
    """Hub sessions by the cookie's secret, which is not in the record: who reads Redis cannot be anybody.

    A record is written before it is listed, and its secret is nobody's before both are done: what ends everything that
    is listed misses no session that somebody could use.
    """

    _codec = Sealed(Codec(HubSession, without=("sid",)))

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._keys = Keys(prefix, "s")
        self._people = _Index(commands, prefix)
        self._keycloak = _ByKeycloak(commands, prefix)
        self._opened = _OpenedProducts(commands, prefix)

    async def put(self, session: HubSession, idle_seconds: int, absolute_expires: int) -> bool:
        key = self._keys.of(session.sid)
        sealed = self._codec.write(session, session.sid)
        _, (older, surplus), *stands = await self._commands.all(
            running(_PUT_SESSION, key, sealed, idle_seconds, absolute_expires),
            self._people.adding(session, absolute_expires),
            *self._keycloak.adding(session),
        )
        for name in older:
            await self._commands.run(_SHORTEN_SESSION, self._keys.hashed(name), PARALLEL_SECONDS)
        await self._end(session.identity, surplus)
        if not all(stands):
            await self._commands.drop(key)
        return all(stands)

    async def get(self, sid: str, idle_seconds: int) -> HubSession | None:
        sealed = await self._commands.run(_GET_SESSION, self._keys.of(sid), idle_seconds)
        return self._codec.read(sealed, sid, sid=sid)

    async def end(self, sid: str) -> None:
        await self._commands.drop(self._keys.of(sid))

    async def note_opened(self, identity: Identity, public_sid: str, client_id: str, seconds: int) -> None:
        await self._opened.note(identity, public_sid, client_id, seconds)

    async def of_identity(self, identity: Identity) -> list[OpenSession]:
        listed = await self._people.of(identity)
        live = await self._live(listed)
        await self._people.remove(identity, [entry.name for entry in listed if entry not in live])
        seen = newest_first(entry.seen for entry in live if entry.seen is not None)
        return [replace(one, opened=await self._opened.of(identity, one.public_sid)) for one in seen]

    async def end_public(self, identity: Identity, public_sid: str) -> bool:
        public = digest(public_sid)
        named = [entry for entry in await self._people.of(identity) if entry.public == public]
        live = await self._live(named)
        await self._end(identity, [entry.name for entry in named])
        return bool(live)

    async def end_all(self, identity: Identity) -> list[str]:
        listed = await self._people.of(identity)
        live = await self._live(listed)
        await self._end(identity, [entry.name for entry in listed])
        return [seen.public_sid for seen in newest_first(entry.seen for entry in live if entry.seen is not None)]

    async def end_keycloak(self, issuer: str, keycloak_sid: str) -> list[tuple[Identity, str]]:
        ended = [(one.identity, one.public_sid) for one in await self._keycloak.end(issuer, keycloak_sid)]
        for identity, public_sid in ended:
            await self.end_public(identity, public_sid)
        return ended

    async def _end(self, identity: Identity, names: Sequence[bytes]) -> None:
        for name in names:  # first: while one lives, its entry finds it
            await self._commands.drop(self._keys.hashed(name))
        await self._people.remove(identity, names)

    async def _live(self, listed: Sequence[_Listed]) -> list[_Listed]:
        return [entry for entry in listed if await self._is_there(entry)]

    async def _is_there(self, entry: _Listed) -> bool:
        return bool(await self._commands.run(_IS_THERE, self._keys.hashed(entry.name)))


class MailProofs:
    """Addresses that wait to be confirmed by their mails' links, and what came of them. A look takes nothing (UM01)."""

    _waiting = Sealed(Codec(MailProof))
    _pressed = Sealed(Codec(Confirmed))

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._tokens = Keys(prefix, "m")
        self._flows = Keys(prefix, "n")

    async def put(self, token: str, proof: MailProof, seconds: int) -> None:
        await self._commands.put(self._tokens.of(token), self._waiting.write(proof, token), seconds)

    async def get(self, token: str) -> MailProof | None:
        return self._waiting.read(await self._commands.get(self._tokens.of(token)), token)

    async def confirm(self, flow_id: str, confirmed: Confirmed, seconds: int) -> None:
        await self._commands.put(self._flows.of(flow_id), self._pressed.write(confirmed, flow_id), seconds)

    async def confirmed(self, flow_id: str) -> Confirmed | None:
        return self._pressed.read(await self._commands.get(self._flows.of(flow_id)), flow_id)


class HubStores:
    """The hub's stores over one Redis, under one prefix."""

    def __init__(self, commands: Commands, prefix: str) -> None:
        self.sign_ins = SignIns(commands, prefix)
        self.sign_outs = SignOuts(commands, prefix)
        self.flows = Flows(commands, prefix)
        self.handles = Handles(commands, prefix)
        self.proof_codes = ProofCodes(commands, prefix)
        self.grants = Grants(commands, prefix)
        self.sessions = HubSessions(commands, prefix)
        self.marks = Marks(commands, prefix)
        self.mail_proofs = MailProofs(commands, prefix)
