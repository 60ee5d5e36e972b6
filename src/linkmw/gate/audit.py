"""The gate's lines for the audit trail (OPS-2): a JSON object each, on the logger `linkmw.audit`. No secret goes in."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from linkmw import log
from linkmw.gate.browser import address
from linkmw.http import Request
from linkmw.settings import Settings

if TYPE_CHECKING:
    from linkmw.gate.ports import Ports

logger = logging.getLogger("linkmw.audit")

Result = Literal["ok", "refused"]


def note(ports: Ports, settings: Settings, request: Request, event: str, result: Result, **more: str) -> None:
    """Write down that `event` happened. more: `code`, `ref`, `account_id`, `sub`, `actor`."""
    note_of_gate(settings, ports.now(), event, result, ip=address(settings, request), flow=log.flow(), **more)


def note_of_gate(settings: Settings, now: int, event: str, result: Result, **more: str) -> None:
    """The same of what no request did: the gate's own probe, the product's own machine."""
    line = {
        "time": datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z"),
        "event": event,
        "result": result,
        "tenant": settings.organization_id,
        "client_id": settings.client_id,
        **more,
    }
    logger.info("%s", json.dumps(line, separators=(",", ":")))
