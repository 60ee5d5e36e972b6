"""Do the hub's own parts answer? Asked by gates before they show a button, and by whoever runs the hub."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from linkmw.errors import LinkmwError
from linkmw.http import Request, Response, json_answer
from linkmw.hub.ports import Health, Ports
from linkmw.hub.settings import HubSettings
from linkmw.model import Tenant

PATIENCE = 0.4  # seconds: a gate waits half a second for the whole answer


async def answers(question: Awaitable[Any]) -> bool:
    """Does it answer yes, in time?"""
    try:
        return bool(await asyncio.wait_for(question, PATIENCE))
    except (LinkmwError, TimeoutError):
        return False


def kept_for_a_second(ping: Callable[[], Awaitable[Any]], now: Callable[[], int]) -> Callable[[], Awaitable[bool]]:
    """`ping` asked at most once in each second; between, its last answer stands."""
    last = (-1, False)

    async def kept() -> bool:
        nonlocal last
        if last[0] != now():
            last = (now(), await answers(ping()))
        return last[1]

    return kept


async def of_tenant(ports: Ports, tenant: Tenant) -> Health:
    """Would a sign-in of this tenant work now?"""
    redis, sql, keycloak = await asyncio.gather(
        answers(ports.ping_redis()), answers(ports.ping_sql()), answers(ports.provider.healthy(tenant))
    )
    return Health(redis, sql, keycloak)


async def healthz(_ports: Ports, _settings: HubSettings, _request: Request) -> Response:
    """GET /healthz: this process is alive."""
    return json_answer({"alive": True})


async def readyz(ports: Ports, _settings: HubSettings, _request: Request) -> Response:
    """GET /readyz: what a sign-in needs answers. Within a second, whatever is silent; names parts only."""
    found = await parts(ports)
    return json_answer({"ready": all(found.values()), **found}, status=200 if all(found.values()) else 503)


async def parts(ports: Ports) -> dict[str, bool]:
    """Redis, SQL, its schema and some tenant's Keycloak. One realm that is away does not stop the others."""
    redis, sql, schema = await asyncio.gather(
        answers(ports.ping_redis()), answers(ports.ping_sql()), answers(ports.schema_suits())
    )
    return {"redis": redis, "sql": sql, "schema": sql and schema, "keycloak": sql and await _some_keycloak(ports)}


async def _some_keycloak(ports: Ports) -> bool:
    try:
        tenants = await asyncio.wait_for(ports.registry.tenants(), PATIENCE)
    except (LinkmwError, TimeoutError):
        return False
    reachable = await asyncio.gather(*(answers(ports.provider.healthy(tenant)) for tenant in tenants))
    return any(reachable) or not tenants
