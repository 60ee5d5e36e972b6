"""How linkmw fares in this product, for who bears LINKMW_MONITOR_TOKEN; for others there is nothing here (BC08)."""

from __future__ import annotations

import logging

from linkmw.errors import LinkmwError
from linkmw.gate.ports import Ports
from linkmw.http import GUARD_HEADERS, PASS, Answer, Request, Response, bears, json_answer
from linkmw.metrics import DOORS, UP, Sample
from linkmw.settings import Settings

logger = logging.getLogger("linkmw.gate")


def prepare(settings: Settings) -> None:
    """This process records, if anybody may read it. Never raises: a product runs without metrics."""
    if not settings.monitor_token:
        return
    try:
        from linkmw.prometheus import switch_on

        switch_on()
    except ModuleNotFoundError:
        logger.warning("no metrics: they need more than the base install: pip install 'linkmw[metrics]'")
    except OSError as error:
        logger.warning("no metrics: PROMETHEUS_MULTIPROC_DIR cannot be used: %s", error.strerror)


async def health(ports: Ports, settings: Settings, request: Request) -> Answer:
    """GET health: 200 while a sign-in would work, else 503. The product itself lives either way: ask for no restart."""
    if not bears(request, settings.monitor_token):
        return PASS
    found = await _parts(ports)
    return json_answer({"ready": all(found.values()), **found}, status=200 if all(found.values()) else 503)


async def metrics(ports: Ports, settings: Settings, request: Request) -> Answer:
    """GET metrics, for Prometheus (docs/metrics.md)."""
    if not bears(request, settings.monitor_token):
        return PASS
    try:
        from linkmw.prometheus import CONTENT_TYPE, switch_on

        recorded = switch_on()
    except (ModuleNotFoundError, OSError):  # said when the process began
        return PASS
    up: list[Sample] = [(UP, (part,), float(answers)) for part, answers in (await _parts(ports)).items()]
    doors = 0.0 if await ports.doors.are_shut() else 1.0
    body = recorded.page([*up, (DOORS, (), doors)])
    return Response(200, (("Content-Type", CONTENT_TYPE), *GUARD_HEADERS), body)


async def _parts(ports: Ports) -> dict[str, bool]:
    """redis: the product's own. hub: it answers, in time. hub_parts: its Redis, SQL and Keycloak answer, as it says."""
    try:
        await ports.ping()
        redis = True
    except LinkmwError:
        redis = False
    try:
        hub, healthy = True, (await ports.hub.state()).healthy
    except LinkmwError:
        hub = healthy = False
    return {"redis": redis, "hub": hub, "hub_parts": healthy}
