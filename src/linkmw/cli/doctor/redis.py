"""What both halves want to know of their Redis."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from linkmw.cli.doctor import catalogue as checks
from linkmw.cli.doctor.findings import Finding
from linkmw.errors import LinkmwError
from linkmw.run import run_now
from linkmw.stores import redis_state
from linkmw.stores.redis import Commands, connect_blocking
from linkmw.stores.redis_state import RedisState

_ROUNDS, _AT_ONCE = 20, 500  # of SCAN: enough to run into keys that are many, and no burden


def findings(url: str, *, timeout: float, others_prefix: str, now: Callable[[], float]) -> Iterator[Finding]:
    """others_prefix: what the other half's keys begin with where its settings are the usual ones."""
    try:
        commands = connect_blocking(url, timeout=timeout)
        servers = run_now(redis_state.look(commands))
    except LinkmwError as error:
        yield checks.REDIS.wrong(str(error))
        return
    yield checks.REDIS.ok("answers")
    for server in servers:
        yield _version(server)
        yield checks.REDIS_CLOCK.apart(server.now - now())
    evicting = redis_state.evicting(server.policy for server in servers)
    yield checks.REDIS_EVICTION.wrong(evicting) if evicting else checks.REDIS_EVICTION.ok(redis_state.KEEPS)
    yield _apart(commands, others_prefix)
    yield _link(url)
    run_now(commands.close())


def _version(server: RedisState) -> Finding:
    found = f"{server.kind} {server.version}"
    if server.number < redis_state.OLDEST:
        return checks.REDIS_VERSION.wrong(found, "linkmw needs Redis 7.0 or newer, or Valkey")
    if not redis_state.is_patched(server.kind, server.number):
        return checks.REDIS_VERSION.warning(found)
    return checks.REDIS_VERSION.ok(found)


def _apart(commands: Commands, prefix: str) -> Finding:
    """As far as it can be seen: a user who may not SCAN sees nobody's keys."""
    try:
        seen = _sees(commands, prefix)
    except LinkmwError:
        return checks.REDIS_OWN.ok("this user may not look")
    if seen:
        return checks.REDIS_OWN.wrong(f"keys that begin with {prefix} are in it")
    return checks.REDIS_OWN.ok(f"no keys that begin with {prefix}")


def _sees(commands: Commands, prefix: str) -> bool:
    cursor: int | bytes = 0
    for _ in range(_ROUNDS):
        replies = run_now(commands.everywhere("SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", _AT_ONCE))
        if any(keys for _, keys in replies):
            return True
        cursor = replies[0][0]
        if len(replies) > 1 or not int(cursor):  # of many servers, each has a cursor of its own: one look
            return False
    return False


def _link(url: str) -> Finding:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return checks.REDIS_LINK.warning("the URL cannot be read")
    if not parts.password and "password=" not in parts.query and parts.scheme != "unix":
        return checks.REDIS_LINK.warning("no password")
    if parts.scheme == "redis" and not _is_here(host):
        return checks.REDIS_LINK.warning(f"plain TCP to {host}")
    return checks.REDIS_LINK.ok("a password" if parts.scheme != "rediss" else "TLS and a password")


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
