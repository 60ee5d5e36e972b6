"""Products that do what else a server can be asked for: `python -m tests.houses.interfaces uvicorn starlette 20001`.

`/upload` says back what it was sent, read piece by piece; `/file`, `/events`, `/socket`; `/memory`: the most that this
process ever held, in KiB. Under ASGI both sides of linkmw are watched, and `/wrong` says what broke the rules.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from tests.gate.world import FakeProduct
from tests.houses.asgi_rules import Watched

from linkmw import asgi, wsgi

PIECE = 64 * 1024
WRONG: list[str] = []


def memory() -> str:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return found[1]


def file() -> str:
    return os.environ["FILE"]


def flask() -> Any:
    from flask import Flask, request, send_file

    app = Flask("product", static_folder=None)

    @app.post("/upload")
    def upload() -> str:
        digest, size = hashlib.sha256(), 0
        while piece := request.stream.read(PIECE):
            digest.update(piece)
            size += len(piece)
        return f"{size} {digest.hexdigest()}"

    app.add_url_rule("/memory", "memory", memory)
    app.add_url_rule("/file", "file", lambda: send_file(file(), "application/octet-stream"))
    return app


def django() -> Any:
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import FileResponse, HttpRequest, HttpResponse
    from django.urls import path

    def upload(request: HttpRequest) -> HttpResponse:
        digest, size = hashlib.sha256(), 0
        while piece := request.read(PIECE):
            digest.update(piece)
            size += len(piece)
        return HttpResponse(f"{size} {digest.hexdigest()}")

    def download(request: HttpRequest) -> FileResponse:
        return FileResponse(Path(file()).open("rb"), content_type="application/octet-stream")

    routes = [
        path("upload", upload),
        path("file", download),
        path("memory", lambda request: HttpResponse(memory())),
    ]
    settings.configure(ROOT_URLCONF=tuple(routes), ALLOWED_HOSTS=["*"], SECRET_KEY="none", MIDDLEWARE=[])
    import django as framework

    framework.setup()
    return WSGIHandler()


def starlette() -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocket

    async def upload(request: Request) -> PlainTextResponse:
        digest, size = hashlib.sha256(), 0
        async for piece in request.stream():
            digest.update(piece)
            size += len(piece)
        return PlainTextResponse(f"{size} {digest.hexdigest()}")

    async def beats() -> AsyncIterator[bytes]:
        for number in range(3):
            yield f"data: {number}\n\n".encode()
            await asyncio.sleep(0)

    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text[::-1])

    async def download(request: Request) -> FileResponse:
        return FileResponse(file(), media_type="application/octet-stream")

    async def events(request: Request) -> StreamingResponse:
        return StreamingResponse(beats(), media_type="text/event-stream")

    return Starlette(
        routes=[
            Route("/upload", upload, methods=["POST"]),
            Route("/file", download),
            Route("/events", events),
            Route("/memory", lambda request: PlainTextResponse(memory())),
            Route("/wrong", lambda request: JSONResponse(WRONG)),
            WebSocketRoute("/socket", socket),
        ]
    )


def made(framework: str) -> Any:
    """The product of this framework, with linkmw in front of it."""
    if framework == "starlette":
        return Watched(asgi.wrap(Watched(starlette(), WRONG, "inside"), product=FakeProduct()), WRONG, "outside")
    return wsgi.wrap({"flask": flask, "django": django}[framework](), product=FakeProduct())


if __name__ != "__main__":
    application = made(os.environ["FRAMEWORK"])


def _command(server: str, port: str) -> Iterator[str]:
    name = "tests.houses.interfaces:application"
    yield from {
        "gunicorn": ("gunicorn", "--threads=4", "--no-control-socket", f"--bind=127.0.0.1:{port}", name),
        "waitress": ("waitress", f"--listen=127.0.0.1:{port}", name),
        "uvicorn": ("uvicorn", "--port", port, name),
        "hypercorn": ("hypercorn", "--bind", f"127.0.0.1:{port}", name),
        "granian": ("granian", "--interface", "asgi", "--port", port, name),
    }[server]


if __name__ == "__main__":
    server, os.environ["FRAMEWORK"], port = sys.argv[1:]
    os.execv(sys.executable, [sys.executable, "-m", *_command(server, port)])
