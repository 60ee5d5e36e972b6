"""Spans, by the real OpenTelemetry SDK."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.hub.world import World

from linkmw import tracing
from linkmw.errors import Unavailable


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("linkmw")
    monkeypatch.setattr(tracing, "_tracer", lambda: tracer)
    yield exporter
    provider.shutdown()


def test_ops3_a_request_is_a_span_by_its_pattern_and_what_it_asks_is_inside(
    world: World, spans: InMemorySpanExporter
) -> None:
    person = world.person()
    world.link(person)
    person.get(world.unlink_path())  # its address holds a token
    done = spans.get_finished_spans()
    requests = {span.context.span_id: span for span in done if span.name[:4] in ("GET ", "POST")}
    assert "GET /unlink/{token}" in {span.name for span in requests.values()}
    asked = [span for span in done if span.name == "sql" and span.parent]
    assert asked
    assert all(span.parent.span_id in requests for span in asked if span.parent)
    assert {key for span in done for key in span.attributes or {}} == set()


def test_ops3_i9_a_span_that_failed_says_by_which_class_and_nothing_else(spans: InMemorySpanExporter) -> None:
    with pytest.raises(Unavailable), tracing.span("redis"):
        raise Unavailable("redis://user:password@host")
    [span] = spans.get_finished_spans()
    assert (span.status.is_ok, span.status.description, span.events) == (False, "Unavailable", ())
    assert "password" not in span.to_json()


def test_ops3_without_the_api_there_are_none() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from linkmw import tracing\n"
        "with tracing.span('redis') as span: print(span, tracing.span('a') is tracing.span('b'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "None True\n"
