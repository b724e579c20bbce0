"""The receive loop: how much it takes, what it outlives, what it will not hand over."""

import asyncio

import pytest
from aiohttp import web

from components.eventgrid_pubsub.app import Component
from components.eventgrid_pubsub.telemetry import Metrics
from tests.support.fake_event_grid import KEY, FakeEventGrid, error, event, running
from tests.support.ports import free_port
from tests.support.pubsub_client import Client
from tests.support.waiting import until
from tests.unit.eventgrid_pubsub.test_settling import LABELS, count


async def test_the_request_is_what_event_grid_takes(client: Client, grid: FakeEventGrid) -> None:
    await client.subscribe("orders")
    await until(lambda: grid.of("receive"))
    (call,) = grid.of("receive")
    assert (call.topic, call.subscription, call.body) == ("orders", "app", b"")
    assert call.query == {"api-version": "2024-06-01", "maxEvents": "1", "maxWaitTime": "60"}
    assert call.headers["Content-Length"] == "0"
    assert "Content-Type" not in call.headers


async def test_no_more_is_taken_than_handlers_can_have(bare: Client, grid: FakeEventGrid) -> None:
    await bare.init(
        endpoint=grid.endpoint,
        accessKey=KEY,
        consumerID="app",
        maxConcurrentHandlers="3",
        maxMessagesPerStream="10",
    )
    stream = await bare.subscribe("orders")
    grid.put("orders", *(event(number) for number in range(20)))
    messages = [await stream.next() for _ in range(3)]
    with pytest.raises(TimeoutError):
        await stream.next(0.3)
    assert grid.locked() == 3
    for message in messages:
        await stream.ack(message)
    await stream.next()


async def test_the_limit_holds_when_events_are_received_ahead(
    bare: Client, grid: FakeEventGrid, metrics: Metrics
) -> None:
    await bare.init(
        endpoint=grid.endpoint,
        accessKey=KEY,
        consumerID="app",
        maxConcurrentHandlers="3",
        maxMessagesPerStream="10",
    )
    stream = await bare.subscribe("orders")
    grid.put("orders", *(event(number) for number in range(600)))
    for _ in range(400):
        await stream.ack(await stream.next())
    held = [await stream.next() for _ in range(3)]
    with pytest.raises(TimeoutError):
        await stream.next(0.3)
    ahead = metrics.registry.get_sample_value("dapr_eventgrid_events_buffered", LABELS)
    assert ahead, "quick handlers have events received ahead"
    stream.close()
    await until(lambda: grid.locked() == 0, what="those ahead and those held given back")
    assert grid.left() == 200
    assert len(held) == 3


async def test_one_stream_takes_as_many_as_it_may(bare: Client, grid: FakeEventGrid) -> None:
    await bare.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="app", maxMessagesPerStream="8")
    stream = await bare.subscribe("orders")
    grid.put("orders", *(event(number) for number in range(8)))
    messages = [await stream.next() for _ in range(8)]
    for message in reversed(messages):
        await stream.ack(message)
    await until(lambda: grid.left() == 0)


async def test_idle_lanes_come_first(bare: Client, grid: FakeEventGrid, component: Component) -> None:
    await bare.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="app", maxMessagesPerStream="2")
    lanes = [await bare.subscribe(f"orders#{number}") for number in range(4)]
    await until(lambda: "'lanes': 4" in str(component.status()))
    grid.put("orders", *(event(number) for number in range(4)))
    await asyncio.gather(*(lane.next() for lane in lanes))


async def test_requests_keep_to_max_events(bare: Client, grid: FakeEventGrid) -> None:
    await bare.init(
        endpoint=grid.endpoint, accessKey=KEY, consumerID="app", maxEvents="5", maxMessagesPerStream="40",
        maxWaitTime="10s",
    )  # fmt: skip
    stream = await bare.subscribe("orders")
    grid.put("orders", *(event(number) for number in range(20)))
    for _ in range(20):
        await stream.next()
    assert {call.query["maxEvents"] for call in grid.of("receive")} == {"5"}
    assert grid.of("receive")[0].query["maxWaitTime"] == "10"


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
async def test_whatever_is_answered_it_goes_on(
    client: Client, grid: FakeEventGrid, component: Component, status: int
) -> None:
    grid.put("orders", event(1))
    grid.faults.append(lambda call: error(status, "Trouble", "says the service"))
    stream = await client.subscribe("orders")
    await until(lambda: "says the service" in str(component.status()), what="the trouble in the status")
    grid.faults.clear()
    await stream.ack(await stream.next(10))
    await until(lambda: grid.left() == 0)
    assert "says the service" not in str(component.status())


