"""The gate's lines for the audit trail (OPS-2): a JSON object each, on the logger `linkmw.audit`. No secret goes in."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from linkmw.gate.browser import address
from linkmw.gate.ports import Ports
from linkmw.http import Request
from linkmw.settings import Settings

log = logging.getLogger("linkmw.audit")

Result = Literal["ok", "refused"]


def note(ports: Ports, settings: Settings, request: Request, event: str, result: Result, **more: str) -> None:
    """Write down that `event` happened. more: `code`, `ref`, `account_id`, `sub`, `flow`, `actor`."""
    line = {
        "time": datetime.fromtimestamp(ports.now(), UTC).isoformat().replace("+00:00", "Z"),
        "event": event,
        "result": result,
        "tenant": settings.organization_id,
        "client_id": settings.client_id,
        "ip": address(settings, request),
        **more,
    }
    log.info(json.dumps(line, separators=(",", ":")))
