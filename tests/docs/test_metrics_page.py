"""docs/metrics.md names every metric there is with its labels, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from linkmw import metrics

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_ops3_every_metric_is_on_the_page_with_its_labels_and_no_other() -> None:
    rows = re.findall(r"^\| `(linkmw_\w+)` \| ((?:`\w+` ?)*)\|", PAGE, re.MULTILINE)
    told = {name: tuple(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    assert told == {metric.name: metric.labels for metric in metrics.ALL}
    assert len(rows) == len(told)


def test_ops3_names_are_as_prometheus_wants_them() -> None:
    for metric in metrics.ALL:
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.name.endswith("_seconds") or metric.kind != "histogram"


def test_ops3_no_label_is_a_persons() -> None:
    persons = {"account", "account_id", "sub", "username", "email", "ip", "flow", "ref", "actor", "session"}
    assert not persons & {label for metric in metrics.ALL for label in metric.labels}
