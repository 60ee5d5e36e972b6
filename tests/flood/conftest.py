from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.hub.world import SETTINGS, World
from tests.races.conftest import Ticking
from tests.stores.servers import Server

from linkmw.hub.app import build_app
from linkmw.hub.build import new_token
from linkmw.run import run_now
from linkmw.signed import new_key
from linkmw.stores.redis import HubStores, connect_blocking
from linkmw.stores.sql import SqlStores


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[str]:
    """A Redis that nobody else writes to: what it holds is what was measured."""
    server = Server(tmp_path)
    yield server.url
    server.stop()


@pytest.fixture
def hub(own_redis: str, tmp_path: Path) -> Iterator[World]:
    """A hub over SQLite and that Redis, with tokens as long as real ones."""
    clock, commands = Ticking(), connect_blocking(own_redis, timeout=30)
    sql = SqlStores.open(f"sqlite:///{tmp_path / 'hub.db'}", new_key(), clock)
    sql.admin.prepare()
    world = World(sql, clock)
    stores = HubStores(commands, "linkmw-hub:")
    names = ("sign_ins", "sign_outs", "flows", "handles", "proof_codes", "grants", "sessions", "mail_proofs", "marks")
    world.ports = replace(world.ports, token=new_token, **{name: getattr(stores, name) for name in names})
    world.app = build_app(world.ports, SETTINGS)
    yield world
    sql.close()
    run_now(commands.close())
