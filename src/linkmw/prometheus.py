"""Metrics for Prometheus, by prometheus-client (the extra `[metrics]`), on one process or several.

With PROMETHEUS_MULTIPROC_DIR set, all processes of that folder are one page; counters and histograms outlive the
process that counted. Gauges are worked out for the page, so that no process has to keep them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from linkmw import metrics
from linkmw.metrics import Metric, Sample

CONTENT_TYPE = CONTENT_TYPE_LATEST
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MOST = 1000  # combinations of labels for each metric; whatever somebody invents beyond them is "other"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_log = logging.getLogger("linkmw.metrics")


class Prometheus:
    """Implements metrics.Recorder."""

    def __init__(self) -> None:
        if folder := os.environ.get(FOLDER):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        self._registry = CollectorRegistry()
        self._counters = {m.name: _counter(m, self._registry) for m in metrics.ALL if m.kind == "counter"}
        self._histograms = {m.name: _histogram(m, self._registry) for m in metrics.ALL if m.kind == "histogram"}
        self._known: dict[str, set[tuple[str, ...]]] = {metric.name: set() for metric in metrics.ALL}
        self._failed = False

    def count(self, metric: Metric, labels: tuple[str, ...]) -> None:
        try:
            counter = self._counters[metric.name]
            (counter.labels(*self._bounded(metric, labels)) if labels else counter).inc()
        except Exception as error:
            self._say(error)

    def observe(self, metric: Metric, labels: tuple[str, ...], seconds: float) -> None:
        try:
            self._histograms[metric.name].labels(*self._bounded(metric, labels)).observe(seconds)
        except Exception as error:
            self._say(error)

    def page(self, samples: Iterable[Sample]) -> bytes:
        """What Prometheus reads: everything recorded, and these gauges."""
        gauges = CollectorRegistry()
        gauges.register(_Gauges(list(samples)))
        recorded = self._registry
        if folder := os.environ.get(FOLDER):
            recorded = CollectorRegistry()
            MultiProcessCollector(recorded, path=folder)  # type: ignore[no-untyped-call]
        return generate_latest(recorded) + generate_latest(gauges)

    def _bounded(self, metric: Metric, labels: tuple[str, ...]) -> tuple[str, ...]:
        known = self._known[metric.name]
        if labels not in known:
            if len(known) >= MOST:
                return ("other",) * len(labels)
            known.add(labels)
        return labels

    def _say(self, error: Exception) -> None:
        """Once: a full disk would say it with every request."""
        if not self._failed:
            _log.error("metrics cannot be recorded: %s", type(error).__name__)
        self._failed = True


def _counter(metric: Metric, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.what, metric.labels, registry=registry)


def _histogram(metric: Metric, registry: CollectorRegistry) -> Histogram:
    return Histogram(metric.name, metric.what, metric.labels, registry=registry, buckets=BUCKETS)


class _Gauges(Collector):
    def __init__(self, samples: list[Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for metric in dict.fromkeys(sample[0] for sample in self._samples):
            family = GaugeMetricFamily(metric.name, metric.what, labels=metric.labels)
            for _, labels, value in (sample for sample in self._samples if sample[0] == metric):
                family.add_metric(labels, value)
            yield family


_of_this_process: Prometheus | None = None


def switch_on() -> Prometheus:
    """From now on this process records, once whoever asks. Raises OSError for a folder that cannot be used."""
    global _of_this_process
    if _of_this_process is None:
        _of_this_process = Prometheus()
        metrics.record_to(_of_this_process)
    return _of_this_process
