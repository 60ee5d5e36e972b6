"""What is counted and timed, as Prometheus reads it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from tests.gate.world import Browser
from tests.gate.world import World as GateWorld
from tests.hub.world import HUB, SETTINGS, World

from linkmw import metrics
from linkmw.cli import serving
from linkmw.errors import SettingsError, Unavailable
from linkmw.gate import monitor as gate_monitor
from linkmw.gate.guard import Guard
from linkmw.http import Request, Response
from linkmw.hub import monitor
from linkmw.hub.app import build_app
from linkmw.metrics import CALLS, EVENTS, REQUESTS, UNCHECKED
from linkmw.model import Marker
from linkmw.prometheus import MOST, Prometheus
from linkmw.secret import Secret
from linkmw.stores.redis import connect, connect_blocking

TOKEN = Secret("m" * 43)
BEARS = {"authorization": f"Bearer {TOKEN}"}


def read(page: bytes | str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample, by its name and its labels, sorted."""
    text = page if isinstance(page, str) else page.decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(page: bytes | str, name: str, **labels: str) -> float:
    return read(page).get((name, tuple(sorted(labels.items()))), 0)


def scrape(world: World, **headers: str) -> Any:
    app = build_app(world.ports, replace(SETTINGS, monitor_token=TOKEN))
    return TestClient(app, base_url=HUB).get("/metrics", headers=headers)


def event(event: str, result: str = "ok", code: str = "", product: str = "orders") -> dict[str, str]:
    return {"event": event, "result": result, "code": code, "tenant": "acme", "product": product}


def test_ops3_a_link_and_a_sign_in_are_numbers_of_the_hub(world: World, recorder: Prometheus) -> None:
    person = world.person()
    person.submit(person.get(world.link(person).headers["location"]), "/continue")
    page = scrape(world, **BEARS)
    assert page.headers["content-type"].startswith("text/plain")
    assert page.headers["cache-control"] == "no-store"
    for name in ("linked", "signed_in"):
        assert value(page.text, EVENTS.name, **event(name)) == 1
    assert value(page.text, "linkmw_call_seconds_count", part="sql", result="ok") > 5
    route = {"route": "GET /t/{organization_id}/callback", "status": "303"}
    assert value(page.text, "linkmw_request_seconds_count", **route) == 1
    assert value(page.text, "linkmw_waiting", what="mails") == 2
    assert value(page.text, "linkmw_waiting", what="logouts") == 0
    assert {value(page.text, "linkmw_up", part=part) for part in ("redis", "sql", "schema", "keycloak")} == {1}
    for secret in ("ada", "u7", "203.0.113", str(TOKEN)):
        assert secret not in page.text


def test_ops3_the_oldest_that_waits_has_an_age_and_what_is_away_is_nought(world: World, recorder: Prometheus) -> None:
    world.link(world.person())
    world.clock.move(90)
    world.keycloak.away = True
    world.down.add("redis")
    page = scrape(world, **BEARS).text
    assert value(page, "linkmw_waiting_seconds", what="mails") == 90
    assert [value(page, "linkmw_up", part=part) for part in ("redis", "sql", "keycloak")] == [0, 1, 0]
    world.mails()
    assert value(scrape(world, **BEARS).text, "linkmw_waiting_seconds", what="mails") == 0


