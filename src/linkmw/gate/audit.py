"""The gate's lines for the audit trail (OPS-2): a JSON object each, on the logger `linkmw.audit`. No secret goes in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from linkmw import log, metrics
from linkmw.gate.browser import address
from linkmw.http import Request
from linkmw.settings import Settings

if TYPE_CHECKING:
    from linkmw.gate.ports import Ports

logger = logging.getLogger("linkmw.audit")

# What a gate writes down; docs/audit.md says of each when, and with which codes.
Event = Literal[
    "break_glass",
    "break_glass_revoked",
    "break_glass_used",
    "doors_away",
    "doors_closed",
    "doors_opened",
    "native_sign_in",
    "proof",
    "reset",
    "session_ended",
    "sign_in",
]
Result = Literal["ok", "refused"]


def note(ports: Ports, settings: Settings, request: Request, event: Event, result: Result, **more: str) -> None:
    """Write down that `event` happened. more: `code`, `ref`, `account_id`, `sub`, `actor`."""
    note_of_gate(settings, ports.now(), event, result, ip=address(settings, request), flow=log.flow(), **more)


def note_of_gate(settings: Settings, now: int, event: Event, result: Result, **more: str) -> None:
    """The same of what no request did: the gate's own probe, the product's own machine."""
    metrics.count(metrics.EVENTS, event, result, more.get("code", ""), settings.organization_id, settings.client_id)
    logger.info("%s", line(settings, now, event, result, **more))


def line(settings: Settings, now: int, event: Event, result: Result, **more: str) -> str:
    """The line itself, for whoever keeps it elsewhere."""
    whose = {"tenant": settings.organization_id, "client_id": settings.client_id}
    return log.audit_line(now, event=event, result=result, **whose, **more)
