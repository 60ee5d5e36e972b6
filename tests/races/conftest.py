from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.hub.conftest import realm_users
from tests.hub.world import SETTINGS, Clock, World
from tests.races.racing import NUMBERS, ROUNDS, SHORT
from tests.stores.conftest import redis_url, stores

from linkmw.hub.app import build_app
from linkmw.run import run_now
from linkmw.signed import new_key
from linkmw.stores.redis import HubStores, connect_blocking
from linkmw.stores.sql import SqlStores

__all__ = ["realm_users", "redis_url", "stores"]

PAIRS = ("sqlite-redis", "postgresql-cluster")
PER_PAIR = ROUNDS // len(PAIRS) if ROUNDS == SHORT else ROUNDS


class Ticking(Clock):
    """The real time, as Redis sees it, and what the test has moved it by."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return int(time.time()) + self.ahead

    def move(self, seconds: int) -> None:
        self.ahead += seconds


@pytest.fixture(scope="module", params=PAIRS)
def hub_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A hub over both kinds of database and both of Redis. One for a module: each round has its own people in it."""
    database, redis = request.param.split("-")
    on_file = database == "sqlite"
    url = (
        f"sqlite:///{tmp_path_factory.mktemp('races') / 'hub.db'}"
        if on_file
        else request.getfixturevalue("new_postgresql")()
    )
    at = request.getfixturevalue("redis_server") if redis == "redis" else request.getfixturevalue("redis_cluster").url
    commands = connect_blocking(at, timeout=30)
    clock = Ticking()
    sql = SqlStores.open(url, new_key(), clock)
    sql.admin.prepare()
    yield _over(World(sql, clock), HubStores(commands, f"races-{next(NUMBERS)}:"))
    sql.close()
    run_now(commands.close())


def _over(world: World, stores: Any) -> World:
    names = ("sign_ins", "sign_outs", "flows", "handles", "proof_codes", "grants", "sessions", "mail_proofs", "marks")
    world.ports = replace(world.ports, **{name: getattr(stores, name) for name in names})
    world.app = build_app(world.ports, SETTINGS)
    return world


@pytest.fixture
def world(hub_world: World) -> World:
    """What the test before sent is gone."""
    while hub_world.mails():
        continue
    return hub_world
