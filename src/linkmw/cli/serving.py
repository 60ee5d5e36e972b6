"""How uvicorn runs the hub."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import uvicorn
from starlette.applications import Starlette

from linkmw.hub.build import build
from linkmw.hub.settings import load_hub
from linkmw.log import JsonLine

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client's own name for it
STOP_SECONDS = 40  # for requests and mails under way; the outbox takes 30 of them at most

_FORMATTERS: dict[str, dict[str, Any]] = {
    "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
    "json": {"()": JsonLine},
}


def logging_of(kind: Literal["text", "json"]) -> dict[str, Any]:
    """What `logging.config.dictConfig` takes: the audit trail on standard output, all else on standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": _FORMATTERS[kind], "bare": {"format": "%(message)s"}},
        "handlers": {
            "errors": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"},
            "audit": {"class": "logging.StreamHandler", "formatter": "bare", "stream": "ext://sys.stdout"},
        },
        "root": {"handlers": ["errors"], "level": "WARNING"},  # libraries log URLs, with codes in them, at INFO (I9)
        "loggers": {
            "linkmw": {"level": "INFO"},
            "linkmw.audit": {"handlers": ["audit"], "propagate": False},
            "uvicorn.error": {"level": "INFO"},
        },
    }


def application() -> Starlette:
    """The hub of this process's environment; each worker makes its own."""
    hub = build(load_hub())
    # What was loaded stays: the collector need not go over it again and again (docs/performance.md, G5).
    gc.collect()
    gc.freeze()
    return hub


def serve_forever(host: str, port: int, workers: int, log: Literal["text", "json"]) -> None:
    """Serve until a signal ends it."""
    with _one_page_of(workers):
        _serve(host, port, workers, log)


@contextmanager
def _one_page_of(workers: int) -> Iterator[None]:
    """Several workers count on one page of metrics: in a folder of theirs, unless the operator has given them one."""
    if workers == 1 or FOLDER in os.environ or not load_hub().monitor_token:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="linkmw-metrics-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]


def _serve(host: str, port: int, workers: int, log: Literal["text", "json"]) -> None:
    uvicorn.run(
        "linkmw.cli.serving:application",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        lifespan="on",
        log_config=logging_of(log),
        access_log=False,  # paths and queries hold tokens and codes; the hub writes its own lines without them (PR11)
        proxy_headers=False,  # LINKMW_HUB_TRUSTED_PROXIES says whom to believe, in one place
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
