"""What stands between a server and the flows: addresses, bodies, health kept for a second, the start."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.hub.world import SETTINGS, Clock

from linkmw.errors import SettingsError, Unavailable
from linkmw.hub import health
from linkmw.hub.app import ROUTES
from linkmw.hub.build import build
from linkmw.secret import Secret
from linkmw.signed import new_key
from linkmw.stores.sql import SqlStores
from linkmw.whence import client_address

PROXIES = ("10.0.0.0/8", "fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # nobody we trust says so
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # what stands further left, anybody may have written
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "evil", "evil"),
        ("fd00::1", "2001:db8::9", "2001:db8::9"),
        ("", "203.0.113.9", ""),
    ],
)
def test_bf09_ht11_the_address_is_what_trusted_proxies_saw(peer: str, forwarded: str, address: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


def test_p5_a_ping_is_asked_once_in_a_second_and_a_hanging_one_is_a_no() -> None:
    clock, asked = Clock(), []

    async def ping() -> bool:
        asked.append(1)
        return True

    async def hangs() -> bool:
        await asyncio.Event().wait()
        return True

    async def refuses() -> bool:
        raise Unavailable("away")

    async def second() -> None:
        kept = health.kept_for_a_second(ping, clock)
        assert [await kept() for _ in range(3)] == [True] * 3
        assert len(asked) == 1
        clock.move(1)
        assert await kept()
        assert len(asked) == 2
        assert not await health.answers(hangs())
        assert not await health.answers(refuses())

    asyncio.run(second())


def test_df04_without_its_tables_the_hub_refuses_to_start(tmp_path: Path) -> None:
    settings = replace(SETTINGS, database_url=f"sqlite:///{tmp_path / 'hub.db'}", key=Secret(new_key()))
    with pytest.raises(SettingsError, match="linkmw hub"):
        build(settings)


def test_the_hub_starts_with_its_tables_and_stops_cleanly(tmp_path: Path) -> None:
    settings = replace(
        SETTINGS,
        database_url=f"sqlite:///{tmp_path / 'hub.db'}",
        key=Secret(new_key()),
        redis_url="redis://127.0.0.1:1/0",
        smtp_url="smtp://127.0.0.1:1",
    )
    stores = SqlStores.open(settings.database_url, settings.key)
    stores.admin.prepare()
    stores.close()
    app = build(settings)

    async def live() -> None:
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(live())


def test_every_route_is_described_in_the_protocol() -> None:
    protocol = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
    for route in ROUTES:
        assert f"`{route.path}" in protocol, route.path
