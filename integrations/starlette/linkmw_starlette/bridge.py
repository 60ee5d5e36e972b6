"""Adapters are blocking code in a worker thread; here their `async def` hooks find the way back to the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

Hook = Callable[..., Any]

# The loop of the request under way; worker threads inherit the context (`linkmw.run.in_thread`).
LOOP: ContextVar[asyncio.AbstractEventLoop] = ContextVar("linkmw_starlette.loop")


def blocking(hook: Hook) -> Hook:
    """`hook`, to be called in a worker thread; one that is `async def` runs on the request's own event loop."""
    if not iscoroutinefunction(hook):
        return hook

    @wraps(hook)
    def waiting(*args: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(hook(*args), LOOP.get()).result()

    return waiting
