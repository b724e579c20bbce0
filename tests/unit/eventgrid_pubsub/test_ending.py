"""Stopping in good order."""

import asyncio
import time
from pathlib import Path

import grpc
import pytest

from components.eventgrid_pubsub.app import Component, Settings
from components.eventgrid_pubsub.sockets import SOCKET_NAME, SocketUnavailable
from tests.support.fake_event_grid import KEY, FakeEventGrid, error, event
from tests.support.pubsub_client import Client, connected
from tests.support.waiting import until


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_handlers_may_finish_and_the_rest_goes_back(
    client: Client, grid: FakeEventGrid, component: Component
) -> None:
    quick, slow = await client.subscribe("orders"), await client.subscribe("orders#1")
    grid.put("orders", *(event(number) for number in range(5)))
    first, second = await quick.next(), await slow.next()
    stopping = asyncio.ensure_future(component.stop(1.0))
    await quick.ack(first)
    await until(
        lambda: [one["id"] for one in grid.acknowledged] == [first.event["id"]], what="the finished one"
    )
    await stopping
    assert grid.locked() == 0
    assert grid.left() == 4
    assert second.event["id"] not in [one["id"] for one in grid.acknowledged]


async def test_nothing_new_is_handed_over_while_stopping(
    client: Client, grid: FakeEventGrid, component: Component
) -> None:
    busy, idle = await client.subscribe("orders"), await client.subscribe("orders#1")
    grid.put("orders", event(1))
    held = await busy.next()
    stopping = asyncio.ensure_future(component.stop(5.0))
    await until(lambda: grid.polling == 0, what="no call waits for events")
    grid.put("orders", *(event(number) for number in range(2, 6)))
    with pytest.raises(TimeoutError):
        await idle.next(0.3)
    await busy.ack(held)
    started = time.monotonic()
    await stopping
    assert time.monotonic() - started < 2, "nothing was left to wait for"
    assert (grid.left(), grid.locked()) == (4, 0)


async def test_events_on_their_way_are_given_back(
    client: Client, grid: FakeEventGrid, component: Component
) -> None:
    grid.holds["receive"] = asyncio.Event()
    stream = await client.subscribe("orders")
    await until(lambda: grid.of("receive"))
    grid.put("orders", event(1))
    stopping = asyncio.ensure_future(component.stop(1.0))
    await until(lambda: "'lanes': 1" in str(component.status()))
    grid.holds["receive"].set()
    await stopping
    assert (grid.left(), grid.locked()) == (1, 0)
    assert len(grid.of("release")) == 1
    with pytest.raises((EOFError, grpc.aio.AioRpcError)):
        await stream.next()


async def test_streams_end_and_the_socket_is_gone(client: Client, component: Component, folder: Path) -> None:
    stream = await client.subscribe("orders")
    reading = asyncio.ensure_future(stream.next(10))
    await until(lambda: "'lanes': 1" in str(component.status()))
    await component.stop(0)
    with pytest.raises((EOFError, grpc.aio.AioRpcError)):
        await reading
    assert not names(folder)


async def test_it_ends_though_event_grid_does_not_answer(
    client: Client, grid: FakeEventGrid, component: Component
) -> None:
    stream = await client.subscribe("orders")
    grid.put("orders", event(1))
    await stream.next()
    grid.faults.append(lambda call: error(503, "Away"))
    started = time.monotonic()
    await component.stop(0.2)
    assert time.monotonic() - started < 5


async def test_it_can_be_started_again(folder: Path, grid: FakeEventGrid) -> None:
    for number in range(2):
        component = Component(Settings(folders=(folder,), http_port=0))
        await component.start()
        async with connected(folder / SOCKET_NAME) as client:
            await client.init(endpoint=grid.endpoint, accessKey=KEY, consumerID="app")
            await client.publish("orders", event(number))
        await component.stop(0)
    assert grid.left() == 2


async def test_a_socket_left_behind_is_replaced(folder: Path) -> None:
    first = Component(Settings(folders=(folder,), http_port=0))
    await first.start()
    with pytest.raises(SocketUnavailable, match="another component answers there"):
        await Component(Settings(folders=(folder,), http_port=0)).start()
    await first.stop(0)
    (folder / SOCKET_NAME).write_text("not a socket")
    with pytest.raises(SocketUnavailable, match="not a socket"):
        await Component(Settings(folders=(folder,), http_port=0)).start()
