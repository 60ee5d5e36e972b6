"""What the hub keeps in its Redis: the ports of `linkmw.hub.ports` that may be lost."""

from __future__ import annotations

import secrets

from linkmw.hub.ports import Flow, Grant, HubSession, PendingProof
from linkmw.stores.codec import Codec
from linkmw.stores.redis_commands import Commands, Script
from linkmw.stores.redis_shared import Keys, Marks, OneUse, SignIns
from linkmw.stores.sealed import Sealed, seal, unseal


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
        await self._commands.put(key, self._codec.write(grant, token), seconds)
        if not await self._commands.run(_BIND_TOKEN, self._codes.of(code), key):
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


class HubSessions:
    """Hub sessions by the cookie's secret, which is not in the record: who reads Redis cannot be anybody."""

    _codec = Sealed(Codec(HubSession, without=("sid",)))

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._keys = Keys(prefix, "s")

    async def put(self, session: HubSession, idle_seconds: int, absolute_expires: int) -> None:
        key = self._keys.of(session.sid)
        sealed = self._codec.write(session, session.sid)
        await self._commands.run(_PUT_SESSION, key, sealed, idle_seconds, absolute_expires)

    async def get(self, sid: str, idle_seconds: int) -> HubSession | None:
        sealed = await self._commands.run(_GET_SESSION, self._keys.of(sid), idle_seconds)
        return self._codec.read(sealed, sid, sid=sid)

    async def end(self, sid: str) -> None:
        await self._commands.drop(self._keys.of(sid))


class HubStores:
    """The hub's stores over one Redis, under one prefix."""

    def __init__(self, commands: Commands, prefix: str) -> None:
        self.sign_ins = SignIns(commands, prefix)
        self.flows = Flows(commands, prefix)
        self.handles = Handles(commands, prefix)
        self.proof_codes = ProofCodes(commands, prefix)
        self.grants = Grants(commands, prefix)
        self.sessions = HubSessions(commands, prefix)
        self.marks = Marks(commands, prefix)
