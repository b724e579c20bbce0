"""Metrics, health, spans and logs."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from components.eventgrid_pubsub.app import Component, PortUnavailable, Settings
from components.eventgrid_pubsub.sockets import SOCKET_NAME
from components.eventgrid_pubsub.telemetry import configure_logging
from components.eventgrid_pubsub.tracing import Tracing, configured
from tests.support.fake_event_grid import KEY, FakeEventGrid, event
from tests.support.ports import free_port
from tests.support.pubsub_client import Client, connected
from tests.support.waiting import until

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def component(
    folder: Path, grid: FakeEventGrid, port: int, spans: InMemorySpanExporter
) -> AsyncIterator[Component]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    one = Component(
        Settings(folders=(folder,), http_port=port), tracing=Tracing(provider.get_tracer("tests"))
    )
    await one.start()
    yield one
    grid.ending = True
    await one.stop(0)


async def get(port: int, path: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        assert answer.status == 200
        return await answer.text()


async def test_metrics_tell_what_happened(client: Client, grid: FakeEventGrid, port: int) -> None:
    stream = await client.subscribe("orders")
    await client.publish("orders", event(1, time="2020-01-01T00:00:00.1234567Z"))
    message = await stream.next()
    where = 'instance="image-events",subscription="app",topic="orders"'
    during = await get(port, "/metrics")
    assert f"dapr_eventgrid_events_in_flight{{{where}}} 1.0" in during
    assert f"dapr_eventgrid_lanes{{{where}}} 1.0" in during
    await stream.nack(message)
    await stream.ack(await stream.next())
    await until(lambda: grid.left() == 0)
    after = await get(port, "/metrics")
    for line in (
        f"dapr_eventgrid_events_received_total{{{where}}} 2.0",
        f"dapr_eventgrid_events_acknowledged_total{{{where}}} 1.0",
        f'dapr_eventgrid_events_released_total{{delay_seconds="0",{where}}} 1.0',
        f"dapr_eventgrid_events_rejected_total{{{where}}} 0.0",
        f"dapr_eventgrid_locks_lost_total{{{where}}} 0.0",
        f"dapr_eventgrid_events_in_flight{{{where}}} 0.0",
        f"dapr_eventgrid_handler_duration_seconds_count{{{where}}} 2.0",
        'dapr_eventgrid_events_published_total{instance="image-events",topic="orders"} 1.0',
        'dapr_eventgrid_call_duration_seconds_count{instance="image-events",operation="publish",status="200"} 1.0',
    ):
        assert line in after, line
    lag = next(line for line in after.splitlines() if line.startswith("dapr_eventgrid_event_lag_seconds{"))
    assert float(lag.rsplit(" ", 1)[1]) > 86_400 * 365


async def test_health_tells_who_is_there(
    client: Client, grid: FakeEventGrid, port: int, folder: Path
) -> None:
    await client.subscribe("orders#1")
    await until(lambda: grid.polling)
    health = json.loads(await get(port, "/healthz"))
    assert health["status"] == "ok"
    assert health["sockets"] == [str(folder / SOCKET_NAME)]
    (instance,) = health["instances"]
    assert instance["instance"] == "image-events"
    assert instance["consumer_id"] == "app"
    assert instance["subscriptions"] == [
        {"topic": "orders", "subscription": "app", "lanes": 1, "in_flight": 0, "problem": None}
    ]
    assert KEY not in json.dumps(health)


async def test_spans_join_the_trace_of_the_event(
    client: Client, grid: FakeEventGrid, spans: InMemorySpanExporter
) -> None:
    stream = await client.subscribe("orders")
    await client.publish("orders", event(1, traceparent=f"00-{TRACE}-{PARENT}-01"))
    await stream.nack(await stream.next(), "not today")
    await stream.ack(await stream.next())
    await until(lambda: len(spans.get_finished_spans()) == 3)
    publish, refused, handled = spans.get_finished_spans()
    for span in (publish, refused, handled):
        assert format(span.context.trace_id, "032x") == TRACE
        assert span.parent is not None
        assert format(span.parent.span_id, "016x") == PARENT
        assert span.attributes is not None
        assert span.attributes["messaging.message.id"] == "event-1"
        assert span.attributes["messaging.destination.name"] == "orders"
    assert (publish.name, publish.kind) == ("publish orders", SpanKind.PRODUCER)
    assert (refused.name, refused.kind) == ("process orders", SpanKind.CONSUMER)
    assert (refused.status.status_code, refused.status.description) == (StatusCode.ERROR, "not today")
    assert handled.status.status_code is StatusCode.UNSET
    assert handled.attributes is not None
    assert handled.attributes["messaging.eventgrid.delivery_count"] == 2


async def test_without_an_endpoint_there_are_no_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", raising=False)
    tracing, end = configured()
    assert not tracing.enabled
    end()


async def test_a_port_in_use_says_so(component: Component, folder: Path, port: int) -> None:
    second = Component(Settings(folders=(folder / "second",), http_port=port))
    with pytest.raises(PortUnavailable, match=f"port {port} cannot be used"):
        await second.start()
    assert not list((folder / "second").iterdir())


async def test_two_folders_are_two_sockets(folder: Path, grid: FakeEventGrid) -> None:
    one = Component(Settings(folders=(folder / "a", folder / "b"), http_port=0))
    await one.start()
    try:
        for name in "ab":
            async with connected(folder / name / SOCKET_NAME) as client:
                await client.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="app")
                await client.publish("orders", event(1))
    finally:
        await one.stop(0)
    assert grid.left() == 2


def test_logs_are_json_on_demand(capfd: pytest.CaptureFixture[str]) -> None:
    import structlog

    configure_logging("json", "info")
    try:
        structlog.get_logger("x").info("something happened", topic="orders")
        structlog.get_logger("x").debug("not this")
    finally:
        structlog.reset_defaults()
    (line,) = capfd.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["level"], entry["topic"]) == ("something happened", "info", "orders")
    assert entry["timestamp"].endswith("Z")
