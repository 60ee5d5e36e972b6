"""Adapters are blocking code in a worker thread; here their `async def` hooks find the way back to the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import wraps
from inspect import isawaitable
from typing import Any, ParamSpec, TypeVar

from linkmw.errors import Unavailable
from linkmw.run import in_thread

P = ParamSpec("P")
T = TypeVar("T")

Hook = Callable[..., Any]

# A hook may need a worker thread itself, and all of them may be waiting here: without an end that would be for ever.
HOOK_SECONDS = 10.0
# The loop of the request under way; worker threads inherit the context (`linkmw.run.in_thread`).
LOOP: ContextVar[asyncio.AbstractEventLoop] = ContextVar("linkmw_starlette.loop")


def blocking(hook: Hook) -> Hook:
    """`hook`, to be called in a worker thread; what it would have awaited is awaited on the request's own event loop.

    Looks at the answer, not at the hook: a coroutine that nobody awaits is true, and would be a right password.
    """

    @wraps(hook)
    def answered(*args: Any) -> Any:
        answer = hook(*args)
        return _result(answer) if isawaitable(answer) else answer

    return answered


async def in_a_loop(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """`function` in a worker thread whose hooks find this event loop."""
    LOOP.set(asyncio.get_running_loop())
    return await in_thread(function, *args, **kwargs)


def _result(answer: Awaitable[Any]) -> Any:
    waiting = asyncio.run_coroutine_threadsafe(_awaited(answer), LOOP.get())
    try:
        return waiting.result(HOOK_SECONDS)
    except TimeoutError:
        waiting.cancel()
        raise Unavailable(f"a callable of the product did not answer within {HOOK_SECONDS} seconds") from None


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer
