"""A hub as several machines run it: two processes, PostgreSQL, a Cluster; products whose Redis Sentinels guard.

Whole journeys go on while a node of a Redis dies and while PostgreSQL restarts: nothing is lost, nothing is linked
twice, nobody sees more than a page that says so, and five seconds after the part is back all is as it was.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine, create_engine, text
from tests.conftest import HUB_SETTINGS
from tests.e2e.machines import TwoHubs, keeps_no_connection
from tests.e2e.test_parts_away import Walk
from tests.e2e.world import World
from tests.secrets_in_logs import LEDGER
from tests.stores.clusters import FAILOVER_SECONDS, Cluster, Guarded, answered, ask
from tests.stores.servers import until

from linkmw.demo.catalogue import ORDERS, WIKI
from linkmw.demo.parts.processes import child_environment
from linkmw.demo.parts.progress import Board
from linkmw.demo.stage import Stage

pytestmark = [pytest.mark.clusters, pytest.mark.timeout(600)]

RECOVERS = 5.0  # seconds from a part's return to all is well
HOUSES = ("orders-wsgi", "wiki")
WALKERS = 4
AT_ONCE = 6  # people made by one call: Keycloak hashes each one's password


@pytest.fixture(scope="module")
def machines(
    tmp_path_factory: pytest.TempPathFactory,
    new_postgresql: Callable[[], str],
    redis_cluster: Cluster,
    redis_guarded: Guarded,
) -> Iterator[World]:
    """The stage on several machines' worth of servers."""
    hub = {**HUB_SETTINGS, "LINKMW_HUB_DATABASE_URL": new_postgresql(), "LINKMW_HUB_REDIS_URL": redis_cluster.url}
    products = {"LINKMW_REDIS_URL": redis_guarded.url}
    plans = (ORDERS.under("wsgi"), WIKI)
    folder = tmp_path_factory.mktemp("machines")
    with Stage(folder, plans=plans, hub_settings=hub, product_settings=products, hub=TwoHubs) as running:
        running.start(Board())
        LEDGER.used("secret of the stage", *running.kept.secrets())
        yield World(running)


@pytest.fixture(scope="module")
def sql(machines: World) -> Iterator[Engine]:
    engine = create_engine(machines.hub.settings["LINKMW_HUB_DATABASE_URL"], pool_pre_ping=True)
    yield engine
    engine.dispose()


class OnMachines(Walk):
    """A walk whose links are in PostgreSQL."""

    engine: Engine

    def links(self) -> list[str]:
        query = text("SELECT username FROM links WHERE identity_email = :email AND client_id = :client_id")
        with self.engine.connect() as connection:
            found = connection.execute(query, {"email": self.identity.email, "client_id": self.product.client_id})
            return [username for (username,) in found]

    def is_honest(self) -> None:
        """As everywhere, but either hub may have said it."""
        assert self.walker.page.headings[0], self.walker.page.text
        logs = [part.log.read_text() for part in (*self.world.hub.hubs, self.product.process)]  # type: ignore[attr-defined]
        assert any(self.walker.reference in log for log in logs), self.walker.page.text


class Crowd:
    """People who go on signing in, each linking a new account and then coming back, until they are told to go home."""

    def __init__(self, world: World, engine: Engine) -> None:
        self._world, self._engine = world, engine
        self._home = threading.Event()
        self._lock = threading.Lock()
        self._people: dict[str, list[Any]] = {house: world.new_people(house, AT_ONCE) for house in HOUSES}
        self.done: list[OnMachines] = []

    def _next(self, number: int) -> OnMachines:
        house = HOUSES[number % len(HOUSES)]
        with self._lock:
            self._people[house] = self._people[house] or self._world.new_people(house, AT_ONCE)
            identity, account = self._people[house].pop()
        walked = OnMachines(self._world, self._world.products[house], identity, account)
        walked.engine = self._engine
        keeps_no_connection(walked.walker)
        return walked

    def _walk(self, number: int) -> None:
        while not self._home.is_set():
            walked = self._next(number)
            walked._try(walked.walker.comes)
            walked.ends_well(40)
            walked.walker.comes_back_later()
            walked._try(walked.walker.comes)
            walked.ends_well(40)
            walked.walker.__exit__()
            with self._lock:
                self.done.append(walked)

    @contextmanager
    def walking(self) -> Iterator[None]:
        """They walk; at the end each finishes the journey it is on. Raises what any of them met."""
        with ThreadPoolExecutor(WALKERS) as pool:
            futures: list[Future[None]] = [pool.submit(self._walk, number) for number in range(WALKERS)]
            try:
                until(lambda: len(self.done) >= 1 or any(one.done() for one in futures), 60)
                yield
            finally:
                self._home.set()
            for future in futures:
                future.result()

    def more(self, count: int) -> None:
        """So many more journeys have come to their end."""
        wanted = len(self.done) + count
        until(lambda: len(self.done) >= wanted, 60)


def is_well(world: World) -> bool:
    """Does everything answer: both hubs, and both products' login pages with their buttons?"""
    ready = [httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200 for port in world.hub.ports]  # type: ignore[attr-defined]
    return all(ready) and all(product.offers_sign_in() for product in world.products.values())


