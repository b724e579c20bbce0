"""Server-sent events, over a real server: a stream that never ends needs one."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn

from services.contracts.records import Status
from services.platform.errors import Unavailable
from services.platform.serve import Server
from services.query.adapters.feed import QUEUE_SIZE, MemoryFeed
from services.query.domain import Change
from tests.support.ports import free_port
from tests.support.records import classified, received
from tests.support.waiting import until
from tests.unit.query.conftest import World
from tests.unit.query.test_subscriptions import CHANGED, CREATED, blob_created, changed, deliver


@asynccontextmanager
async def served(world: World) -> AsyncIterator[tuple[httpx.AsyncClient, Server]]:
    port = free_port()
    server = Server(uvicorn.Config(world.app(), port=port, log_config=None, timeout_graceful_shutdown=10))
    task = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started or task.done(), what="the server")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            yield client, server
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 10)


class Stream:
    """What came so far."""

    def __init__(self, response: httpx.Response) -> None:
        self.text = ""
        self.task = asyncio.create_task(self._read(response))

    async def _read(self, response: httpx.Response) -> None:
        async for part in response.aiter_text():
            self.text += part

    async def has(self, count: int) -> None:
        await until(lambda: len(self.events) == count)

    @property
    def events(self) -> list[dict[str, object]]:
        frames = self.text.split("\n\n")
        return [
            json.loads(frame.split("data: ")[1]) for frame in frames if frame.startswith("event: image\n")
        ]


@asynccontextmanager
async def watching(client: httpx.AsyncClient) -> AsyncIterator[Stream]:
    async with client.stream("GET", "/v1/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        stream = Stream(response)
        await until(lambda: "retry:" in stream.text)
        yield stream
        stream.task.cancel()
        await asyncio.gather(stream.task, return_exceptions=True)


async def clients(client: httpx.AsyncClient) -> float:
    text = (await client.get("/metrics")).text
    return float(text.split("\nclaimlens_event_clients ")[1].split()[0])


async def test_one_event_for_each_change_to_every_client(world: World) -> None:
    async with served(world) as (client, _), watching(client) as one, watching(client) as other:
        world.store(received(1))
        for _ in range(2):
            await deliver(client, CREATED, blob_created(received(1)))
        world.store(classified(1))
        for _ in range(2):
            await deliver(client, CHANGED, changed(received(1).id))
        for stream in (one, other):
            await stream.has(2)
            assert [event["status"] for event in stream.events] == ["received", "classified"]
            assert stream.events[0] == {"id": received(1).id, "status": "received", "claim_id": "C-1"}


async def test_heartbeats(world: World) -> None:
    async with served(world) as (client, _), watching(client) as stream:
        await until(lambda: stream.text.count(": still here") >= 2)


async def test_a_client_that_leaves_is_forgotten(world: World) -> None:
    async with served(world) as (client, _):
        async with watching(client):
            assert await clients(client) == 1

        async def gone() -> bool:
            return await clients(client) == 0

        await until(gone)


async def test_streams_are_limited(world: World) -> None:
    world.settings = world.settings.model_copy(update={"event_clients": 1})
    async with served(world) as (client, _), watching(client):
        response = await client.get("/v1/events")
        assert response.status_code == 503
        assert response.json()["type"] == "urn:claimlens:problem:too-many-streams"


async def test_streams_end_when_the_process_is_told_to(world: World) -> None:
    async with served(world) as (client, server), watching(client) as stream:
        server.should_exit = True
        await asyncio.wait_for(stream.task, 5)


async def test_a_slow_client_is_told_that_it_lost_some() -> None:
    feed = MemoryFeed(2)
    with feed.watch() as slow, feed.watch() as quick:
        for number in range(QUEUE_SIZE + 3):
            feed.publish(Change(str(number), Status.RECEIVED))
            await quick.next(1)
        assert slow.take_lost()
        assert not slow.take_lost()
        assert not quick.take_lost()
        late = await slow.next(1)
        assert late is not None
        assert late.id == str(QUEUE_SIZE + 1)


async def test_a_closed_feed_takes_nobody() -> None:
    feed = MemoryFeed(2)
    feed.close()
    with pytest.raises(Unavailable):
        feed.admit()
    with feed.watch() as watcher:
        assert watcher.closed
        assert await watcher.next(1) is None
    assert len(feed) == 0
