"""The Grafana board and the alert rules: each metric, label and event in them is one there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from linkmw import metrics
from linkmw.gate import audit
from linkmw.hub import ports

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "observability"
BOARD: dict[str, Any] = json.loads((FOLDER / "grafana-linkmw.json").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "prometheus-rules.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
EVENTS = {*get_args(ports.Event), *get_args(audit.Event)}
LABELS = {metric.name: {*metric.labels, "job", "instance"} for metric in metrics.ALL}
_HISTOGRAM = re.compile(r"_(bucket|count|sum)$")


def expressions() -> Iterator[tuple[str, str]]:
    for panel in BOARD["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])
    yield from ((rule["alert"], rule["expr"]) for rule in RULES)


def metric_of(series: str) -> str:
    """The metric that a series belongs to: a histogram has several."""
    bare = _HISTOGRAM.sub("", series)
    return bare if any(m.name == bare and m.kind == "histogram" for m in metrics.ALL) else series


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_ops3_every_metric_label_and_event_in_them_is_one_there_is(where: str, expression: str) -> None:
    series = re.findall(r"\b(linkmw_\w+)(?:\{([^}]*)\})?", expression)
    assert series
    for name, selector in series:
        assert metric_of(name) in LABELS, name
        chosen = dict(re.findall(r'(\w+)=~?"([^"]*)"', selector))
        assert chosen.keys() <= LABELS[metric_of(name)]
        assert set(filter(None, chosen.get("event", "").split("|"))) <= EVENTS
    known = set.union(*(LABELS[metric_of(name)] for name, _ in series)) | {"le"}
    for by in re.findall(r"by \(([^)]*)\)", expression):
        assert set(re.split(r",\s*", by)) <= known
    assert expression.count("(") == expression.count(")")
    assert expression.count("{") == expression.count("}")


def test_ops3_the_board_shows_every_metric_and_no_two_panels_cover_each_other() -> None:
    shown = {metric_of(name) for _, expression in expressions() for name in re.findall(r"linkmw_\w+", expression)}
    assert shown == LABELS.keys()
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_ops3_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert {"summary", "description"} <= rule["annotations"].keys()
        named = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        grouped = set(re.split(r",\s*", re.findall(r"by \(([^)]*)\)", rule["expr"])[0]))
        assert named <= grouped, rule["alert"]
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0m"))
