"""Settings and the product's adapter → Ports: the only place of the gate that knows its stores and clients."""

from __future__ import annotations

import secrets
import time

from linkmw.gate import monitor
from linkmw.gate.doors import Doors
from linkmw.gate.guard import Guard
from linkmw.gate.hub_client import HubClient
from linkmw.gate.permits import Permits, path_of
from linkmw.gate.ports import Ports, Product
from linkmw.gate.product_call import answering
from linkmw.gate.wire import AwaitedWire, BlockingWire
from linkmw.log import Changes
from linkmw.run import Call, in_place, in_thread
from linkmw.settings import Settings
from linkmw.stores.redis import connect, connect_blocking
from linkmw.stores.redis_gate import GateStores
from linkmw.stores.redis_push import Listener, listener

_DOORS = Changes()  # of all gates in this process: a door is opened once


def build(settings: Settings, product: Product, *, blocking: bool, call: Call | None = None) -> Ports:
    """The world of this gate. Connects to nothing yet.

    blocking: for `run_now` (WSGI), whose ports never suspend; else they are awaited (ASGI). call: how the adapter is
    called; in place when blocking, else in a worker thread. Raises SettingsError for a Redis URL that cannot be read.
    """
    monitor.prepare(settings)
    commands = (connect_blocking if blocking else connect)(settings.redis_url, timeout=settings.redis_timeout)
    stores = GateStores(commands, settings.redis_prefix, _listener(settings))
    wire = BlockingWire() if blocking else AwaitedWire()
    hub = HubClient(settings, wire, clock=time.monotonic, now=now, token=token)
    return Ports(
        sign_ins=stores.sign_ins,
        proofs=stores.proofs,
        sessions=stores.sessions,
        marks=stores.marks,
        tries=GateStores(commands, settings.limits_prefix or settings.redis_prefix).tries,
        entries=stores.entries,
        sign_outs=stores.sign_outs,
        password_hashes=stores.password_hashes,
        armings=stores.armings,
        hub=hub,
        product=product,
        call=answering(call or (in_place if blocking else in_thread)),
        now=now,
        token=token,
        ping=commands.ping,
        doors=doors(settings, blocking=blocking),
    )


def guard(settings: Settings, *, blocking: bool) -> Guard:
    """The guard of this process, with connections of its own. As `build`; an awaited one serves any number of loops."""
    commands = (connect_blocking if blocking else connect)(settings.redis_url, timeout=settings.redis_timeout)
    closing = doors(settings, blocking=blocking) if settings.closes else None
    stores = GateStores(commands, settings.redis_prefix, _listener(settings))
    return Guard(stores.sessions, now, doors=closing, since=settings.sessions_since)


def doors(settings: Settings, *, blocking: bool) -> Doors:
    """The doors of this product, probed over connections of their own: no visitor can keep the probe waiting (PR02)."""
    commands = (connect_blocking if blocking else connect)(settings.redis_url, timeout=settings.redis_timeout)
    # Since when is kept apart where only some routes close: sessions have their time from when all of them do.
    prefix = settings.redis_prefix if settings.closes else f"{settings.redis_prefix}some:"
    return Doors(
        settings,
        HubClient(settings, BlockingWire() if blocking else AwaitedWire(), clock=time.monotonic, now=now, token=token),
        commands.ping,
        GateStores(commands, prefix).switched_on,
        Permits(path_of(settings), now),
        now=now,
        said=_DOORS,
    )


def _listener(settings: Settings) -> Listener | None:
    return listener(settings.redis_url, settings.redis_prefix, settings.redis_timeout)


def now() -> int:
    return int(time.time())


def token() -> str:
    """32 random bytes, base64url."""
    return secrets.token_urlsafe(32)
