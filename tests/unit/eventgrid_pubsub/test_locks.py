"""Locks: renewed while a handler works, lost where they are not."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from components.eventgrid_pubsub.telemetry import Metrics
from tests.support.fake_event_grid import KEY, FakeEventGrid, error, event, running
from tests.support.pubsub_client import Client
from tests.support.waiting import until
from tests.unit.eventgrid_pubsub.test_settling import count


@pytest.fixture
async def grid() -> AsyncIterator[FakeEventGrid]:
    async with running(FakeEventGrid(lock_s=1.0)) as fake:
        yield fake


async def init(client: Client, grid: FakeEventGrid, **more: str) -> None:
    await client.init(
        endpoint=grid.endpoint, accessKey=KEY, consumerID="app", lockDuration="1s", retryMaxDelay="0s", **more
    )


async def test_a_handler_may_take_longer_than_the_lock(
    bare: Client, grid: FakeEventGrid, metrics: Metrics
) -> None:
    await init(bare, grid)
    stream = await bare.subscribe("orders")
    grid.put("orders", event(1))
    message = await stream.next()
    received = time.monotonic()
    await until(lambda: time.monotonic() - received > 2.2 and grid.locked() == 1, what="two locks' time")
    await stream.ack(message)
    await until(lambda: grid.left() == 0)
    assert len(grid.of("renewLock")) >= 2
    assert count(metrics, "locks_renewed") == len(grid.of("renewLock"))
    assert count(metrics, "locks_lost") == 0


async def test_events_waiting_for_a_lane_are_renewed_too(bare: Client, grid: FakeEventGrid) -> None:
    await init(bare, grid, maxConcurrentHandlers="1")
    slow, idle = await bare.subscribe("orders"), await bare.subscribe("orders#1")
    grid.put("orders", event(1))
    held = await slow.next()
    await until(lambda: len(grid.of("renewLock")) >= 2)
    assert grid.locked() == 1
    await slow.ack(held)
    idle.close()


async def test_without_renewal_the_event_comes_again_and_the_late_answer_is_dropped(
    bare: Client, grid: FakeEventGrid, metrics: Metrics
) -> None:
    await init(bare, grid, renewLock="false")
    slow, other = await bare.subscribe("orders"), await bare.subscribe("orders#1")
    grid.put("orders", event(1))
    held = await slow.next()
    grid.lock_s = 30
    again = await other.next()
    assert again.metadata["deliverycount"] == "2"
    await other.ack(again)
    await until(lambda: grid.left() == 0 and count(metrics, "locks_lost") == 1)
    await slow.ack(held)
    grid.put("orders", event(2), event(3))
    for stream in (slow, other):
        await stream.ack(await stream.next())
    await until(lambda: grid.left() == 0)
    assert count(metrics, "locks_lost") == 1
    assert not grid.of("renewLock")
    assert "token-1" not in [token for call in grid.of("acknowledge") for token in call.tokens]


async def test_a_lock_that_cannot_be_renewed_is_lost(
    bare: Client, grid: FakeEventGrid, metrics: Metrics
) -> None:
    await init(bare, grid)
    stream = await bare.subscribe("orders")
    grid.token_errors["token-1"] = "TokenLost"
    grid.put("orders", event(1))
    message = await stream.next()
    await until(lambda: count(metrics, "locks_lost") == 1)
    await stream.ack(message)
    again = await stream.next()
    assert again.metadata["deliverycount"] == "2"
    assert "token-1" not in [token for call in grid.of("acknowledge") for token in call.tokens]
    await stream.ack(again)


async def test_renewing_outlives_trouble(bare: Client, grid: FakeEventGrid, metrics: Metrics) -> None:
    await init(bare, grid)
    stream = await bare.subscribe("orders")
    grid.fail_next("renewLock", error(503, "Busy"), error(429, "Slow"))
    grid.put("orders", event(1))
    message = await stream.next()
    await until(lambda: len(grid.of("renewLock")) >= 4)
    await stream.ack(message)
    await until(lambda: grid.left() == 0)
    assert count(metrics, "locks_lost") == 0


async def test_locks_are_kept_for_many_at_once(bare: Client, grid: FakeEventGrid) -> None:
    await init(bare, grid, maxMessagesPerStream="150")
    stream = await bare.subscribe("orders")
    grid.put("orders", *(event(number) for number in range(150)))
    messages = [await stream.next() for _ in range(150)]
    await until(lambda: len(grid.of("renewLock")) >= 4)
    assert all(len(call.tokens) <= 100 for call in grid.of("renewLock"))
    for message in messages:
        await stream.ack(message)
    await until(lambda: grid.left() == 0)
    await asyncio.sleep(0)
