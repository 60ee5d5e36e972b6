"""The world of the browser journeys: addresses, people, what can go away, and browsers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext
from tests.conftest import running_chromium
from tests.e2e.world import World
from tests.secrets_in_logs import LEDGER

from linkmw.demo.stage import Stage

PICTURES = Path(__file__).parents[1] / ".out" / "failed"
_failed = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def world(stage: Stage) -> World:
    return World(stage)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One for all of these journeys: none of them runs an event loop in this thread (see the one of all tests)."""
    with running_chromium() as launched:
        yield launched


@pytest.fixture
def new_browser(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., BrowserContext]]:
    """Opens browsers of their own, cookies and all; when the test fails, what they showed is kept as pictures."""
    opened: list[BrowserContext] = []

    def new(**options: object) -> BrowserContext:
        context = chromium.new_context(**{"locale": "en-GB", "timezone_id": "UTC", **options})
        context.set_default_timeout(15_000)
        context.on("request", lambda sent: LEDGER.used_in_request(sent.url, sent.post_data or ""))
        opened.append(context)
        return context

    yield new
    if request.node.stash.get(_failed, False):
        _keep_pictures(opened, request.node.name)
    for context in opened:
        LEDGER.used("a cookie", *(cookie["value"] for cookie in context.cookies()))
        context.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[_failed] = report.failed
    return report


def _keep_pictures(opened: list[BrowserContext], test: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w-]+", "-", test)[:100]
    for which, context in enumerate(opened):
        for number, page in enumerate(context.pages):
            page.screenshot(path=PICTURES / f"{name}.{which}.{number}.png", full_page=True)
