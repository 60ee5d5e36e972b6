"""`linkmw disable` and `enable` under real servers with two workers each: noticed without a restart (DIS-2)."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.houses.wire import ask

from linkmw.cli.main import main
from linkmw.demo.parts.processes import Processes, free_port
from linkmw.gate.in_force import LOOK_SECONDS

FOLLOWS_SECONDS = 5.0  # DIS-2
FIRST_SECONDS = 60.0  # the first page with a button loads what no process need hold before
AT_ONCE = 6
SECRET = "s" * 43
OURS = ("Cookie", "__Host-linkmw-0123abcd=x")
# The other way round in tests/e2e/test_switching.py: Django under gunicorn, Starlette under uvicorn.
HOUSES = {
    "django, uvicorn --workers 2": ("orders", "asgi", "/login/"),
    "flask, gunicorn -w 2": ("helpdesk", "wsgi", "/login"),
}


class House:
    """A product of the demo, started by its own command, and the operator's file."""

    def __init__(self, port: int, login: str, file: Path) -> None:
        self.port, self.login, self.file = port, login, file

    def at_once(self, path: str, *headers: tuple[str, str]) -> list[tuple[int, bytes]]:
        """As many browsers at once are answered: every worker gets some."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(lambda _: ask(self.port, path, headers=headers), range(AT_ONCE)))
        return [(answer.status, answer.body) for answer in answers]

    def is_on(self) -> set[bool]:
        return {b"/.linkmw/login" in body for _, body in self.at_once(self.login)}

    def follows(self, on: bool, seconds: float = FOLLOWS_SECONDS) -> None:
        """Every worker is as the switch is: all answers say so, for longer than a worker goes without a look."""
        deadline, pause, since = time.monotonic() + seconds, threading.Event(), 0.0
        while not since or time.monotonic() - since <= LOOK_SECONDS:
            as_it_should = self.is_on() == {on}
            assert as_it_should or time.monotonic() < deadline, f"not {'on' if on else 'off'} after {seconds} s"
            since = (since or time.monotonic()) if as_it_should else 0.0
            pause.wait(0.1)


@pytest.fixture(params=HOUSES)
def house(
    request: pytest.FixtureRequest, processes: Processes, redis_server: str, hub_that_is_well: str, tmp_path: Path
) -> Iterator[House]:
    name, server, login = HOUSES[request.param]
    port, file = free_port(), tmp_path / "linkmw.toml"
    environment = {
        "LINKMW_CONFIG": str(file),
        "LINKMW_HUB_URL": "http://hub.localhost",
        "LINKMW_HUB_INTERNAL_URL": hub_that_is_well,
        "LINKMW_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "LINKMW_REDIS_URL": redis_server,
        "LINKMW_PROBE_TIMEOUT": "5",
        "LINKMW_REDIS_TIMEOUT": "5",
        "DEMO_WORKERS": "2",
        "DEMO_SECRET": "signs nothing of value",
    }
    listen = ["--port", str(port), "--database", str(tmp_path / "product.db"), "--server", server]
    command = [sys.executable, "-m", f"linkmw.demo.products.{name}", *listen]
    process = processes.start(f"{name} {server}", command, log=tmp_path / "log", env=environment, cwd=tmp_path)
    made = House(port, login, file)
    processes.wait(lambda: _answers(made), what=request.param, seconds=60, process=process)
    yield made
    process.stop()


def _answers(house: House) -> bool:
    try:
        return ask(house.port, house.login).status == 200
    except (OSError, IndexError, ValueError):
        return False


@pytest.fixture
def linkmw(house: House, hub_that_is_well: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    for name in [name for name in os.environ if name.startswith("LINKMW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LINKMW_CONFIG", str(house.file))
    monkeypatch.setenv("LINKMW_HUB_INTERNAL_URL", hub_that_is_well)

    def typed(*arguments: str) -> str:
        result = CliRunner().invoke(main, arguments, input=f"{SECRET}\n")
        assert result.exit_code == 0, result.output
        return result.stdout

    return typed


def test_dis02_dis09_pr25_two_workers_follow_the_switch_within_five_seconds_without_a_restart(
    house: House, linkmw: Callable[..., str]
) -> None:
    bare = _without_tokens(ask(house.port, house.login).body)
    assert house.is_on() == {False}
    enabling = ("enable", "--organization-id", "acme", "--client-id", "orders", "--client-secret-file", "-")
    places = ("--hub-url", "http://hub.localhost", "--public-url", f"http://127.0.0.1:{house.port}")
    linkmw(*enabling, *places, "--redis-url", "redis://127.0.0.1")
    house.follows(on=True, seconds=FIRST_SECONDS)
    assert linkmw("disable").startswith("Federated sign-in is disabled.")
    house.follows(on=False)
    assert _without_tokens(ask(house.port, house.login).body) == bare
    assert {status for status, _ in house.at_once("/.linkmw/callback")} == {404}
    assert {status for status, _ in house.at_once("/.linkmw/callback", OURS)} == {303}
    linkmw(*enabling)
    house.follows(on=True)


def _without_tokens(body: bytes) -> bytes:
    """A form's own token is another each time."""
    return re.sub(rb'name="csrfmiddlewaretoken" value="[^"]+"', b"", body)
