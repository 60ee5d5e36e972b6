"""Two products without a gate, each a process of its own: Authlib on Starlette, mozilla-django-oidc on Django.

What is theirs is the code of docs/standard-clients.md; the libraries are as they came from PyPI.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from linkmw.demo.parts.answering import status
from linkmw.demo.parts.processes import Processes, free_port

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "standard-clients.md"
CALLBACK = "/oidc/callback/"
SIGNED_OUT = "/signed-out"
EXAMPLE = "https://reports.example.com"  # where the page says the product is
ACCOUNT_ID = "7"  # in either product; whose it is there, is another matter

_LOGIN = """<!doctype html><html lang="en"><title>{name}</title><h1>{name}</h1>{problem}
<p><a href="{sign_in}">Sign in with ACME ID</a>
<form><input name="username"><input name="password" type="password"></form>"""
_FRONT = """<!doctype html><html lang="en"><title>{name}</title><h1>{name}</h1><p>Signed in as {user}
<form method="{method}" action="{sign_out}"><button>Sign out</button></form>"""
_PROBLEM = '<p role="alert">Your ACME ID opens no account here. Sign in with your password.'


def documented(block: str) -> str:
    """The code between the page's `<!-- block:begin -->` and its end, for the address that this product has."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {block}:begin -->\n```python\n(.*?)```\n<!-- {block}:end -->", text, re.DOTALL)
    assert found, block
    return found.group(1).replace(EXAMPLE, os.environ["SITE"])


def login_page(name: str, sign_in: str, query: str) -> str:
    return _LOGIN.format(name=name, sign_in=sign_in, problem=_PROBLEM if query.startswith("not-linked") else "")


def front_page(name: str, user: str, sign_out: str, method: str) -> str:
    return _FRONT.format(name=name, user=user, sign_out=sign_out, method=method) if user else f"<h1>{name}</h1>"


def resolve_localhost() -> None:
    """Names below `localhost` are this machine (RFC 6761, 6.3), whether its resolver knows or not."""
    asked = socket.getaddrinfo

    def answered(host: Any, *more: Any, **others: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return asked("127.0.0.1" if str(name).endswith(".localhost") else host, *more, **others)

    socket.getaddrinfo = answered


def listening_port() -> int:
    return int(os.environ["PORT"])


@dataclass(frozen=True)
class Site:
    """One of the products, running. client: what `hub product add` printed."""

    name: str
    url: str
    client: Mapping[str, str]

    @property
    def login_url(self) -> str:
        return f"{self.url}/login/"


def address(key: str) -> str:
    return f"http://{key}.localhost:{free_port()}"


@contextmanager
def running(name: str, url: str, client: Mapping[str, str], folder: Path, **settings: str) -> Iterator[Site]:
    """The product `name` (`standard_{name}.py`) at `url`, with the environment lines in `client`."""
    parts = urlsplit(url)
    env = {**client, **settings, "PORT": str(parts.port), "SITE": url, "FOLDER": str(folder)}
    with Processes() as processes:
        command = [sys.executable, "-m", f"tests.e2e.standard_{name}"]
        server = processes.start(name, command, log=folder / f"{name}.log", env=env, cwd=ROOT)
        processes.wait(
            lambda: status(f"http://127.0.0.1:{parts.port}/login/", parts.netloc) == 200,
            what=f"{name} to answer",
            seconds=60,
            process=server,
        )
        yield Site(name, url, client)
