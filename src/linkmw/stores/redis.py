"""The Redis stores: `connect` (asyncio) or `connect_blocking` (WSGI), then the stores of one half over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from linkmw.stores.redis_commands import Commands, connect, connect_blocking

if TYPE_CHECKING:
    from linkmw.stores.redis_gate import GateStores
    from linkmw.stores.redis_hub import HubStores

__all__ = ["Commands", "GateStores", "HubStores", "connect", "connect_blocking"]


def __getattr__(name: str) -> Any:
    """Each half loads its own stores only: the hub's values are no business of a product's process."""
    if name == "GateStores":
        from linkmw.stores.redis_gate import GateStores

        return GateStores
    if name == "HubStores":
        from linkmw.stores.redis_hub import HubStores

        return HubStores
    raise AttributeError(name)
