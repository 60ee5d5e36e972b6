"""The gate's lines for the audit trail (OPS-2): a JSON object each, on the logger `linkmw.audit`. No secret goes in."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from linkmw import log
from linkmw.gate.browser import address
from linkmw.gate.ports import Ports
from linkmw.http import Request
from linkmw.settings import Settings

logger = logging.getLogger("linkmw.audit")

Result = Literal["ok", "refused"]


def note(ports: Ports, settings: Settings, request: Request, event: str, result: Result, **more: str) -> None:
    """Write down that `event` happened. more: `code`, `ref`, `account_id`, `sub`, `actor`."""
    line = {
        "time": datetime.fromtimestamp(ports.now(), UTC).isoformat().replace("+00:00", "Z"),
        "event": event,
        "result": result,
        "tenant": settings.organization_id,
        "client_id": settings.client_id,
        "ip": address(settings, request),
        "flow": log.flow(),
        **more,
    }
    logger.info("%s", json.dumps(line, separators=(",", ":")))