def recovered(world: World) -> float:
    """Seconds until all is well."""
    began = time.monotonic()
    until(lambda: answered(lambda: is_well(world)), 30)
    return time.monotonic() - began


def nothing_is_lost_and_nothing_twice(world: World, crowd: Crowd, engine: Engine) -> None:
    """Each journey has its one link, its one row in the trail, and its one mail to each address."""
    with engine.connect() as connection:
        doubled = "SELECT account_id FROM links GROUP BY client_id, account_id HAVING count(*) > 1"
        assert connection.execute(text(doubled)).all() == []
        linked = connection.execute(text("SELECT count(*) FROM audit WHERE event = 'linked'")).scalar_one()
        assert linked == connection.execute(text("SELECT count(*) FROM links")).scalar_one()
    for walked in crowd.done:
        assert walked.links() == [walked.account.username]
        for whom in (walked.account.email, walked.identity.email):
            world.inbox.wait_for(to=whom, subject=walked.product.name, seconds=90)
            assert len(world.inbox.messages(to=whom)) == 1
    for process in (*world.hub.hubs, *(product.process for product in world.products.values())):  # type: ignore[attr-defined]
        assert "Traceback" not in process.log.read_text()


@contextmanager
def a_node_dies(servers: Any, dying: int) -> Iterator[None]:
    """Killed; in the body it has been replaced; afterwards it is there again, as a replica."""
    servers.kill(dying)
    until(lambda: servers.took_over(dying), FAILOVER_SECONDS)
    yield
    servers.bring_back(dying)


@pytest.mark.parametrize("which", ["hub", "product"])
def test_rf04_rf07_journeys_go_on_through_the_death_of_a_redis_node(
    machines: World, sql: Engine, redis_cluster: Cluster, redis_guarded: Guarded, which: str
) -> None:
    crowd = Crowd(machines, sql)
    with crowd.walking():
        if which == "hub":
            servers, dying = redis_cluster, redis_cluster.masters()[0]
        else:
            servers, dying = redis_guarded, redis_guarded.master()
        with a_node_dies(servers, dying):
            assert recovered(machines) < RECOVERS
            crowd.more(WALKERS)
    nothing_is_lost_and_nothing_twice(machines, crowd, sql)


def test_df01_df02_journeys_go_on_through_a_restart_of_postgresql(
    machines: World, sql: Engine, postgresql_server: Any
) -> None:
    crowd, address = Crowd(machines, sql), postgresql_server.get_uri()
    with crowd.walking():
        process = postgresql_server.get_pid()
        os.kill(process, signal.SIGQUIT)  # no goodbye: connections are cut in mid-word
        until(lambda: not answered(lambda: is_well(machines)))
        until(lambda: not is_there(process))  # else its locks look like somebody's
        postgresql_server.ensure_pgdata_inited()  # its user may go there: our own folders are closed to others
        postgresql_server.ensure_postgres_running()
        assert postgresql_server.get_uri() == address
        assert recovered(machines) < RECOVERS
        crowd.more(WALKERS)
    nothing_is_lost_and_nothing_twice(machines, crowd, sql)


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_rf06_what_the_clusters_lost_is_signed_in_for_again_and_no_link_is_lost(
    machines: World, sql: Engine, redis_cluster: Cluster, redis_guarded: Guarded
) -> None:
    crowd = Crowd(machines, sql)
    with crowd.walking():
        redis_cluster.flush()
        ask(redis_guarded.master(), "FLUSHALL")
        crowd.more(WALKERS)
    before = links_of(sql)
    walked = crowd.done[-1]
    walker = crowd.done[-1].walker
    redis_cluster.flush()
    ask(redis_guarded.master(), "FLUSHALL")
    keeps_no_connection(walker)
    page = walker.open(f"{machines.hub_url}/t/acme/")
    assert "keycloak" in page.url or walked.account.username in page.text  # signed in anew, silently if Keycloak is

    def is_out() -> bool:
        walker.open(walked.product.url + "/")
        return not walker.is_signed_in

    machines.until(is_out, 2)  # a session's "it stands" is kept for half a second
    walker.comes()
    walked.ends_well()
    walker.__exit__()
    assert links_of(sql) == before
    nothing_is_lost_and_nothing_twice(machines, crowd, sql)


def links_of(engine: Engine) -> list[tuple[Any, ...]]:
    """Whose they are; not when they were used."""
    query = "SELECT link_id, client_id, account_id, issuer, subject, created FROM links ORDER BY link_id"
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_kf05_a_hub_that_is_killed_is_stood_in_for_by_the_other(machines: World, sql: Engine) -> None:
    crowd = Crowd(machines, sql)
    hub: Any = machines.hub
    with crowd.walking():
        hub.hubs[0].kill()
        crowd.more(WALKERS)
    nothing_is_lost_and_nothing_twice(machines, crowd, sql)
    assert child_environment(hub.settings)["LINKMW_HUB_REDIS_URL"].startswith("redis+cluster://")