async def test_retry_after_is_honoured(client: Client, grid: FakeEventGrid) -> None:
    grid.put("orders", event(1))
    grid.fail_next("receive", error(503, "Busy", Retry_After="1"))
    stream = await client.subscribe("orders")
    await stream.next()
    first, second = grid.of("receive")[:2]
    assert second.at - first.at >= 1


async def test_an_answer_that_cannot_be_read_is_outlived(client: Client, grid: FakeEventGrid) -> None:
    grid.put("orders", event(1))
    grid.fail_next("receive", web.Response(text="<html>"), web.Response(text='{"value": 7}'))
    stream = await client.subscribe("orders")
    await stream.next()


async def test_event_grid_may_come_later_and_go_and_come_back(bare: Client) -> None:
    port = free_port()
    await bare.init(endpoint=f"http://127.0.0.1:{port}", accessKey=KEY, consumerID="app")
    stream = await bare.subscribe("orders")
    for number in range(2):
        async with running(FakeEventGrid(), port) as grid:
            grid.put("orders", event(number))
            message = await stream.next(15)
            assert message.event["id"] == f"event-{number}"
            await stream.ack(message)
            await until(lambda grid=grid: grid.left() == 0)  # type: ignore[misc]


async def test_what_is_no_event_is_rejected(client: Client, grid: FakeEventGrid, metrics: Metrics) -> None:
    stream = await client.subscribe("orders")
    grid.put("orders", "[1, 2]", '{"id": "x"}', event(1))
    message = await stream.next()
    assert message.event["id"] == "event-1"
    await until(lambda: count(metrics, "events_rejected") == 2)
    assert grid.rejected == ["[1, 2]", '{"id": "x"}']


async def test_events_of_others_arrive_as_they_are(client: Client, grid: FakeEventGrid) -> None:
    body = (
        '{ "source": "/subscriptions/x", "subject": "/blobServices/default/containers/images/blobs/a.jpg",'
        '"type": "Microsoft.Storage.BlobCreated", "id": "1", "specversion": "1.0",'
        '"time": "2026-01-01T00:00:00.1234567Z", "data": {"contentLength": 12345678901234567890123, "x": 1.50} }'
    )
    stream = await client.subscribe("orders")
    grid.put("orders", body)
    assert (await stream.next()).data == body.encode()


async def test_two_consumers_each_get_everything(client: Client, grid: FakeEventGrid) -> None:
    grid.subscriptions["orders"].append("other")
    mine, theirs = await client.subscribe("orders"), await client.subscribe("orders", consumerID="other")
    grid.put("orders", event(1))
    assert (await mine.next()).event == (await theirs.next()).event == event(1)


async def test_pause_hands_over_nothing_and_gives_back_what_waits(
    client: Client, grid: FakeEventGrid
) -> None:
    stream = await client.subscribe("orders")
    grid.put("orders", event(1))
    held = await stream.next()
    await client.pause()
    await client.pause()
    await stream.ack(held)
    await until(lambda: grid.left() == 0)
    grid.put("orders", event(2))
    with pytest.raises(TimeoutError):
        await stream.next(0.5)
    await until(lambda: grid.locked() == 0)
    late = await client.subscribe("orders#1")
    with pytest.raises(TimeoutError):
        await late.next(0.3)
    assert len(grid.of("release")) <= 1, "the call under way gave its event back, and there was no other"


async def test_resume_goes_on(client: Client, grid: FakeEventGrid) -> None:
    stream = await client.subscribe("orders")
    await client.pause()
    grid.put("orders", event(1))
    await client.resume()
    message = await stream.next()
    await stream.ack(message)
    await until(lambda: grid.left() == 0)


async def test_a_standing_backlog_is_drained_in_large_batches(client: Client, grid: FakeEventGrid) -> None:
    lanes = [await client.subscribe(f"orders#{number}") for number in range(16)]
    grid.put("orders", *(event(number) for number in range(1500)))

    async def work(lane_number: int) -> None:
        lane = lanes[lane_number]
        while True:
            await lane.ack(await lane.next(30))

    workers = [asyncio.ensure_future(work(number)) for number in range(16)]
    await until(lambda: grid.left() == 0, 60)
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    sizes = [int(call.query["maxEvents"]) for call in grid.of("receive")]
    assert max(sizes) > 30
    assert len({held["id"] for held in grid.acknowledged}) == len(grid.acknowledged) == 1500
