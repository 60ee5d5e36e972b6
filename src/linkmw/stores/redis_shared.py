"""What both halves keep in Redis: one-use values, marks, counters, and how keys are made.

Every key is a prefix, a letter for its kind, and a hash: whoever reads the keys learns no secret, and a record opens
with what it is found by alone (`sealed`). Every key has an expiry, and every record is one key, so that a Redis Cluster
may put each where it likes (security.md, RF07, RF08).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from linkmw.model import SignIn
from linkmw.stores.codec import Codec
from linkmw.stores.redis_commands import Commands, Script
from linkmw.stores.sealed import Sealed

SIGN_INS_PER_BROWSER = 10  # FC06
CLAIM_SECONDS = 10  # how long a value outlives its use, for a caller whose reply was lost (RF02)


def digest(*parts: str) -> bytes:
    """128 bits of SHA-256 over `parts`, none of which can pass for a piece of its neighbour."""
    told = (part.encode("utf-8", "surrogatepass") for part in parts)
    return hashlib.sha256(b"".join(len(part).to_bytes(4) + part for part in told)).digest()[:16]


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of one kind of record."""

    prefix: str
    kind: str

    def of(self, *parts: str) -> bytes:
        return self.hashed(digest(*parts))

    def hashed(self, hashed: bytes) -> bytes:
        """The key whose parts are known by their digest alone."""
        return self.prefix.encode() + self.kind.encode() + hashed


# An entry of the hash is a line: when it was put, when it ends (both microseconds, 16 digits), who claimed it
# (32 hexadecimal digits, or dashes), the value. Redis' own clock, so that all processes mean the same moment.
_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function ends(entry) return tonumber(string.sub(entry, 17, 32)) or 0 end
local function claim(entry) return string.sub(entry, 33, 64) end
local nobody = string.rep('-', 32)
"""

_PUT_ONE_USE = Script(
    _NOW
    + """
local line = string.format('%016.0f%016.0f', now, now + ARGV[3] * 1000000) .. nobody .. ARGV[2]
redis.call('HSET', KEYS[1], ARGV[1], line)
local entries, waiting, last = redis.call('HGETALL', KEYS[1]), {}, 0
for i = 1, #entries, 2 do
  local name, entry = entries[i], entries[i + 1]
  if ends(entry) <= now then
    redis.call('HDEL', KEYS[1], name)
  else
    last = math.max(last, ends(entry))
    if claim(entry) == nobody then table.insert(waiting, string.sub(entry, 1, 16) .. name) end
  end
end
table.sort(waiting)
for i = 1, #waiting - tonumber(ARGV[4]) do redis.call('HDEL', KEYS[1], string.sub(waiting[i], 17)) end
if last > 0 then redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(last / 1000))) end
return 1
""",
    repeatable=False,
)

_TAKE_ONE_USE = Script(
    _NOW
    + """
local entry = redis.call('HGET', KEYS[1], ARGV[1])
if not entry or ends(entry) <= now then return false end
local value = string.sub(entry, 65)
if claim(entry) == ARGV[2] then return value end
if claim(entry) ~= nobody then return false end
local until_then = math.min(ends(entry), now + ARGV[3] * 1000000)
local line = string.sub(entry, 1, 16) .. string.format('%016.0f', until_then) .. ARGV[2] .. value
redis.call('HSET', KEYS[1], ARGV[1], line)
return value
""",
    repeatable=True,
)


class OneUse:
    """Values that one caller takes once: each under an owner and a name, `at_once` of them waiting for one owner.

    A take claims with a number of its own, so the same call asked again after a lost reply still gets the value and
    nobody else ever does. A claimed value is gone for good `CLAIM_SECONDS` later.
    """

    def __init__(self, commands: Commands, keys: Keys, at_once: int = 1) -> None:
        self._commands = commands
        self._keys = keys
        self._at_once = at_once

    async def put(self, owner: str, name: str, value: bytes, seconds: int) -> None:
        """Keep `value`; of more than `at_once` waiting the oldest is dropped."""
        key = self._keys.of(owner)
        await self._commands.run(_PUT_ONE_USE, key, digest(name), value, seconds, self._at_once)

    async def take(self, owner: str, name: str) -> bytes | None:
        """The value, to one caller; None when there is none, or somebody had it."""
        claim = secrets.token_hex(16)
        found: bytes | None = await self._commands.run(
            _TAKE_ONE_USE, self._keys.of(owner), digest(name), claim, CLAIM_SECONDS
        )
        return found


class SignIns:
    """Sign-ins under way: a browser's waiting ones are one record, so no other browser reaches them (FC02)."""

    _codec = Sealed(Codec(SignIn, without=("state",)))

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._waiting = OneUse(commands, Keys(prefix, "n"), SIGN_INS_PER_BROWSER)

    async def put(self, browser: str, sign_in: SignIn, seconds: int) -> None:
        await self._waiting.put(browser, sign_in.state, self._codec.write(sign_in, browser, sign_in.state), seconds)

    async def take(self, browser: str, state: str) -> SignIn | None:
        return self._codec.read(await self._waiting.take(browser, state), browser, state, state=state)


_FIRST_USE = Script(
    """
local first = redis.call('GET', KEYS[1])
if first then return first == ARGV[1] and 1 or 0 end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
""",
    repeatable=True,
)

_COUNT = Script(
    """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return count
""",
    repeatable=False,
)


class Marks:
    """One-use marks and counters. A counter's window begins with its first count and is not drawn out by later ones.

    A count whose reply was lost has counted: it errs on the side of too many (RF03).
    """

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._marks = Keys(prefix, "m")
        self._counters = Keys(prefix, "c")

    async def first_use(self, purpose: str, value: str, seconds: int) -> bool:
        own = secrets.token_bytes(16)
        return bool(await self._commands.run(_FIRST_USE, self._marks.of(purpose, value), own, seconds))

    async def count(self, purpose: str, value: str, seconds: int) -> int:
        return int(await self._commands.run(_COUNT, self._counters.of(purpose, value), seconds))

    async def counted(self, purpose: str, value: str) -> int:
        return int(await self._commands.get(self._counters.of(purpose, value)) or 0)

    async def reset(self, purpose: str, value: str) -> None:
        await self._commands.drop(self._counters.of(purpose, value))
