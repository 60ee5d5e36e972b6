"""The hub's metrics for Prometheus: GET /metrics, for who bears LINKMW_HUB_MONITOR_TOKEN (docs/metrics.md)."""

from __future__ import annotations

from typing import Literal

from linkmw.errors import LinkmwError, RequestRefused, SettingsError
from linkmw.http import GUARD_HEADERS, Request, Response, bears
from linkmw.hub import health
from linkmw.hub.ports import Ports
from linkmw.hub.settings import HubSettings
from linkmw.metrics import OLDEST, UP, WAITING, Sample


def prepare(settings: HubSettings) -> None:
    """This process records, if anybody may read it. Raises SettingsError."""
    if not settings.monitor_token:
        return
    try:
        from linkmw.prometheus import switch_on

        switch_on()
    except ModuleNotFoundError:
        raise SettingsError("LINKMW_HUB_MONITOR_TOKEN needs more: pip install 'linkmw[metrics]'") from None
    except OSError as error:
        raise SettingsError(f"PROMETHEUS_MULTIPROC_DIR cannot be used: {error.strerror}") from None


async def metrics(ports: Ports, settings: HubSettings, request: Request) -> Response:
    """GET /metrics. Raises RequestRefused, 404, for everybody else: there is nothing here."""
    if not bears(request, settings.monitor_token):
        raise RequestRefused("no such page", code="not_found", status=404)
    from linkmw.prometheus import CONTENT_TYPE, switch_on

    body = switch_on().page(await _now(ports))
    return Response(200, (("Content-Type", CONTENT_TYPE), *GUARD_HEADERS), body)


async def _now(ports: Ports) -> list[Sample]:
    up: list[Sample] = [(UP, (part,), float(answers)) for part, answers in (await health.parts(ports)).items()]
    return [*up, *await _waiting(ports, "mails"), *await _waiting(ports, "logouts")]


async def _waiting(ports: Ports, what: Literal["mails", "logouts"]) -> list[Sample]:
    """Nothing while SQL cannot say."""
    try:
        found = await (ports.outbox if what == "mails" else ports.logouts).waiting()
    except LinkmwError:
        return []
    age = 0 if found.since is None else max(0, ports.now() - found.since)
    return [(WAITING, (what,), found.many), (OLDEST, (what,), age)]
