"""Both servers with their houses, one port each: `python -m tests.houses.serve asgi flask=20001 …`."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from tests.houses import products

MOUNT = "/app"
WSGI_HOUSES = ("django", "django-bare", "django-app", "flask", "flask-bare", "flask-app")
ASGI_HOUSES = ("django", "django-bare", "django-app", "starlette", "starlette-bare", "starlette-app", "starlette-sub")


def house(kind: str, name: str) -> Any:
    """A product: as it is, behind linkmw, behind linkmw and mounted at MOUNT, or inside another application there."""
    framework, _, variant = name.partition("-")
    mounted = MOUNT if variant in ("app", "sub") else ""
    wrapped = variant != "bare"
    if framework == "django":
        return products.django(kind, wrapped, mounted)
    app = getattr(products, framework)(wrapped, mounted)
    if variant == "sub":
        from starlette.applications import Starlette
        from starlette.routing import Mount

        return Starlette(routes=[Mount("/", routes=[Mount(MOUNT, app)])])
    return app


def _ports() -> dict[int, str]:
    return {int(port): name for name, _, port in (pair.partition("=") for pair in os.environ["HOUSES"].split(","))}


class Wsgi:
    """The house of the port that a request came to."""

    def __init__(self) -> None:
        self._houses = {port: house("wsgi", name) for port, name in _ports().items()}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._houses[int(environ["SERVER_PORT"])](environ, start_response)


class Asgi:
    def __init__(self) -> None:
        self._names = _ports()
        self._houses = {port: house("asgi", name) for port, name in self._names.items()}
        self._lifespan = next(app for port, app in self._houses.items() if self._names[port] == "starlette")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        port = scope["server"][1]
        if self._names[port].endswith("-app"):  # as `uvicorn --root-path /app` has it
            scope = {**scope, "root_path": MOUNT, "path": MOUNT + scope["path"]}
        await self._houses[port](scope, receive, send)


def __getattr__(name: str) -> Any:
    if name == "wsgi":
        return Wsgi()
    raise AttributeError(name)


def _serve_asgi() -> None:
    import uvicorn

    sockets = []
    for port in _ports():
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        sockets.append(listening)
    uvicorn.Server(uvicorn.Config(Asgi(), lifespan="on", log_level="info")).run(sockets)


if __name__ == "__main__":
    kind, *pairs = sys.argv[1:]
    os.environ["HOUSES"] = ",".join(pairs)
    if kind == "asgi":
        _serve_asgi()
    else:
        binds = [f"--bind=127.0.0.1:{pair.partition('=')[2]}" for pair in pairs]
        command = ["gunicorn", "--workers=1", "--threads=4", "--no-control-socket", *binds, "tests.houses.serve:wsgi"]
        os.execv(sys.executable, [sys.executable, "-m", *command])
