"""Finds what waits in a thread whose event loop others need: a socket that blocks, a pause, a question to SQL (DS08).

Not how long a request takes, which says how busy the machine is: what may wait at all.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from linkmw.stores.sql.engine import Database

_OF_SOCKETS = ("accept", "connect", "recv", "recv_into", "recvfrom", "send", "sendall", "sendto")
_ALWAYS = ((time, "sleep"), (socket, "getaddrinfo"), (subprocess, "Popen"))
_OF_DATABASE = ("read_now", "write_now")


def in_a_loop() -> bool:
    """Is an event loop running in this thread?"""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@contextmanager
def watched() -> Iterator[list[str]]:
    """What blocked a loop while the block ran: what was called, and from where."""
    found: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in _OF_SOCKETS:
            _watch(patch, socket.socket, name, found, only=lambda one: one.gettimeout() != 0)
        for owner, name in _ALWAYS:
            _watch(patch, owner, name, found)
        for name in _OF_DATABASE:
            _watch(patch, Database, name, found)
        yield found


def _watch(patch: pytest.MonkeyPatch, owner: Any, name: str, found: list[str], only: Any = None) -> None:
    called = getattr(owner, name)

    def watching(*args: Any, **kwargs: Any) -> Any:
        if in_a_loop() and (only is None or only(args[0])):
            found.append(f"{owner.__name__}.{name}\n" + "".join(traceback.format_stack(limit=12)))
        return called(*args, **kwargs)

    patch.setattr(owner, name, watching)
