"""DS05: whoever has very many links, or very many sessions, is served, and ended, within bounds."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import insert
from tests.gate.test_gate_cluster import over
from tests.gate.world import ADA as ACCOUNT
from tests.gate.world import World as Gate
from tests.hub.conftest import prepared, world
from tests.hub.world import ADA, SETTINGS, World
from tests.stores.conftest import Stores, redis_url, stores
from tests.stores.values import IDENTITY, hub_session

from linkmw.gate import logout, native
from linkmw.http import Request
from linkmw.hub import logouts
from linkmw.hub.ports import Logout
from linkmw.model import Session
from linkmw.stores import memory, redis_hub
from linkmw.stores.sql import links, schema

__all__ = ["prepared", "redis_url", "stores", "world"]

LINKS, SESSIONS = 100_000, 10_000
MIB = 1024 * 1024


def _rows(many: int) -> Iterator[dict[str, Any]]:
    for number in range(many):
        yield {
            "client_id": "orders",
            "account_id": str(number),
            "username": f"u{number}",
            "email": "",
            "issuer": ADA.issuer,
            "subject": ADA.subject,
            "identity_email": "",
            "flow_hash": f"flow {number}",
            "unlink_token_hash": f"token {number}",
            "proof": "form",
            "amr": "pwd",
            "created": 1_800_000_000,
            "language": "en",
            "position": number,
        }


def with_links(world: World, many: int) -> None:
    """Ada has so many accounts of orders, and one of stock."""
    rows = _rows(many)
    while some := list(islice(rows, 5000)):
        world.sql.database.write_now(lambda connection, some=some: connection.execute(insert(schema.links), some))
    world.add_link("of stock", ADA, "stock")


def served(world: World, most: int) -> None:
    """Signed in, chooser and manager show the first of them, and a choice enters."""
    person = world.person()
    page = person.get(world.sign_in(person).headers["location"])
    assert page.text.count("<option") == most + 1  # and "another account"
    answer = person.submit(page, "/choose", choice=str(_link_id(world, "0")))
    assert world.enters(answer) == "0"
    manager = world.in_manager(person)
    assert manager.status_code == 200
    assert manager.text.count("/t/acme/remove/") <= most
    assert "of stock" in manager.text
    assert len(manager.content) < 2000 * most + 40_000


def _link_id(world: World, account_id: str) -> int:
    found = asyncio.run(world.ports.links.of_account("orders", account_id))
    assert found
    return found.link_id


def told(world: World, most: int) -> int:
    """Ada signs out everywhere: how many of her accounts the products have been told of, once, and `most` at a time."""
    asyncio.run(logouts.tell(world.ports, ADA))
    held, at_once, under_way = [], [], Counter[str]()
    takes = world.accounts.log_out

    async def takes_its_time(client: Any, token: str) -> None:
        under_way[client.client_id] += 1
        at_once.append(under_way[client.client_id])
        await asyncio.sleep(0)
        await takes(client, token)
        under_way[client.client_id] -= 1

    world.accounts.log_out = takes_its_time  # type: ignore[method-assign]

    async def until_all_are_told() -> None:
        delivery = logouts.Delivery(world.ports, SETTINGS)
        while True:
            idle = not delivery._under_way  # then no product is full, and a look that finds nothing has seen all
            if not await delivery.begin() and idle:
                return
            if delivery._under_way:
                held.append(len(delivery._under_way))
                await asyncio.wait(delivery._under_way, return_when=asyncio.FIRST_COMPLETED)

    asyncio.run(until_all_are_told())
    assert max(at_once) <= logouts.AT_ONCE
    assert max(held) <= most
    accounts = [claims["sub"] for _, claims in world.accounts.told]
    assert len(accounts) == len(set(accounts))
    return len(accounts)


def test_ds05_more_links_than_a_page_holds_are_served_and_all_of_them_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MOST_LINKS", 30)
    monkeypatch.setattr(logouts, "HELD", 8)
    monkeypatch.setattr(logouts, "LOOKED_AT", 4)
    with_links(world, 80)
    served(world, 30)
    assert told(world, 8 + 4 + 1) == 81
    form = {"client_id": "orders", "seen": "1,2", "order": "2,1"}
    person = world.person()
    csrf = world.in_manager(person).text.partition('name="csrf" value="')[2][:43]
    answer = person.post("/t/acme/order", form | {"csrf": csrf}, accept="application/json")
    assert (answer.status_code, len(answer.json()["order"])) == (409, 30)


def test_ds05_a_product_that_is_slow_keeps_no_other_waiting_however_much_it_is_to_be_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logouts, "HELD", 8)
    with_links(world, 300)
    asyncio.run(world.ports.logouts.put([Logout("orders", str(n)) for n in range(300)], world.clock() - 1))
    asyncio.run(world.ports.logouts.put([Logout("stock", "of stock")], world.clock()))
    takes, go_on = world.accounts.log_out, asyncio.Event()

    async def slow(client: Any, token: str) -> None:
        if client.client_id == "orders":
            await go_on.wait()
        await takes(client, token)

    world.accounts.log_out = slow  # type: ignore[method-assign]

    async def story() -> None:
        delivery = logouts.Delivery(world.ports, SETTINGS)
        async with asyncio.timeout(20):
            while not world.accounts.told:
                await delivery.begin()
                await asyncio.sleep(0)
        assert len(delivery._under_way) <= 8 + logouts.LOOKED_AT
        go_on.set()
        await asyncio.wait(delivery._under_way)

    asyncio.run(story())
    assert world.accounts.told[0][0] == "stock"


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_ds05_a_hundred_thousand_links_on_one_identity(world: World) -> None:
    with_links(world, LINKS)
    tracemalloc.start()
    began = time.monotonic()
    served(world, links.MOST_LINKS)
    shown = time.monotonic() - began
    asyncio.run(logouts.tell(world.ports, ADA))
    tell, peak = time.monotonic() - began - shown, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"  {LINKS:,} links: sign-in and manager {shown:.1f} s, logout {tell:.1f} s, {peak / MIB:.0f} MiB at most")
    assert peak < 64 * MIB
    query = "SELECT count(*) FROM logouts WHERE due IS NOT NULL"
    assert world._rows(query) == [(LINKS + 1,)]


# ---- sessions


def test_ds05_one_person_has_a_bounded_number_of_hub_sessions(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (memory, redis_hub):
        monkeypatch.setattr(module, "MOST_SESSIONS", 20)
    sessions, end = stores.hub.sessions, stores.clock() + 600
    for number in range(30):
        session = hub_session(f"s{number}", f"p{number}", started=1_790_000_000 + number)
        assert stores.run(sessions.put(session, 60, end))
    assert len(stores.run(sessions.of_identity(IDENTITY))) == 20
    alive = [number for number in range(30) if stores.run(sessions.get(f"s{number}", 60))]
    assert len(alive) == 20
    assert 29 in alive  # whoever has just begun stays
    assert len(stores.run(sessions.end_all(IDENTITY))) == 20
    assert not any(stores.run(sessions.get(f"s{number}", 60)) for number in range(30))


def test_ds05_a_logout_ends_all_sessions_and_a_bounded_number_of_them_in_the_products_store(
    redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others end with the record that the guard asks for: at their next request."""
    monkeypatch.setattr(logout, "MOST_NATIVE", 30)
    gate = with_sessions(redis_server, 120)
    assert logged_out(gate) == 200
    assert len(gate.product.sessions) == 90
    assert not any(gate.run(gate.ports.sessions.get(f"many-{number}")) for number in range(120))


