"""Delivery through a real channel: streams, results, lanes."""

import asyncio

from tests.support.fake_event_grid import FakeEventGrid, event
from tests.support.pubsub_client import Client
from tests.support.waiting import until


async def test_published_event_arrives_and_is_acknowledged(client: Client, grid: FakeEventGrid) -> None:
    stream = await client.subscribe("orders")
    await client.publish("orders", event(1, traceparent="00-aa-bb-01", myext="kept"))
    message = await stream.next()
    assert message.event == event(1, traceparent="00-aa-bb-01", myext="kept")
    assert message.content_type == "application/cloudevents+json"
    assert message.topic == "orders"
    assert message.metadata == {"id": "event-1", "deliverycount": "1"}
    await stream.ack(message)
    await until(lambda: grid.acknowledged, what="acknowledgement")
    assert grid.left() == 0


async def test_a_refused_event_comes_again_with_a_higher_count(client: Client, grid: FakeEventGrid) -> None:
    stream = await client.subscribe("orders")
    grid.put("orders", event(1))
    first = await stream.next()
    await stream.nack(first)
    second = await stream.next()
    assert second.event == first.event
    assert second.metadata["deliverycount"] == "2"
    await stream.ack(second)
    await until(lambda: grid.left() == 0)
    assert [call.query["releaseDelayInSeconds"] for call in grid.of("release")] == ["0"]


async def test_lanes_share_one_receive_loop_and_work_at_the_same_time(
    client: Client, grid: FakeEventGrid
) -> None:
    lanes = [await client.subscribe(name) for name in ("orders", "orders#1", "orders#2", "orders#3")]
    grid.put("orders", *(event(number) for number in range(4)))
    messages = await asyncio.gather(*(lane.next() for lane in lanes))
    assert {message.event["id"] for message in messages} == {f"event-{number}" for number in range(4)}
    assert [message.topic for message in messages] == ["orders", "orders#1", "orders#2", "orders#3"]
    await asyncio.gather(*(lane.ack(message) for lane, message in zip(lanes, messages, strict=True)))
    await until(lambda: grid.left() == 0)


async def test_a_lane_has_one_message_at_a_time(client: Client, grid: FakeEventGrid) -> None:
    slow, quick = await client.subscribe("orders"), await client.subscribe("orders#1")
    grid.put("orders", *(event(number) for number in range(10)))
    held = await slow.next()
    seen = {held.event["id"]}
    for _ in range(9):
        message = await quick.next()
        seen.add(message.event["id"])
        await quick.ack(message)
    assert seen == {f"event-{number}" for number in range(10)}
    await until(lambda: grid.left() == 1)
    await slow.ack(held)
    await until(lambda: grid.left() == 0)


async def test_a_closed_stream_gives_its_message_back_at_once(client: Client, grid: FakeEventGrid) -> None:
    stream, other = await client.subscribe("orders"), await client.subscribe("orders#1")
    grid.put("orders", event(1))
    await stream.next()
    stream.close()
    again = await other.next()
    assert again.metadata["deliverycount"] == "2"
    await other.ack(again)
    await until(lambda: grid.left() == 0)


async def test_with_no_stream_left_nothing_stays_locked(client: Client, grid: FakeEventGrid) -> None:
    stream = await client.subscribe("orders")
    grid.put("orders", *(event(number) for number in range(5)))
    await stream.next()
    stream.close()
    await until(lambda: grid.left() == 5 and grid.locked() == 0, what="events given back")
    received = len(grid.of("receive"))
    grid.put("orders", event(9))
    await asyncio.sleep(0)
    assert len(grid.of("receive")) == received