@pytest.mark.parametrize("authorization", ["", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}"])
def test_ops3_the_hubs_metrics_are_for_who_bears_the_token(world: World, authorization: str) -> None:
    refused = scrape(world, authorization=authorization)
    assert (refused.status_code, refused.json()) == (404, {"error": "not_found"})
    off = TestClient(world.app, base_url=HUB).get("/metrics", headers={"authorization": authorization})
    assert off.status_code == 404


def test_ops3_a_gates_page_has_its_events_and_its_doors(recorder: Prometheus) -> None:
    world = GateWorld(monitor_token=TOKEN, mode="replace")
    world.hub.mode = "replace"
    person = Browser(world)
    person.returns(person.starts()["state"])
    answer = world.answer(Request("GET", "/.linkmw/metrics", headers=BEARS))
    assert isinstance(answer, Response)
    tenant, product = world.settings.organization_id, world.settings.client_id
    signed_in = {"event": "sign_in", "result": "ok", "code": "", "tenant": tenant, "product": product}
    assert value(answer.body, EVENTS.name, **signed_in) == 1
    assert value(answer.body, "linkmw_up", part="hub") == 1
    assert value(answer.body, "linkmw_native_doors_open") == 0
    world.hub.away = True
    away = world.answer(Request("GET", "/.linkmw/metrics", headers=BEARS))
    assert isinstance(away, Response)
    assert value(away.body, "linkmw_up", part="hub") == 0
    assert value(away.body, "linkmw_native_doors_open") == 1


def test_ops3_a_session_that_stands_because_redis_is_silent_is_counted(recorder: Prometheus) -> None:
    class Silent:
        def recall(self, sid: str) -> None:
            """Nothing is certain here."""

        async def get(self, sid: str) -> None:
            raise Unavailable("Redis")

    guard = Guard(Silent(), lambda: 0)  # type: ignore[arg-type]
    assert asyncio.run(guard.stands(Marker("sid", 100)))
    assert value(recorder.page([]), UNCHECKED.name) == 1


def test_ops3_a_redis_that_is_away_is_timed_in_both_worlds(recorder: Prometheus) -> None:
    from linkmw.run import run_now

    for ping in (
        lambda: asyncio.run(connect("redis://127.0.0.1:9/0").ping()),
        lambda: run_now(connect_blocking("redis://127.0.0.1:9/0").ping()),
    ):
        with pytest.raises(Unavailable):
            ping()
    assert value(recorder.page([]), "linkmw_call_seconds_count", part="redis", result="failed") == 2


def test_ops3_off_nothing_is_kept_and_nothing_is_loaded() -> None:
    assert metrics.timed("redis") is metrics.timed("sql")  # one value, made once
    metrics.count(EVENTS, "x", "x", "x", "x", "x")
    code = "import sys, linkmw.hub.app, linkmw.gate.build; print([n for n in sys.modules if 'prometheus' in n])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_ds06_ops3_words_that_somebody_invents_are_one_number(recorder: Prometheus) -> None:
    for number in range(MOST + 50):
        metrics.count(EVENTS, "sign_in", "refused", f"invented_{number}", "acme", "orders")
    other = dict.fromkeys(EVENTS.labels, "other")
    assert value(recorder.page([]), EVENTS.name, **other) == 50
    metrics.count(EVENTS, "sign_in", "refused", "invented_7", "acme", "orders")
    assert value(recorder.page([]), EVENTS.name, **event("sign_in", "refused", "invented_7")) == 2


def test_ops3_nobody_fails_for_a_number(recorder: Prometheus, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        metrics.count(EVENTS, "too", "few")
        metrics.observe(REQUESTS, seconds=1.0)
    assert [record.message for record in caplog.records] == ["metrics cannot be recorded: ValueError"]


def test_ops3_processes_are_one_page_and_a_dead_one_still_counts(tmp_path: Path) -> None:
    counts = (
        "from linkmw import metrics, prometheus; page = prometheus.switch_on().page;"
        "metrics.count(metrics.EVENTS, 'linked', 'ok', '', 'acme', 'orders');"
        "metrics.observe(metrics.CALLS, 'sql', 'ok', seconds=0.25);"
        "print(page([(metrics.UP, ('sql',), 1.0)]).decode())"
    )
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "made by us")}
    pages = [
        subprocess.run([sys.executable, "-c", counts], capture_output=True, text=True, check=True, env=environ).stdout
        for _ in range(3)
    ]
    assert [value(page, EVENTS.name, **event("linked")) for page in pages] == [1, 2, 3]
    assert value(pages[-1], "linkmw_call_seconds_sum", part="sql", result="ok") == 0.75
    assert value(pages[-1], "linkmw_up", part="sql") == 1


def test_cf01_a_hub_that_is_to_be_watched_and_cannot_refuses_to_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "linkmw.prometheus", None)
    with pytest.raises(SettingsError, match=r"pip install 'linkmw\[metrics\]'"):
        monitor.prepare(replace(SETTINGS, monitor_token=TOKEN))
    monitor.prepare(SETTINGS)
    gate_monitor.prepare(GateWorld(monitor_token=TOKEN).settings)  # a product starts all the same
    assert "pip install 'linkmw[metrics]'" in caplog.text


def test_ops3_a_call_that_fails_is_timed_as_that_and_raises(recorder: Prometheus) -> None:
    with pytest.raises(Unavailable), metrics.timed("smtp"):
        raise Unavailable("SMTP")
    assert value(recorder.page([]), f"{CALLS.name}_count", part="smtp", result="failed") == 1


@pytest.mark.parametrize(("workers", "token", "made"), [(1, TOKEN, False), (4, "", False), (4, TOKEN, True)])
def test_ops3_workers_of_one_hub_count_in_one_folder_that_is_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch, workers: int, token: str, made: bool
) -> None:
    seen: list[str | None] = []
    monkeypatch.setattr(serving, "load_hub", lambda: replace(SETTINGS, monitor_token=Secret(token)))
    monkeypatch.setattr(serving, "_serve", lambda *_: seen.append(os.environ.get(serving.FOLDER)))
    serving.serve_forever("127.0.0.1", 8080, workers, "text")
    [folder] = seen
    assert (folder is not None, serving.FOLDER in os.environ) == (made, False)
    assert folder is None or not Path(folder).exists()
