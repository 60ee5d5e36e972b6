"""How a flow is driven: ASGI awaits it, WSGI runs it with `run_now`.

Flows are coroutines over small ports. Under WSGI every port answers without suspending, so the whole
coroutine finishes within one `send`; a port that does suspend there is a defect and says so at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Call(Protocol):
    """Run a blocking function and await its answer; the shell decides where it runs."""

    def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]: ...


def run_now(flow: Coroutine[Any, Any, T]) -> T:
    """The flow's answer. Raises RuntimeError if a port suspended instead of answering in place."""
    try:
        flow.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    flow.close()
    raise RuntimeError("a port suspended where none may: blocking ports only under WSGI")


async def in_place(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `function` here and now: the port call of a WSGI shell."""
    return function(*args, **kwargs)


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `function` in a worker thread, context variables included: the port call of an ASGI shell."""
    return await asyncio.to_thread(function, *args, **kwargs)


async def outcome_of(future: Future[T]) -> T:
    """What another caller's work came to, waited for as this one can: suspended in an event loop, blocked in a thread.

    A waiter that is cancelled leaves the work and the other waiters alone.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return future.result()
    return await asyncio.shield(asyncio.wrap_future(future))
