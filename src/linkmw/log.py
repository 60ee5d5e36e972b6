"""The log, for whoever runs a product or the hub: which flow a line belongs to, and how a line looks.

Every line says itself what it is about, so that it can be read in any log; the same again is in the record's fields
(`FIELDS`), so that `JsonLine` can write them apart. Standard library only. No secret is ever handed in here.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from linkmw.reference import Reference

# What a record of ours may carry besides its message. Nothing else of a record is written: it may hold a request.
FIELDS = ("code", "ref", "flow", "tenant", "client_id", "route", "method", "status", "ms")

# What a line of the audit trail says, whichever half writes it (OPS-2): every one of these and nothing else.
AUDIT_FIELDS = (
    *("time", "event", "result", "code", "ref", "tenant", "client_id", "account_id"),
    *("iss", "sub", "flow", "ip", "actor"),
)

_flow: ContextVar[str] = ContextVar("linkmw flow", default="")


@contextmanager
def one_request() -> Iterator[None]:
    """Inside, lines are about one request; it belongs to no flow until `follow` says so."""
    token = _flow.set("")
    try:
        yield
    finally:
        _flow.reset(token)


def follow(flow: str) -> None:
    """This request belongs to the flow with that name (`reference.flow_name`)."""
    _flow.set(flow)


def flow() -> str:
    """The flow this request belongs to, "" while that is not known."""
    return _flow.get()


def refusal(
    logger: logging.Logger,
    error: Exception,
    *,
    code: str,
    ref: Reference | str,
    route: str,
    tenant: str = "",
    client_id: str = "",
    defect: bool = False,
) -> None:
    """One line: what was refused, under the reference on the page. route: a path without query, or its pattern.

    defect: nobody foresaw `error`: it is an error of ours, and its traceback follows.
    """
    fields = {
        "code": code,
        "ref": str(ref),
        "flow": flow(),
        "tenant": tenant,
        "client_id": client_id,
        "route": route,
    }
    about = "".join((f" at {route}", f" of {client_id}" if client_id else "", f", flow {flow()}" if flow() else ""))
    if defect:
        logger.error("%s %s%s", ref, code, about, extra=fields, exc_info=error)
    else:
        logger.warning("%s %s%s: %s", ref, code, about, one_line(str(error)), extra=fields)


def one_line(text: str) -> str:
    """`text` without what could begin a line of its own or steer a terminal."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def audit_line(now: int, **said: str) -> str:
    """A line of the audit trail: one JSON object with `AUDIT_FIELDS`, "" where nothing was said. now: when it happened.

    It names nobody but by ids. ASCII: no newline, no control character, no lone surrogate reaches the log.
    """
    line = dict.fromkeys(AUDIT_FIELDS, "") | {"time": rfc3339(now), **said}
    if unknown := [name for name in line if name not in AUDIT_FIELDS]:
        raise ValueError(f"no field of the audit trail: {', '.join(unknown)}")
    return json.dumps(line, separators=(",", ":"))


def rfc3339(seconds: int) -> str:
    """`seconds` since the epoch as RFC 3339 writes it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


class Changes:
    """What was said last about each subject: what every visitor causes again is said once (security.md, DS06)."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._lock = Lock()

    def to(self, subject: str, state: str) -> bool:
        """Is `state` another than last time? The first time anything but "" is."""
        with self._lock:
            before = self._said.get(subject, "")
            self._said[subject] = state
        return before != state


class JsonLine(logging.Formatter):
    """A record as one JSON object on one line: time (RFC 3339, UTC), level, logger, message, and `FIELDS`.

    A traceback goes into `traceback`. What is a JSON object already, as lines of the audit trail are, stays as it is.
    """

    def format(self, record: logging.LogRecord) -> str:
        if record.name == "linkmw.audit":
            return record.getMessage()
        line: dict[str, Any] = {
            "time": _time(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name in FIELDS if (value := getattr(record, name, "")) != ""}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)  # ASCII: no newline, no control character, no lone surrogate


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class StarredQueries(logging.Filter):
    """For a product's access log: addresses of our routes lose their query, in which codes and states are (PR11).

    uvicorn, gunicorn, Werkzeug and Django's development server hand the address to the record in `args`. prefix: the
    setting LINKMW_PREFIX.
    """

    def __init__(self, prefix: str = "/.linkmw/") -> None:
        super().__init__()
        self._query = re.compile(rf"({re.escape(prefix)}[a-z]+\?)[^\s\"']+")

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, dict):  # gunicorn's own mapping, which also answers for names it does not hold
            for name, value in list(record.args.items()):
                record.args[name] = self._starred(value)
        elif isinstance(record.args, tuple):
            record.args = tuple(map(self._starred, record.args))
        record.msg = self._starred(record.msg)
        return True

    def _starred(self, value: Any) -> Any:
        return self._query.sub(r"\1***", value) if isinstance(value, str) else value
