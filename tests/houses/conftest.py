"""Real servers with every house, a real Redis, and a hub that says it is well: once for this folder."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.houses.serve import ASGI_HOUSES, SIDE_ASGI_HOUSES, SIDE_WSGI_HOUSES, WSGI_HOUSES
from tests.houses.wire import ask

from linkmw.demo.parts.processes import Process, Processes, free_port

ROOT = Path(__file__).resolve().parents[2]
BRANDING = {"brand": "ACME ID", "product": "Orders", "primary": "#3b4cc0"}
STATE = {"v": 1, "mode": "beside", "percent": 100, "healthy": True, "branding": BRANDING}


class _Hub(BaseHTTPRequestHandler):
    """`GET /gate` of the hub's back channel (docs/protocol.md, section 3)."""

    def do_GET(self) -> None:
        body = json.dumps(STATE).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def hub_that_is_well() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass(frozen=True)
class Street:
    """Every house's port, by the server's kind and its name, and what the servers have logged."""

    ports: dict[str, int]
    logs: dict[str, Path]

    def port(self, house: str) -> int:
        """house: for instance `wsgi/django` or `asgi/starlette-bare`."""
        return self.ports[house]

    def log(self, house: str) -> str:
        return self.logs[house.partition("/")[0]].read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="session")
def environment(redis_server: str, hub_that_is_well: str) -> dict[str, str]:
    """What every house reads."""
    return {
        "PYTHONPATH": str(ROOT),
        "LINKMW_HUB_URL": "http://hub.localhost",
        "LINKMW_HUB_INTERNAL_URL": hub_that_is_well,
        "LINKMW_ORGANIZATION_ID": "acme",
        "LINKMW_CLIENT_ID": "product",
        "LINKMW_CLIENT_SECRET": "s" * 43,
        "LINKMW_REDIS_URL": redis_server,
        "LINKMW_PROBE_SECONDS": "600",
        "LINKMW_PROBE_TIMEOUT": "5",
        "LINKMW_REDIS_TIMEOUT": "5",
    }


@pytest.fixture(scope="session")
def street(processes: Processes, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Street:
    """gunicorn and uvicorn: `wsgi/flask`, `asgi/starlette-bare`, …"""
    servers = (("wsgi", "gunicorn", WSGI_HOUSES), ("asgi", "uvicorn", ASGI_HOUSES))
    return _built(processes, environment, tmp_path_factory.mktemp("houses"), servers)


@pytest.fixture(scope="session")
def side_street(processes: Processes, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Street:
    """waitress and hypercorn, which read what is sent in their own ways: `waitress/flask`, `hypercorn/django-bare`."""
    servers = (("waitress", "waitress", SIDE_WSGI_HOUSES), ("hypercorn", "hypercorn", SIDE_ASGI_HOUSES))
    return _built(processes, environment, tmp_path_factory.mktemp("more houses"), servers)


def _built(
    processes: Processes,
    environment: dict[str, str],
    folder: Path,
    servers: Iterable[tuple[str, str, tuple[str, ...]]],
) -> Street:
    """servers: what a house's name begins with, the server, and the houses."""
    ports: dict[str, int] = {}
    logs: dict[str, Path] = {}
    started: list[tuple[Process, int]] = []
    for kind, server, names in servers:
        own = {name: free_port() for name in names}
        pairs = (f"{name}={port}" for name, port in own.items())
        command = [sys.executable, "-m", "tests.houses.serve", server, *pairs]
        logs[kind] = folder / f"{kind}.log"
        process = processes.start(f"{server} houses", command, log=logs[kind], env=environment, cwd=ROOT)
        started.append((process, next(iter(own.values()))))
        ports.update({f"{kind}/{name}": port for name, port in own.items()})
    for process, port in started:
        processes.wait(lambda port=port: _answers(port), what="the houses", seconds=40, process=process)
    return Street(ports, logs)


def _answers(port: int) -> bool:
    try:
        return ask(port).status == 200
    except (OSError, IndexError, ValueError):
        return False
