"""A product at a path of a larger site: for a WSGI server the environment says so, for an ASGI server this module does.

`application` is the larger ASGI site: the product of HOUSE_APPLICATION (`module:attribute`) at MOUNT, and beside it
a service worker that takes every page of it but those below the path it is given.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.e2e.world import World

from linkmw.demo.parts.answering import status
from linkmw.demo.parts.processes import Processes, free_port
from linkmw.hub.registration import new_client

ROOT = Path(__file__).resolve().parents[2]
MOUNT = "/shop"
# What a proxy may add to every page: nothing but files of this site. Helpdesk sends one of its own.
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'"
_WORKER = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  if (LEAVES && new URL(event.request.url).pathname.startsWith(LEAVES)) return;
  if (event.request.mode !== "navigate") return;
  event.respondWith(new Response("<h1>From the worker</h1>", { headers: { "content-type": "text/html" } }));
});
"""


async def _worker(request: Request) -> Response:
    leaves = repr(request.query_params.get("leaves", ""))
    return Response(f"const LEAVES = {leaves};{_WORKER}", media_type="text/javascript")


def __getattr__(name: str) -> Any:
    if name != "application":
        raise AttributeError(name)
    module, _, attribute = os.environ["HOUSE_APPLICATION"].partition(":")
    product = getattr(import_module(module), attribute)
    return Starlette(
        routes=[Route(f"{MOUNT}/worker.js", _worker), Mount(MOUNT, product)], middleware=[Middleware(_WithPolicy)]
    )


class _WithPolicy:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("content-security-policy", _POLICY)
            await send(message)

        await self._app(scope, receive, strictly)


@dataclass(frozen=True, slots=True)
class House:
    """A product that runs at a path; its accounts are those of the house of the same name at the root."""

    key: str
    name: str
    url: str
    login_url: str


_SERVERS = {
    "helpdesk": ("gunicorn", "--threads=4", "--no-control-socket", "--bind=127.0.0.1:{port}"),
    "wiki": ("uvicorn", "--port={port}", "--lifespan=off", "--no-access-log", "--app-dir={root}"),
}
_APPLICATIONS = {
    "helpdesk": "linkmw.demo.products.helpdesk:wsgi_application",
    "wiki": "linkmw.demo.products.wiki:asgi_application",
}


@contextmanager
def running(world: World, key: str, folder: Path) -> Iterator[House]:
    """`key` under MOUNT, registered at the hub, with the accounts and the Redis of the house of that name."""
    house, port, host = world.products[key], free_port(), f"{key}-mounted.localhost"
    url = f"http://{host}:{port}{MOUNT}"
    internal = f"http://127.0.0.1:{port}{MOUNT}"
    login = house.plan.login_path
    # A name of its own: the manager lists it beside the house at the root for the rest of the run.
    name = f"{house.name} at {MOUNT}"
    client = new_client(world.hub.organization_id, name, url, internal_url=internal, login_url=url + login)
    wsgi = key == "helpdesk"
    environment = {
        **house.environment(),
        **world.register(f"{key}-mounted", client),
        "LINKMW_REDIS_PREFIX": f"{key}-mounted:",
        "DEMO_DATABASE": str(house.database),
        **({"SCRIPT_NAME": MOUNT} if wsgi else {"HOUSE_APPLICATION": _APPLICATIONS[key]}),
    }
    server = [part.format(port=port, root=ROOT) for part in _SERVERS[key]]
    target = _APPLICATIONS[key] if wsgi else "tests.e2e.mounted:application"
    with Processes() as processes:
        process = processes.start(
            f"{key}-mounted",
            [sys.executable, "-m", *server, target],
            log=folder / f"{key}.log",
            env=environment,
            cwd=folder,
        )
        processes.wait(lambda: status(internal + login, f"{host}:{port}") == 200, what=key, seconds=60, process=process)
        yield House(key, name, url, url + login)
