"""Guesses under a limit, in Redis: `gate.ports.Tries`. A counter is one hash; each answer is one script on it."""

from __future__ import annotations

from linkmw.gate.ports import FORGET_SECONDS, STOPPED_SECONDS, Limit
from linkmw.stores.redis_commands import Commands, Script
from linkmw.stores.redis_shared import Keys, digest

# The hash: when the window began (since), tries in it, when the next is allowed (free), tries since the last success
# (total), and for each part's digest how many of the window's (w, as "since:count") and of all (p) are its own.
_OF_PART = """
local function of_part(since)
  local began, count = string.match(redis.call('HGET', KEYS[1], 'w' .. ARGV[1]) or '', '^(%d+):(%d+)$')
  return tonumber(began) == since and tonumber(count) or 0
end
"""

# ARGV: part, tries, seconds, stop, waits
_ATTEMPT = Script(
    _OF_PART
    + f"local forget, stopped = {FORGET_SECONDS}, {STOPPED_SECONDS}"
    + """
local now = tonumber(redis.call('TIME')[1])
local found = redis.call('HMGET', KEYS[1], 'since', 'tries', 'free', 'total')
local since, tries = tonumber(found[1]) or now, tonumber(found[2]) or 0
local free, total = tonumber(found[3]) or 0, tonumber(found[4]) or 0
local limit, seconds, stop = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local waits = #ARGV - 4
if stop > 0 and total >= stop then return math.max(1, redis.call('TTL', KEYS[1])) end
if free > now then return free - now end
local over = now >= since + seconds
if waits > 0 and tries >= limit then over = now >= free + forget end
if over then since, tries = now, 0 end
tries, total, free = tries + 1, total + 1, 0
if tries >= limit then
  if waits > 0 then free = now + tonumber(ARGV[4 + math.min(waits, tries - limit + 1)])
  else free = since + seconds end
end
redis.call('HSET', KEYS[1], 'since', since, 'tries', tries, 'free', free, 'total', total)
redis.call('HINCRBY', KEYS[1], 'p' .. ARGV[1], 1)
redis.call('HSET', KEYS[1], 'w' .. ARGV[1], string.format('%d:%d', since, of_part(since) + 1))
local ends = since + seconds
if waits > 0 then ends = math.max(ends, free + forget) else ends = math.max(ends, free) end
if stop > 0 then ends = now + stopped end
redis.call('EXPIREAT', KEYS[1], ends)
return 0
""",
    repeatable=False,
)

# ARGV: part, tries
_FORGIVE = Script(
    _OF_PART
    + """
local forgiven = tonumber(redis.call('HGET', KEYS[1], 'p' .. ARGV[1]))
if not forgiven then return 0 end
local found = redis.call('HMGET', KEYS[1], 'since', 'tries', 'total')
local tries = (tonumber(found[2]) or 0) - of_part(tonumber(found[1]))
local total = (tonumber(found[3]) or 0) - forgiven
if total <= 0 then return redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], 'tries', tries, 'total', total)
redis.call('HDEL', KEYS[1], 'p' .. ARGV[1], 'w' .. ARGV[1])
if tries < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], 'free', 0) end
return forgiven
""",
    repeatable=True,
)


class Tries:
    """`gate.ports.Tries`. A try whose reply was lost has counted: it errs on the side of too many (RF03)."""

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._keys = Keys(prefix, "g")

    async def attempt(self, purpose: str, value: str, part: str, limit: Limit) -> int:
        key = self._keys.of(purpose, value)
        numbers = (limit.tries, limit.seconds, limit.stop, *limit.waits)
        return int(await self._commands.run(_ATTEMPT, key, digest(part), *numbers))

    async def forgive(self, purpose: str, value: str, part: str, limit: Limit) -> None:
        await self._commands.run(_FORGIVE, self._keys.of(purpose, value), digest(part), limit.tries)
