"""DS08: whatever linkmw does in an event loop, it never blocks it. What blocks runs in a thread."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.flood.watch import in_a_loop, watched
from tests.gate.world import SETTINGS, FakeProduct
from tests.hub.conftest import prepared, world
from tests.hub.world import SETTINGS as HUB_SETTINGS
from tests.hub.world import World

from linkmw.asgi import LinkMiddleware
from linkmw.hub.app import build_app
from linkmw.stores.redis import HubStores, connect

__all__ = ["prepared", "world"]

PAGE = b'<html><body><form method="post"><input type="password" name="p"></form></body></html>'


class Silent(BaseHTTPRequestHandler):
    """A hub that is well."""

    def do_GET(self) -> None:
        said = {"v": 1, "mode": "beside", "healthy": True, "percent": 100, "organization_id": "acme"}
        branding = {"brand": "ACME ID", "product": "Orders", "primary": "#3b4cc0", "brand_primary": "#0f5c4d"}
        body = json.dumps(said | {"branding": branding}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def hub_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Blocking(FakeProduct):
    """A product as they are: its user table blocks. called: what was asked of it, and whether in a loop."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if not callable(found) or name.startswith("_"):
            return found

        def asked(*args: Any) -> Any:
            CALLED.append((name, in_a_loop()))
            return found(*args)

        return asked


CALLED: list[tuple[str, bool]] = []


async def native(scope: Any, _: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": PAGE})


def test_ds08_the_gate_blocks_no_loop_and_asks_the_product_in_a_thread(redis_server: str, hub_url: str) -> None:
    settings = replace(
        SETTINGS, redis_url=redis_server, hub_url=hub_url, hub_internal_url=hub_url, redis_prefix="loop:"
    )
    app = LinkMiddleware(native, product=Blocking(), settings=settings)
    CALLED.clear()
    browser = TestClient(app, base_url="https://orders.example", follow_redirects=False)
    with watched() as found:
        page = browser.get("/login")
        start = browser.get("/.linkmw/login?next=/orders")
        returned = browser.get("/.linkmw/callback", params={"state": "unknown", "code": "c", "iss": settings.issuer})
        sign_in = browser.get("/.linkmw/sign-in")
    assert b"ACME ID" in page.content
    assert (start.status_code, returned.status_code, sign_in.status_code) == (303, 400, 200)
    assert found == []
    assert {in_loop for _, in_loop in CALLED} <= {False}


def test_ds08_the_hub_blocks_no_loop_from_the_first_request_to_the_manager(world: World, redis_server: str) -> None:
    stores = HubStores(connect(redis_server), "loop-hub:")
    names = ("sign_ins", "sign_outs", "flows", "handles", "proof_codes", "grants", "sessions", "mail_proofs", "marks")
    world.ports = replace(world.ports, **{name: getattr(stores, name) for name in names})
    world.app = build_app(world.ports, HUB_SETTINGS)
    with watched() as found:
        person = world.person()
        assert world.link(person).status_code == 303
        assert world.enters(world.sign_in(person)) == "7"
        assert "u7" in world.in_manager(person).text
        assert person.get("/readyz").status_code == 200
    assert found == []


def blocks(how: Callable[[], Any]) -> int:
    """How many blocking calls the watch finds, when `how` is called in a loop."""

    async def careless() -> None:
        how()

    with watched() as found:
        asyncio.run(careless())
    return len(found)


def test_ds08_what_blocks_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert blocks(lambda: socket.create_connection(server.getsockname()).close()) >= 1
    assert blocks(lambda: time.sleep(0)) == 1
    assert blocks(lambda: None) == 0
    with watched() as found:
        time.sleep(0)  # where no loop waits
    assert found == []
