"""A server with its houses, one port each: `python -m tests.houses.serve uvicorn flask=20001 …`."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from tests.houses import products

MOUNT = "/app"
WSGI_HOUSES = ("django", "django-bare", "django-app", "flask", "flask-bare", "flask-app")
SIDE_WSGI_HOUSES = ("django", "django-bare", "flask", "flask-bare")
SIDE_ASGI_HOUSES = ("django", "django-bare", "starlette", "starlette-bare")
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


def _serve_gunicorn() -> None:
    binds = [f"--bind=127.0.0.1:{port}" for port in _ports()]
    command = ["gunicorn", "--workers=1", "--threads=4", "--no-control-socket", *binds, "tests.houses.serve:wsgi"]
    os.execv(sys.executable, [sys.executable, "-m", *command])


def _serve_waitress() -> None:
    import waitress

    waitress.serve(Wsgi(), listen=" ".join(f"127.0.0.1:{port}" for port in _ports()), threads=4)


def _serve_hypercorn() -> None:
    import asyncio

    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"127.0.0.1:{port}" for port in _ports()]
    asyncio.run(serve(Asgi(), config))  # type: ignore[arg-type]  # its own types of an ASGI application


def _serve_uvicorn() -> None:
    import uvicorn

    sockets = []
    for port in _ports():
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        sockets.append(listening)
    uvicorn.Server(uvicorn.Config(Asgi(), lifespan="on", log_level="info")).run(sockets)


SERVERS = {
    "gunicorn": _serve_gunicorn,
    "uvicorn": _serve_uvicorn,
    "waitress": _serve_waitress,
    "hypercorn": _serve_hypercorn,
}

if __name__ == "__main__":
    server, *pairs = sys.argv[1:]
    os.environ["HOUSES"] = ",".join(pairs)
    SERVERS[server]()
