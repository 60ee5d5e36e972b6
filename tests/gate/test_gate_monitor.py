"""How linkmw fares in a product, told to who bears the token and to nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.gate.world import World

from linkmw.http import PASS, Request, Response
from linkmw.secret import Secret

TOKEN = "m" * 43


@pytest.fixture
def watched() -> World:
    return World(monitor_token=Secret(TOKEN))


def ask(world: World, name: str, authorization: str = f"Bearer {TOKEN}", method: str = "GET") -> Any:
    headers = {"authorization": authorization} if authorization else {}
    return world.answer(Request(method, f"/.linkmw/{name}", headers=headers))


def health(world: World) -> tuple[int, dict[str, bool]]:
    answer = ask(world, "health")
    assert isinstance(answer, Response)
    assert ("Cache-Control", "no-store") in answer.headers
    return answer.status, json.loads(answer.body)


def test_ops3_health_says_which_part_is_away(watched: World) -> None:
    assert health(watched) == (200, {"ready": True, "redis": True, "hub": True, "hub_parts": True})
    watched.redis_away = True
    assert health(watched) == (503, {"ready": False, "redis": False, "hub": True, "hub_parts": True})
    watched.redis_away, watched.hub.healthy = False, False
    assert health(watched) == (503, {"ready": False, "redis": True, "hub": True, "hub_parts": False})
    watched.hub.away = True
    assert health(watched) == (503, {"ready": False, "redis": True, "hub": False, "hub_parts": False})


@pytest.mark.parametrize("name", ["health", "metrics"])
@pytest.mark.parametrize(
    "authorization", ["", f"Bearer {TOKEN}x", f"Bearer {TOKEN[1:]}", f"Basic {TOKEN}", TOKEN, "Bearer", "Bearer é"]
)
def test_bc08_ops3_a_stranger_learns_nothing(watched: World, name: str, authorization: str) -> None:
    for away in (False, True):
        watched.hub.away = away
        assert ask(watched, name, authorization) == PASS
    assert ask(watched, name, method="POST") == PASS


@pytest.mark.parametrize("name", ["health", "metrics"])
@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer", f"Bearer {TOKEN}"])
def test_bc08_ops3_without_the_setting_there_is_nothing(name: str, authorization: str) -> None:
    assert ask(World(), name, authorization) == PASS
