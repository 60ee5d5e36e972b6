"""Is some tenant's Keycloak known to be too old? The hub says so loudly, soon after its start and once a day (MG02)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import chain, repeat

from linkmw.errors import KeycloakTooOld, LinkmwError
from linkmw.hub.beside import Work
from linkmw.hub.ports import Registry
from linkmw.model import Tenant
from linkmw.run import in_thread

_log = logging.getLogger("linkmw.hub")

LOOK_SECONDS = 86_400.0
# Loading python-keycloak takes most of a second of CPU: not while people wait for a hub that is just back (P-5).
FIRST_SECONDS = 30.0
STOP_SECONDS = 6.0  # longer than one question may take


@dataclass(frozen=True, slots=True)
class Floor:
    """check: asks the tenant's Keycloak, blocking. Raises KeycloakTooOld; another LinkmwError when it cannot know.

    first: seconds from the start to the first look.
    """

    registry: Registry
    check: Callable[[Tenant], None]
    first: float = FIRST_SECONDS

    def running(self) -> AbstractAsyncContextManager[None]:
        """While the block runs. Nobody waits for it: a Keycloak that is away keeps no hub from starting."""
        waits = chain((self.first,), repeat(LOOK_SECONDS))
        looks = chain((_nothing,), repeat(self.look))

        async def look() -> bool:
            await next(looks)()
            return False

        async def pause() -> None:
            await asyncio.sleep(next(waits))

        return Work("version of Keycloak", look, pause, _log, STOP_SECONDS).running()

    async def look(self) -> None:
        """A line for each tenant whose Keycloak says that it is too old."""
        for tenant in await self.registry.tenants():
            try:
                await in_thread(self.check, tenant)
            except KeycloakTooOld as error:
                fields = {"code": error.code, "tenant": tenant.organization_id}
                _log.error("%s: %s: %s", tenant.organization_id, error.code, error, extra=fields)
            except LinkmwError as error:
                _log.info("the version of %s's Keycloak is not known: %s", tenant.organization_id, error)


async def _nothing() -> None:
    pass