def with_sessions(url: str, many: int) -> Gate:
    """Ada is signed in so many times at the product."""
    gate = over(Gate(redis_prefix=f"many-{many}:"), url)
    now = gate.clock()
    for number in range(many):
        name = f"row-{number}"
        gate.product.sessions[name] = (ACCOUNT.account_id, None)
        kept = native.closed(gate.settings, name)
        one = Session(f"many-{number}", ACCOUNT.account_id, "identity", f"hub-{number}", now, now + 600, native=kept)
        assert gate.run(gate.ports.sessions.put(one))
    return gate


def logged_out(gate: Gate) -> int:
    """The hub says that Ada's sign-ins are over: the gate's answer."""
    gate.hub.calls["token"] = {
        "sub": ACCOUNT.account_id,
        "iat": gate.clock(),
        "jti": f"jti-{len(gate.product.sessions)}",
    }
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer: Any = gate.answer(Request("POST", "/.linkmw/logout", "", form, b"logout_token=token"))
    return int(answer.status)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_ds05_ten_thousand_sessions_on_one_account(own_redis: str) -> None:
    gate = with_sessions(own_redis, SESSIONS)
    began, used = time.monotonic(), time.process_time()
    assert logged_out(gate) == 200
    print(
        f"  {SESSIONS:,} sessions ended in {time.monotonic() - began:.1f} s, {time.process_time() - used:.1f} s of CPU"
    )
    assert not any(gate.run(gate.ports.sessions.get(f"many-{number}")) for number in range(SESSIONS))
    assert len(gate.product.sessions) == SESSIONS - logout.MOST_NATIVE
