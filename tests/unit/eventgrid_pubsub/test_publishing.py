"""Publish and BulkPublish through a real channel."""

import asyncio
import json
from typing import Any

import grpc
import pytest

from components.eventgrid_pubsub.proto import eventgrid_pubsub_contract_pb2 as pb
from components.eventgrid_pubsub.telemetry import Metrics
from tests.support.fake_event_grid import KEY, Call, FakeEventGrid, error, event
from tests.support.pubsub_client import Client
from tests.support.waiting import until


def published(grid: FakeEventGrid) -> list[str]:
    return [json.loads(held.body)["id"] for held in grid.queues["orders", "app"]]


def waiting(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value(
        "dapr_eventgrid_publish_waiting", {"instance": "image-events", "topic": "orders"}
    )


async def test_the_request_is_what_event_grid_takes(client: Client, grid: FakeEventGrid) -> None:
    await client.publish("orders", event(1))
    (call,) = grid.of("publish")
    assert call.topic == "orders"
    assert call.query == {"api-version": "2024-06-01"}
    assert call.headers["Content-Type"] == "application/cloudevents-batch+json; charset=utf-8"
    assert call.headers["Authorization"] == f"SharedAccessKey {KEY}"
    assert json.loads(call.body) == [event(1)]


async def test_a_lane_publishes_to_its_topic(client: Client, grid: FakeEventGrid) -> None:
    await client.publish("orders#3", event(1))
    assert grid.of("publish")[0].topic == "orders"


async def test_concurrent_calls_share_requests(client: Client, grid: FakeEventGrid, metrics: Metrics) -> None:
    grid.holds["publish"] = asyncio.Event()
    first = asyncio.ensure_future(client.publish("orders", event(0)))
    await until(lambda: grid.of("publish"), what="the first request")
    rest = [asyncio.ensure_future(client.publish("orders", event(number))) for number in range(1, 60)]
    await until(lambda: waiting(metrics) == 59, what="59 calls in the component")
    grid.holds["publish"].set()
    await asyncio.gather(first, *rest)
    assert sorted(published(grid)) == sorted(f"event-{number}" for number in range(60))
    assert [len(json.loads(call.body)) for call in grid.of("publish")] == [1, 59]


async def test_one_bad_event_fails_alone(client: Client, grid: FakeEventGrid) -> None:
    calls = [client.publish("orders", event(number)) for number in range(20)]
    calls.append(client.publish("orders", event(99, poison=True)))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert results[:20] == [None] * 20
    assert isinstance(results[20], grpc.aio.AioRpcError)
    assert results[20].code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "poisonous" in str(results[20].details())
    assert sorted(published(grid)) == sorted(f"event-{number}" for number in range(20))


async def test_requests_keep_to_a_megabyte_and_a_thousand_events(client: Client, grid: FakeEventGrid) -> None:
    large = {f"large-{n}": event(n, data="x" * 300_000) for n in range(8)}
    small = {f"small-{n}": event(100 + n) for n in range(2500)}
    await client.bulk_publish("orders", {**large, **small})
    assert len(published(grid)) == 2508
    assert all(len(call.body) <= 1024 * 1024 for call in grid.of("publish"))
    assert all(len(json.loads(call.body)) <= 1000 for call in grid.of("publish"))


async def test_bulk_with_an_entry_that_cannot_be_published_sends_nothing(
    client: Client, grid: FakeEventGrid
) -> None:
    entries: dict[str, bytes | dict[str, Any]] = {
        "good": event(1),
        "large": event(2, data="x" * 1024 * 1024),
        "broken": b'{"specversion":"1.0"}',
    }
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.bulk_publish("orders", entries)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    details = str(caught.value.details())
    assert details.startswith("nothing was published: large: the event has ")
    assert "(1 MB)" in details
    assert "broken: not a CloudEvent" in details
    assert not grid.of("publish")


async def test_bulk_names_the_entries_that_event_grid_refused(client: Client, grid: FakeEventGrid) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.bulk_publish("orders", {"a": event(1), "b": event(2, poison=True), "c": event(3)})
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    details = str(caught.value.details())
    assert details.startswith("2 entries were published, 1 not: b: Event Grid answered 400")
    assert published(grid) == ["event-1", "event-3"]


async def test_too_large_is_refused_before_it_is_sent(client: Client, grid: FakeEventGrid) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.publish("orders", event(1, data="x" * 1024 * 1024))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "bytes; Event Grid takes at most" in str(caught.value.details())
    assert not grid.of("publish")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, grpc.StatusCode.UNAUTHENTICATED),
        (403, grpc.StatusCode.PERMISSION_DENIED),
        (404, grpc.StatusCode.NOT_FOUND),
    ],
)
async def test_refusals_are_not_repeated(
    client: Client, grid: FakeEventGrid, status: int, expected: grpc.StatusCode
) -> None:
    grid.fail_next("publish", error(status, "Refused"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.publish("orders", event(1))
    assert caught.value.code() is expected
    assert len(grid.of("publish")) == 1


async def test_an_unknown_topic_is_not_found(client: Client) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.publish("nowhere", event(1))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_trouble_is_outlived(
    client: Client, grid: FakeEventGrid, status: int, metrics: Metrics
) -> None:
    grid.fail_next("publish", error(status, "Trouble"), error(status, "Trouble"))
    await client.publish("orders", event(1))
    assert published(grid) == ["event-1"]
    retried = metrics.registry.get_sample_value(
        "dapr_eventgrid_call_retries_total", {"instance": "image-events", "operation": "publish"}
    )
    assert retried == 2


async def test_retry_after_is_honoured(client: Client, grid: FakeEventGrid) -> None:
    grid.fail_next("publish", error(429, "TooManyRequests", Retry_After="1"))
    await client.publish("orders", event(1))
    first, second = grid.of("publish")
    assert second.at - first.at >= 1


async def test_publish_timeout_bounds_it_all(bare: Client, grid: FakeEventGrid) -> None:
    await bare.init(endpoint=grid.endpoint, accessKey=KEY, publishTimeout="300ms")
    grid.faults.append(lambda call: error(503, "Busy"))
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await bare.publish("orders", event(1))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert loop.time() - started < 1.5


async def test_an_answer_that_was_lost_publishes_again(client: Client, grid: FakeEventGrid) -> None:
    lost = [True]

    def fault(call: Call) -> object:
        return error(503, "Lost") if call.operation == "publish" and lost and lost.pop() else None

    grid.after.append(fault)  # type: ignore[arg-type]
    await client.publish("orders", event(1))
    assert published(grid) == ["event-1", "event-1"]


async def test_nobody_there_is_unavailable(bare: Client) -> None:
    await bare.init(endpoint="http://127.0.0.1:9", accessKey=KEY, publishTimeout="200ms")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await bare.publish("orders", event(1))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_an_empty_bulk_is_fine(client: Client, grid: FakeEventGrid) -> None:
    answer = await client.call(
        "BulkPublish", pb.BulkPublishRequest(topic="orders", pubsub_name="image-events")
    )
    assert not answer.failed_entries
    assert not grid.of("publish")


async def test_raw_payload_comes_back_to_who_wants_it_raw(client: Client, grid: FakeEventGrid) -> None:
    await client.publish("orders", b"\x00raw\xff", rawPayload="true")
    raw = await client.subscribe("orders", rawPayload="true")
    message = await raw.next()
    assert message.data == b"\x00raw\xff"
    assert message.content_type == "application/octet-stream"
    await raw.nack(message)
    raw.close()
    cooked = await client.subscribe("orders")
    message = await cooked.next()
    assert message.content_type == "application/cloudevents+json"
    assert message.event["data_base64"] == "AHJhd/8="
