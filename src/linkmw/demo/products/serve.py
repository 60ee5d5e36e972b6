"""Starting one of the products: prepare its database, then become its server."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from typing import Literal

GUNICORN = ("gunicorn", "--workers={workers}", "--threads=4", "--no-control-socket", "--bind={host}:{port}")
# No access log: the query of a callback holds a code and a state (PR11). gunicorn writes none unless it is told to.
UVICORN = (
    "uvicorn",
    "--host={host}",
    "--port={port}",
    "--workers={workers}",
    "--lifespan=off",
    "--no-server-header",
    "--no-access-log",
)
SERVERS = {"wsgi": GUNICORN, "asgi": UVICORN}


def main(module: str, servers: Sequence[str], prepare: Callable[[], object]) -> None:
    """Read the command line and start. servers: which of "wsgi" and "asgi" it can run under, the usual one first.

    The process becomes the server (exec), so whoever started it holds the server's own process id.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True, help="SQLite file, made if it is not there")
    parser.add_argument("--server", choices=servers, default=servers[0])
    chosen = parser.parse_args()
    os.environ["DEMO_DATABASE"] = chosen.database
    os.environ.setdefault("DEMO_SECRET", secrets.token_urlsafe(32))
    prepare()
    values = {"host": chosen.host, "port": chosen.port, "workers": os.environ.get("DEMO_WORKERS", "1")}
    command = [part.format(**values) for part in SERVERS[chosen.server]]
    os.execv(sys.executable, [sys.executable, "-m", *command, f"{module}:{chosen.server}_application"])


def secret() -> str:
    """What signs this product's sessions; without DEMO_SECRET they live as long as the process."""
    return os.environ.get("DEMO_SECRET") or secrets.token_urlsafe(32)


def name(usual: str) -> str:
    """What this product is called (DEMO_NAME): one program may run as several products."""
    return os.environ.get("DEMO_NAME", usual)


def same_site() -> Literal["lax", "strict"]:
    """The SameSite of this product's session cookie (DEMO_SAME_SITE)."""
    return "strict" if os.environ.get("DEMO_SAME_SITE") == "strict" else "lax"


def wrapped() -> bool:
    return os.environ.get("DEMO_WRAP", "yes") != "no"
