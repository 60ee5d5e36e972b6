"""When `replace` closed the doors, over a real Redis: for every gate of the product, across restarts (P-3)."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from tests.gate.world import NOW, SETTINGS

from linkmw.errors import Unavailable
from linkmw.gate import build
from linkmw.run import run_now
from linkmw.stores.redis import connect_blocking
from linkmw.stores.redis_gate import SwitchedOn


def test_p03_it_is_kept_for_every_gate_and_forgotten_when_it_no_longer_holds(redis_server: str) -> None:
    prefix = f"test-{uuid.uuid4().hex}:"
    one, other = (connect_blocking(redis_server, timeout=5) for _ in range(2))
    assert run_now(SwitchedOn(one, prefix).get()) == 0
    run_now(SwitchedOn(one, prefix).put(NOW))
    assert run_now(SwitchedOn(other, prefix).get()) == NOW
    run_now(SwitchedOn(other, prefix).put(0))
    assert run_now(SwitchedOn(one, prefix).get()) == 0
    for commands in (one, other):
        run_now(commands.close())


def test_p05_doors_with_everything_away_are_open_and_say_so() -> None:
    settings = replace(SETTINGS, mode="replace", hub_internal_url="http://127.0.0.1:9")
    doors = build.doors(settings, blocking=True)
    assert run_now(doors.standing()) == "away"
    assert run_now(doors.are_shut()) is False
    assert run_now(doors.refuses()) is False
    with pytest.raises(Unavailable):
        run_now(doors._switched_on.get())


def test_pr02_the_probe_has_connections_of_its_own() -> None:
    ports = build.build(replace(SETTINGS, mode="replace"), object(), blocking=True)  # type: ignore[arg-type]
    assert ports.doors._hub is not ports.hub
    assert ports.doors._redis._ask.__self__ is not ports.ping.__self__  # type: ignore[attr-defined]
