"""What Dapr is told, and what it is answered, whatever it sends."""

import json

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry
from structlog.testing import LogCapture

from services.classifier.adapters.measured import MeasuredAnalyzer
from services.classifier.errors import AnalyzerRefused
from services.classifier.main import Ports, create_app
from services.classifier.metrics import ClassifierMetrics
from services.classifier.settings import Settings
from tests.unit.classifier.conftest import ETAG, ID, Driver, World, event


async def test_lanes_share_one_route(world: World) -> None:
    driver = world.start(lanes=3)
    subscriptions = (await driver.http.get("/dapr/subscribe")).json()
    assert [(s["pubsubname"], s["topic"], s["route"]) for s in subscriptions] == [
        ("image-events", "blob-created", "/events/blob-created"),
        ("image-events", "blob-created#1", "/events/blob-created"),
        ("image-events", "blob-created#2", "/events/blob-created"),
        ("image-events", "blob-created-dead", "/events/blob-created-dead"),
    ]
    assert all(s["metadata"] == {"consumerID": "classifier"} for s in subscriptions)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"nonsense",
        b"[]",
        b"[1]",
        b"{}",
        b"null",
        b'"text"',
        json.dumps(event(type="com.example.other")).encode(),
        json.dumps(event(data=None)).encode(),
        json.dumps(event(data="text")).encode(),
        json.dumps(event(data={"api": "PutBlob"})).encode(),
        json.dumps(event(subject="/blobServices/default")).encode(),
        json.dumps(event(container="thumbnails")).encode(),
        json.dumps(event(blob="somebody/else.jpg")).encode(),
        json.dumps(event(blob=f"_originals/C-1/{ID}.heic")).encode(),
        json.dumps(event(data={**event()["data"], "api": "CreateFile"})).encode(),
    ],
)
@pytest.mark.parametrize("topic", ["blob-created", "blob-created-dead"])
async def test_what_is_not_ours_is_dropped(classifier: Driver, world: World, body: bytes, topic: str) -> None:
    assert await classifier.deliver(body, topic=topic) == "DROP"
    assert world.analyzer.calls == 0
    assert world.publisher.events == []


@pytest.mark.parametrize("topic", ["blob-created", "blob-created-dead"])
async def test_our_own_events_of_a_later_type_are_left_to_a_newer_version(
    classifier: Driver, world: World, topic: str
) -> None:
    body = json.dumps(event(type="claimlens.classification.withdrawn", data={"id": ID})).encode()
    assert await classifier.deliver(body, topic=topic) == "RETRY"
    assert world.analyzer.calls == 0
    assert 'kind="unknown-type"' in (await classifier.http.get("/metrics")).text


async def test_another_blob_with_the_same_id_is_dropped(classifier: Driver, world: World) -> None:
    copy = event(blob=f"C-2/{world.record.id}.jpg")
    assert await classifier.deliver(copy) == "DROP"
    assert world.analyzer.calls == 0


async def test_a_one_element_array_is_an_event(classifier: Driver, world: World) -> None:
    assert await classifier.deliver(json.dumps([event()]).encode()) == "SUCCESS"
    assert world.record.status == "classified"


async def test_an_unforeseen_error_is_retried(classifier: Driver, world: World) -> None:
    world.analyzer.will_raise(ZeroDivisionError("a bug"))
    assert await classifier.deliver() == "RETRY"
    assert await classifier.deliver() == "SUCCESS"


async def test_deliveries_are_counted(classifier: Driver, world: World) -> None:
    await classifier.deliver()
    await classifier.deliver(b"nonsense")
    text = (await classifier.http.get("/metrics")).text
    assert 'claimlens_deliveries_total{kind="classified",outcome="SUCCESS",topic="blob-created"} 1.0' in text
    assert 'claimlens_deliveries_total{kind="not-ours",outcome="DROP",topic="blob-created"} 1.0' in text
    assert 'claimlens_deliveries_in_flight{topic="blob-created"} 0.0' in text


async def test_readyz_tells_that_vision_refuses(classifier: Driver, world: World) -> None:
    assert (await classifier.http.get("/readyz")).status_code == 200
    world.analyzer.refusal = AnalyzerRefused("Vision answered 401: bad key")
    answer = await classifier.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == {"fake-vision": "Vision answered 401: bad key"}


async def test_a_deliverys_log_line_says_what_and_how_long(world: World) -> None:
    capture = LogCapture()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    try:
        registry = CollectorRegistry()
        measured = MeasuredAnalyzer(world.analyzer, ClassifierMetrics(registry))
        ports = Ports(world.records, world.claims, world.link, (measured,), world.publisher)
        transport = httpx.ASGITransport(create_app(Settings(), ports))
        async with httpx.AsyncClient(transport=transport, base_url="http://classifier.test") as http:
            await Driver(http).deliver()
    finally:
        structlog.reset_defaults()
    [line] = [entry for entry in capture.entries if entry["event"] == "delivery"]
    assert line["image_id"] == ID
    assert line["etag"] == ETAG
    assert (line["outcome"], line["kind"], line["topic"]) == ("SUCCESS", "classified", "blob-created")
    assert 0 <= line["engine_ms"]["fake-vision"] <= line["ms"]
    assert len(line["trace_id"]) == 32
