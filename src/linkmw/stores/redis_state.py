"""What Redis says of itself: its version, what it does when memory is short, its clock (security.md, RF05, RF08, RF12).

By INFO and TIME alone: neither needs CONFIG, which our user of Redis should not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from linkmw.errors import SettingsError
from linkmw.stores.redis_commands import Commands

Version = tuple[int, ...]

KEEPS = "noeviction"
# The oldest that linkmw is tried on; below, commands that it uses are missing.
OLDEST: Version = (7, 0)
# Below these, whoever may run scripts may run anything: CVE-2025-49844, -46817, -46818; Redis also CVE-2026-23479.
# A branch that got the fixes of the first three is good from there, so each has a number of its own.
_PATCHED: dict[str, tuple[Version, ...]] = {
    "redis": ((8, 6, 3),),
    "valkey": ((7, 2, 11), (8, 0, 6), (8, 1, 4), (9, 0, 0)),
}


@dataclass(frozen=True, slots=True)
class RedisState:
    """One server. kind: redis or valkey. policy: what it does when memory is short, "" unsaid. now: its clock."""

    kind: str
    version: str
    policy: str
    now: float

    @property
    def number(self) -> Version:
        return tuple(int(part) for part in self.version.split(".") if part.isdigit())


async def look(commands: Commands) -> list[RedisState]:
    """Every server that keeps keys. Raises Unavailable, also where our user may not ask for INFO."""
    servers = await commands.everywhere("INFO", "server")
    memories = await commands.everywhere("INFO", "memory")
    times = await commands.everywhere("TIME")
    return [_state(*said) for said in zip(servers, memories, times, strict=True)]


async def require_noeviction(commands: Commands) -> None:
    """Nothing, when no server throws away what has not expired. Raises SettingsError (RF05), Unavailable."""
    policies = {_fields(memory).get("maxmemory_policy", "") for memory in await commands.everywhere("INFO", "memory")}
    if sentence := evicting(policies):
        raise SettingsError(f"LINKMW_HUB_REDIS_URL: {sentence}", code="redis_evicts")


def evicting(policies: Iterable[str]) -> str:
    """What is wrong with these policies; "" when each keeps every key until it expires."""
    others = sorted(set(policies) - {KEEPS})
    if not others:
        return ""
    return (
        f"its maxmemory-policy is {', '.join(other or 'not told' for other in others)}, not {KEEPS}: "
        "sessions, limits and one-use marks would be thrown away"
    )


def is_patched(kind: str, number: Version) -> bool:
    """Has this version the fixes that are known to be needed? Its own branch's, or it is of a newer branch."""
    floors = _PATCHED.get(kind, ())
    own = [floor for floor in floors if floor[:2] == number[:2]]
    return number >= (own[0] if own else max(floors, default=()))


def _state(server: Any, memory: Any, time: Any) -> RedisState:
    said = _fields(server)
    valkey = said.get("valkey_version", "")
    seconds, microseconds = time
    return RedisState(
        kind="valkey" if valkey else "redis",
        version=valkey or said.get("redis_version", ""),
        policy=_fields(memory).get("maxmemory_policy", ""),
        now=int(seconds) + int(microseconds) / 1_000_000,
    )


def _fields(reply: Any) -> dict[str, str]:
    """The lines `name:value` of INFO, whether the client has read them already or not."""
    if isinstance(reply, Mapping):
        return {str(name): str(value) for name, value in reply.items()}
    lines = reply.decode("utf-8", "replace").splitlines() if isinstance(reply, bytes) else str(reply).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)
