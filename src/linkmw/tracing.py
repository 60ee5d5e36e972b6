"""Spans for OpenTelemetry, where its API is installed; else nothing. Exporting them is the application's own business.

A span says how long something took and, by the name of the error's class, whether it failed: messages, addresses and
queries are not put into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

_NO_SPAN: AbstractContextManager[None] = nullcontext()


def span(name: str) -> AbstractContextManager[None]:
    """What happens inside is one span. name: of few kinds: a part, or a route's pattern."""
    tracer = _tracer()
    return _NO_SPAN if tracer is None else _span(tracer, name)


@cache
def _tracer() -> Any:
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    return trace.get_tracer("linkmw")


@contextmanager
def _span(tracer: Any, name: str) -> Iterator[None]:
    from opentelemetry.trace import Status, StatusCode

    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as current:
        try:
            yield
        except BaseException as error:
            current.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
