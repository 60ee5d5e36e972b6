"""What is looked at in a product, from its settings down to its own login page."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from linkmw.cli.application import hosts_of
from linkmw.cli.doctor import catalogue as checks
from linkmw.cli.doctor import login_pages, redis, values, wiring
from linkmw.cli.doctor.findings import Finding
from linkmw.cli.doctor.wiring import Product
from linkmw.errors import LinkmwError, RequestRefused, SettingsError, Unavailable
from linkmw.gate.hub_client import PROTOCOL, HubClient
from linkmw.gate.ports import HubState
from linkmw.gate.wire import MAX_ANSWER, Call, Reply
from linkmw.run import run_now
from linkmw.setting_sources import read_file
from linkmw.settings import Settings
from linkmw.switch import Mode, effective

SECONDS = 5  # for an answer of the hub
HUBS_PREFIX = "linkmw-hub:"  # what a hub's keys begin with unless its settings say otherwise


def findings(
    product: Product, environ: Mapping[str, str], *, at: str, now: Callable[[], float] = time.time
) -> Iterator[Finding]:
    """at: the product as this machine reaches it, or ""."""
    settings = product.settings
    yield _settings(settings, product.configured, environ)
    yield _switch(settings)
    yield from _here(product, settings, at, now)
    asked = {settings.redis_url}
    for host, own in hosts_of(settings):
        found = [_settings_of_host(own, settings), _switch(own), *_here(product, own, at, now, {*asked})]
        asked.add(own.redis_url)
        yield from (replace(one, of=f"{host}{one.of}") for one in found)
    yield from wiring.findings(product)


def _here(
    product: Product, settings: Settings, at: str, now: Callable[[], float], asked: Collection[str] = ()
) -> Iterator[Finding]:
    """What is looked at for one set of settings. asked: the Redis that were looked at already."""
    state = None
    if settings.public_url:
        yield _https(settings.public_url)
    if settings.public_url and settings.hub_url:
        yield _host(settings)
    if settings.hub_url and settings.client_id and settings.client_secret:
        state = yield from _hub(settings, product.checks_passwords, now)
    if settings.redis_url and settings.redis_url not in asked:
        for found in redis.findings(
            settings.redis_url, timeout=settings.redis_timeout, others_prefix=HUBS_PREFIX, now=now
        ):
            if found.check == checks.REDIS.name and found.standing == "wrong":
                state = None  # without it there is no button, and nothing is wrong with the page
            yield found
    if settings.public_url:
        yield from login_pages.findings(settings, at or settings.public_url, state)


def _settings(settings: Settings, configured: Mapping[str, Any], environ: Mapping[str, str]) -> Finding:
    file = Path(environ.get("LINKMW_CONFIG", "linkmw.toml"))
    details = values.shown(settings, environ, ("the framework's configuration", configured), (str(file), _in(file)))
    if settings.problems:
        return checks.SETTINGS.wrong("; ".join(settings.problems), details=details)
    return checks.SETTINGS.ok(f"{len(details)} set", details=details)


def _settings_of_host(own: Settings, product: Settings) -> Finding:
    """Of one among `hosts` (moving-over.md): what is wrong with the product's own is said there."""
    wrong = [problem for problem in own.problems if problem not in product.problems]
    return checks.SETTINGS.wrong("; ".join(wrong)) if wrong else checks.SETTINGS.ok(f"{own.client_id or 'no client'}")


def _in(file: Path) -> dict[str, object]:
    try:
        return read_file(file)
    except SettingsError:
        return {}  # said already, as a problem of the settings


def _switch(settings: Settings) -> Finding:
    if settings.on:
        return checks.SWITCH.ok(f"on, {settings.mode} the native login")
    if any(own.on for _, own in settings.hosts):
        return checks.SWITCH.ok("off at hosts that are not named in LINKMW_HOSTS")
    return checks.SWITCH.warning("off")


def _https(public_url: str) -> Finding:
    if public_url.startswith("https://"):
        return checks.HTTPS.ok(public_url)
    return checks.HTTPS.ok(f"{public_url}: plain http, which works on this machine alone")


def _host(settings: Settings) -> Finding:
    ours, hubs = urlsplit(settings.public_url).hostname, urlsplit(settings.hub_url).hostname
    if ours == hubs:
        return checks.HOST.wrong(f"product and hub are both {ours}")
    return checks.HOST.ok(f"{ours}, and the hub {hubs}")


class _Listening:
    """A wire that remembers the hub's clock: `linkmw.gate.wire.Wire`, for one question."""

    def __init__(self) -> None:
        self.date = ""

    async def send(self, call: Call) -> Reply:
        return self._send(call)

    def _send(self, call: Call) -> Reply:
        try:
            answer = httpx2.request(
                call.method,
                call.url,
                headers=dict(call.headers),
                content=call.body,
                timeout=SECONDS,
                follow_redirects=False,
            )
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise Unavailable(f"the hub does not answer: {type(error).__name__}") from None
        self.date = answer.headers.get("date", "")
        return Reply(answer.status_code, answer.content[:MAX_ANSWER])


def _hub(
    settings: Settings, checks_passwords: bool | None, now: Callable[[], float]
) -> Generator[Finding, None, HubState | None]:
    wire, state = _Listening(), None
    client = HubClient(settings, wire, clock=time.monotonic, now=lambda: int(now()), token=str)
    try:
        state = run_now(client.state())
    except RequestRefused as error:
        yield checks.HUB.ok("answers")
        yield checks.CLIENT.wrong(str(error))
    except LinkmwError as error:
        yield checks.HUB.wrong(str(error))
    else:
        yield checks.HUB.ok(f"answers, protocol {PROTOCOL}")
        yield checks.CLIENT.ok(f"{settings.client_id} of {settings.organization_id}")
        yield _mode(settings, state)
        yield proof(settings, state.mode, checks_passwords)
        yield checks.HUB_PARTS.ok("all answer") if state.healthy else checks.HUB_PARTS.wrong("one of them is away")
    if wire.date:
        yield checks.CLOCK.apart(_seconds(wire.date) - now())
    return state


def _seconds(date: str) -> float:
    """HTTP's Date (RFC 9110, 6.6.1), to the second: taken for the middle of it."""
    return parsedate_to_datetime(date).timestamp() + 0.5


def proof(settings: Settings, mode: Mode, checks_passwords: bool | None) -> Finding:
    """mode: the hub's word. checks_passwords: does the adapter? None: it is not seen from here."""
    form = "by linkmw's form" if checks_passwords else "by linkmw's form, if the adapter checks passwords"
    if settings.proof != "native" and checks_passwords is not False:
        return checks.PROOF.ok(form)
    if effective(settings.mode, mode, healthy=True) != "replace":
        return checks.PROOF.ok("by the product's own login")
    if checks_passwords is False:
        return checks.PROOF.wrong("by nothing: replace closes the product's own login, and the adapter has no form")
    found = f"{form}: replace closes the product's own login"
    return checks.PROOF.ok(found) if checks_passwords else checks.PROOF.warning(found)


def _mode(settings: Settings, state: HubState) -> Finding:
    in_force = effective(settings.mode, state.mode, healthy=True, percent=state.percent)
    found = f"{in_force}: at the hub {state.mode} for {state.percent} percent, here {settings.mode}"
    return checks.MODE.warning(found) if in_force == "off" else checks.MODE.ok(found)
