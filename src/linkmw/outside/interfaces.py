"""Which of the two interfaces a callable speaks."""

from __future__ import annotations

import inspect
from typing import Any, Literal


def interface_of(app: Any) -> Literal["wsgi", "asgi"]:
    """As uvicorn tells it: ASGI is a coroutine, or an object whose call is one."""
    called = app if inspect.isfunction(app) or inspect.ismethod(app) else getattr(app, "__call__", None)  # noqa: B004
    return "asgi" if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(called) else "wsgi"
