"""Acknowledging and releasing: in batches, again while the lock lives, not after it is lost."""

import asyncio

from components.eventgrid_pubsub.telemetry import Metrics
from tests.support.fake_event_grid import KEY, FakeEventGrid, error, event
from tests.support.pubsub_client import Client
from tests.support.waiting import until

LABELS = {"instance": "image-events", "topic": "orders", "subscription": "app"}


def count(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(f"dapr_eventgrid_{name}_total", {**LABELS, **labels}) or 0


async def test_acknowledgements_share_requests(client: Client, grid: FakeEventGrid) -> None:
    lanes = [await client.subscribe(f"orders#{number}") for number in range(30)]
    grid.put("orders", *(event(number) for number in range(30)))
    messages = await asyncio.gather(*(lane.next() for lane in lanes))
    await asyncio.gather(*(lane.ack(message) for lane, message in zip(lanes, messages, strict=True)))
    await until(lambda: grid.left() == 0)
    assert len(grid.of("acknowledge")) < 15


async def test_a_failed_acknowledgement_is_repeated(
    client: Client, grid: FakeEventGrid, metrics: Metrics
) -> None:
    grid.fail_next("acknowledge", error(503, "Busy"), error(429, "Slow", Retry_After="0"), error(500, "Oops"))
    stream = await client.subscribe("orders")
    grid.put("orders", event(1))
    await stream.ack(await stream.next())
    await until(lambda: grid.left() == 0)
    assert len(grid.of("acknowledge")) == 4
    assert count(metrics, "events_acknowledged") == 1
    assert count(metrics, "locks_lost") == 0


async def test_tokens_that_failed_for_a_while_are_repeated_alone(client: Client, grid: FakeEventGrid) -> None:
    streams = [await client.subscribe(f"orders#{number}") for number in range(2)]
    grid.put("orders", event(0), event(1))
    messages = [await stream.next() for stream in streams]
    grid.token_errors["token-2"] = "InternalServerError"
    for stream, message in zip(streams, messages, strict=True):
        await stream.ack(message)
    await until(lambda: grid.left() == 0)
    assert grid.of("acknowledge")[-1].tokens == ["token-2"]


async def test_a_lost_token_is_counted_and_let_be(
    client: Client, grid: FakeEventGrid, metrics: Metrics
) -> None:
    stream = await client.subscribe("orders")
    grid.put("orders", event(1))
    message = await stream.next()
    grid.token_errors["token-1"] = "TokenLost"
    await stream.ack(message)
    await until(lambda: count(metrics, "locks_lost") == 1)
    assert count(metrics, "events_acknowledged") == 0
    assert len(grid.of("acknowledge")) == 1


async def test_repeating_ends_with_the_lock(bare: Client, grid: FakeEventGrid, metrics: Metrics) -> None:
    await bare.init(
        endpoint=grid.endpoint, accessKey=KEY, consumerID="app", lockDuration="1s", renewLock="false"
    )
    stream = await bare.subscribe("orders")
    grid.put("orders", event(1))
    grid.faults.append(lambda call: error(503, "Busy") if call.operation == "acknowledge" else None)
    await stream.ack(await stream.next())
    await until(lambda: count(metrics, "locks_lost") == 1)
    repeated = len(grid.of("acknowledge"))
    assert 1 < repeated < 40


async def test_a_refusal_of_the_call_loses_its_events(
    client: Client, grid: FakeEventGrid, metrics: Metrics
) -> None:
    grid.fail_next("acknowledge", error(403, "Forbidden"))
    stream = await client.subscribe("orders")
    grid.put("orders", event(1))
    await stream.ack(await stream.next())
    await until(lambda: count(metrics, "locks_lost") == 1)


async def test_delays_grow_with_the_deliveries(bare: Client, grid: FakeEventGrid, metrics: Metrics) -> None:
    await bare.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="app")
    stream = await bare.subscribe("orders")
    grid.put("orders", event(1))
    for _ in range(3):
        await stream.nack(await stream.next())
    await until(lambda: len(grid.of("release")) == 3)
    assert [call.query["releaseDelayInSeconds"] for call in grid.of("release")] == ["0", "0", "10"]
    await until(lambda: count(metrics, "events_released", delay_seconds="10") == 1)
    assert grid.left() == 1


async def test_an_answer_given_twice_counts_once(client: Client, grid: FakeEventGrid) -> None:
    stream = await client.subscribe("orders")
    grid.put("orders", event(1), event(2))
    first = await stream.next()
    await stream.ack(first)
    await stream.ack(first)
    second = await stream.next()
    assert second.event["id"] == "event-2"
    await stream.ack(second)
    await until(lambda: grid.left() == 0)
    assert sorted(token for call in grid.of("acknowledge") for token in call.tokens) == ["token-1", "token-2"]
